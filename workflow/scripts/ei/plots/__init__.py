"""The pictures of an experiment, each made from what its runs' run.json say."""

PICTURES = (
    "accuracy", "accuracy_rollouts", "accuracy_epochs", "accuracy_questions", "entropy", "format", "kept", "length",
    "levels", "time",
)  # fmt: skip
