"""Which of a run's steps is the best, and which the last."""

from collections.abc import Sequence

from ei.schema import BestStep, Evaluation, RunSummary


def highest(evaluations: Sequence[Evaluation]) -> int:
    """The position of the evaluation with the highest accuracy, the earlier of equal ones."""
    accuracies = [evaluation["accuracy"] for evaluation in evaluations]
    return accuracies.index(max(accuracies))


def best_evaluation(evaluations: Sequence[Evaluation]) -> BestStep:
    """The step with the highest accuracy, the earlier of equal ones, and what it reached."""
    return accuracy_of(evaluations[highest(evaluations)])


def accuracy_of(evaluation: Evaluation) -> BestStep:
    """The accuracy of an evaluation with its step, interval and number of questions."""
    return {
        "step": evaluation["step"],
        "accuracy": evaluation["accuracy"],
        "accuracy_ci95": evaluation["accuracy_ci95"],
        "n": evaluation["n"],
    }


def best_step(run: RunSummary) -> int:
    """The best step on the development split; without one, the highest validation accuracy."""
    return (run["best"] or run["evaluations"][highest(run["evaluations"])])["step"]


def last_step(run: RunSummary) -> int:
    """The number of the run's last evaluation."""
    return run["evaluations"][-1]["step"]
