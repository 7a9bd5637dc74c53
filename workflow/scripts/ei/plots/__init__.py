"""The plots of an experiment, each made from what its runs' run.json say."""

# In the order in which the page shows them.
PICTURES = (
    "accuracy",
    "accuracy_rollouts",
    "accuracy_epochs",
    "accuracy_questions",
    "entropy",
    "format",
    "kept",
    "breadth",
    "length",
    "levels",
    "time",
)
