"""The plots of an experiment, each made from what its runs' run.json say."""

# In the order in which the page shows them.
PICTURES = (
    "accuracy",
    "accuracy_rollouts",
    "accuracy_epochs",
    "accuracy_questions",
    "accuracy_lr",
    "entropy",
    "format",
    "kept",
    "breadth",
    "length",
    "levels",
    "time",
)
# Pictures of accuracy along one setting: they show how runs that differ in it compare.
ALONG = {
    "accuracy_rollouts": "sample.rollouts",
    "accuracy_epochs": "sft.epochs",
    "accuracy_questions": "sample.questions",
    "accuracy_lr": "sft.lr",
}
OF_RUN = ("accuracy", "entropy")  # those that every run has of its own
