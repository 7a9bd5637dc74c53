"""Small runs written down: what the page's tests, and its benchmark, read."""

from typing import Any


def evaluation(step: int, accuracy: float, **more: Any) -> dict[str, Any]:
    """An eval.json's contents."""
    interval = [round(accuracy - 0.04, 3), round(accuracy + 0.04, 3)]
    measures = {
        "n": 500,
        "format_rate": 0.9,
        "entropy": 0.3,
        "mean_response_tokens": 190.0,
        "truncated_rate": 0.01,
    }
    return {"step": step, "accuracy": accuracy, "accuracy_ci95": interval, **measures, **more}


def run_json(folder: str, name: str = "main", steps: int = 2, **more: Any) -> dict[str, Any]:
    """A run.json as far as the page reads it: accuracy 0.1, 0.2, ... over the steps."""
    settings = {
        "model": "base",
        "sample": {"questions": 4, "rollouts": 2},
        "sft": {"epochs": 2},
        "steps": steps,
    }
    made = {
        "run": folder,
        "name": name,
        "group": name,
        "kind": "ei",
        "seed": 0,
        "settings": settings,
        "changes": {},
        "evaluations": [evaluation(step, 0.1 * (step + 1)) for step in range(steps + 1)],
        "development": [],
        "best": None,
        "stopped_after": None,
        "steps": [],
        "updates": [],
        "stages": [],
        "seconds": 1200.0,
        "gpu_seconds": 600.0,
    }
    return made | more
