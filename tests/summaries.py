"""Small run.json and comparisons, written by hand, that tests of several rooms read."""

from typing import Any


def evaluation(step: int, accuracy: float, **more: Any) -> dict[str, Any]:
    """The contents of an eval.json, with an interval of 4 points to either side."""
    measures = {
        "n": 500,
        "responses": 500,
        "samples": 1,
        "accuracy": accuracy,
        "accuracy_ci95": [round(accuracy - 0.04, 3), round(accuracy + 0.04, 3)],
        "format_rate": 0.9,
        "accuracy_given_format": accuracy / 0.9,
        "mean_response_tokens": 190.0,
        "truncated_rate": 0.01,
        "entropy": 0.3,
        "policy": f"policy {step}",
        "by_level": {},
        "by_subject": {},
    }
    return {"step": step, **measures, **more}


def run(
    name: str,
    accuracies: list[float],
    kind: str = "ei",
    group: str | None = None,
    seed: int = 0,
    best: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The run.json of a run with these accuracies after its steps, the base policy's first.

    `best` is the step that the development split, with 200 questions, chose.
    """
    evaluations = [evaluation(step, accuracy) for step, accuracy in enumerate(accuracies)]
    settings = {
        "model": "base",
        "steps": len(accuracies) - 1,
        "sample": {"questions": 4, "rollouts": 2},
        "sft": {"epochs": 2},
    }
    made = {
        "run": f"results/{name}",
        "name": name,
        "group": group or name,
        "kind": kind,
        "seed": seed,
        "settings": settings,
        "changes": {},
        "evaluations": evaluations,
        "development": [] if best is None else evaluations,
        "best": None if best is None else {**evaluations[best], "n": 200},
        "stopped_after": None,
        "skipped_too_long": {"train": 0, "validation": 0},
        "steps": [],
        "updates": [],
        "stages": [],
        "seconds": 1200.0,
        "wall_seconds": 1500.0,
        "paused_seconds": 0.0,
        "gpu_seconds": 600.0,
        "lineage": name,
    }
    return made | more


def compared(
    what: str,
    a: dict[str, Any],
    a_step: int,
    b: dict[str, Any],
    b_step: int,
    half: float = 0.03,
    p: float | None = None,
) -> dict[str, Any]:
    """The comparison of two steps, with an interval of this half width.

    Unless p is given it is small exactly where the interval excludes 0.
    """
    of_a, of_b = a["evaluations"][a_step]["accuracy"], b["evaluations"][b_step]["accuracy"]
    difference = of_a - of_b
    sides = ({name: run[name] for name in ("run", "name", "group")} for run in (a, b))
    side_a, side_b = (
        {**side, "step": step} for side, step in zip(sides, (a_step, b_step), strict=True)
    )
    return {
        "what": what,
        "a": side_a,
        "b": side_b,
        "n": 500,
        "accuracy_a": of_a,
        "accuracy_b": of_b,
        "difference": difference,
        "ci95": [difference - half, difference + half],
        "only_a": 40,
        "only_b": 30,
        "mcnemar_p": p if p is not None else (0.001 if abs(difference) > half else 0.4),
    }
