"""Which of a run's steps is the best, and which the last."""

from collections.abc import Sequence
from typing import Any


def highest(evaluations: Sequence[dict[str, Any]]) -> int:
    """The position of the evaluation with the highest accuracy, the earlier of equal ones."""
    return max(
        range(len(evaluations)), key=lambda k: evaluations[k]["accuracy"]
    )  # max takes the first


def best_step(run: dict[str, Any]) -> int:
    """The best step on the development split; without one, that with the highest validation accuracy."""
    return int((run["best"] or run["evaluations"][highest(run["evaluations"])])["step"])


def last_step(run: dict[str, Any]) -> int:
    """The number of the run's last evaluation."""
    return int(run["evaluations"][-1]["step"])
