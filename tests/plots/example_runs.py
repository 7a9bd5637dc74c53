"""Small summaries of runs, as run.json has them, and odd ones in which something is missing."""

import random
from typing import Any

from ei.analysis.statistics import wilson


def evaluation(step: int, right: int, n: int = 500, formatted: float = 0.8) -> dict[str, Any]:
    """What eval.json says of `right` right answers of n, the levels a little apart."""
    formatted = max(formatted, right / n)

    def summary(right: int, n: int) -> dict[str, Any]:
        given = right / n / formatted if formatted else None
        return {"n": n, "accuracy": right / n, "accuracy_ci95": list(wilson(right, n)), "format_rate": formatted,
                "accuracy_given_format": given, "mean_response_tokens": 300.0 - 20 * step, "truncated_rate": 0.03,
                "entropy": 0.5 / (step + 1)}  # fmt: skip

    levels = {
        f"Level {k}": summary(max(0, min(n // 5, right // 5 + 8 * (3 - k))), n // 5)
        for k in range(1, 6)
    }
    return {"step": step, **summary(right, n), "by_level": levels}


def step_row(step: int, kept: int = 300) -> dict[str, Any]:
    """What run.json says of a step with 1,000 rollouts, 50 of them dropped as duplicates."""
    duplicates = min(50, kept)
    wrong = 1000 - kept - duplicates
    return {"step": step, "rollouts": 1000, "kept": kept, "dropped": {"wrong": wrong, "duplicate": duplicates},
            "status": {"correct": kept + duplicates, "wrong": wrong - 100, "no_format": 90, "timeout": 10},
            "sampling_entropy": 0.6 / step, "mean_response_tokens": 320.0, "truncated_rate": 0.1}  # fmt: skip


def a_run(
    name: str = "main", rights: tuple[int, ...] = (20, 90, 140, 170, 190, 200), **more: Any
) -> dict[str, Any]:
    """run.json of a run with so many right answers after each step, ten updates in each."""
    last = range(1, len(rights))
    updates = [
        {"step": s, "update": u, "entropy": 0.6 / s - 0.02 * u / s}
        for s in last
        for u in range(1, 11)
    ]
    seconds = {"sample": 200.0, "score": 6.0, "sft": 90.0, "eval": 80.0}
    stages = [
        {"step": s, "stage": stage, "seconds": seconds[stage], "shared_from": None}
        for s in last
        for stage in seconds
    ]
    settings = {"sample": {"rollouts": 8, "questions": 1024}, "sft": {"epochs": 2}}
    run = {"run": f"results/{name}", "name": name, "group": name.split("-seed")[0], "kind": "ei", "seed": 0,
           "settings": settings, "changes": {}, "evaluations": [evaluation(s, r) for s, r in enumerate(rights)],
           "development": [], "best": None, "stopped_after": None, "steps": [step_row(s) for s in last],
           "updates": updates, "stages": stages, "seconds": 1880.0, "gpu_seconds": 1850.0}  # fmt: skip
    run.update(more)
    for setting, value in run["changes"].items():
        section, key = setting.split(".")
        run["settings"] = {**run["settings"], section: {**run["settings"][section], key: value}}
    return run


def an_experiment() -> list[dict[str, Any]]:
    """The shipped sweep around the main run with three seeds each, and both SFT baselines."""
    changes: dict[str, dict[str, int]] = {
        "main": {},
        "G4": {"sample.rollouts": 4},
        "G16": {"sample.rollouts": 16},
        "epochs1": {"sft.epochs": 1},
        "epochs4": {"sft.epochs": 4},
        "D512": {"sample.questions": 512},
        "D2048": {"sample.questions": 2048},
    }
    draw = random.Random(0)
    runs = []
    for k, (name, change) in enumerate(changes.items()):
        for seed in range(3):
            rights = (20, *(min(500, 60 * s + 8 * k + draw.randint(-12, 12)) for s in range(1, 6)))
            runs.append(
                a_run(f"{name}-seed{seed}" if seed else name, rights, changes=change, seed=seed)
            )
    sft = {"kind": "sft", "steps": [step_row(1)]}
    return [*runs, a_run("sft", (20, 120), **sft), a_run("sft_filtered", (20, 135), **sft)]


EMPTY: dict[str, Any] = {
    "settings": {},
    "evaluations": [],
    "steps": [],
    "updates": [],
    "stages": [],
    "gpu_seconds": 0,
}
ODD: dict[str, list[dict[str, Any]]] = {
    "an experiment": an_experiment(),
    "no evaluation": [a_run(**EMPTY)],
    "nothing but names": [{"name": "main", "group": "main", "kind": "ei"}],
    "the base policy alone": [a_run(rights=(20,))],
    "a single step": [a_run(rights=(20, 90))],
    "nothing right": [a_run(rights=(0, 0, 0))],
    "all right": [a_run(rights=(500, 500))],
    "nothing kept in step 1": [a_run(steps=[step_row(1, 0), step_row(2)], updates=[
        {"step": 2, "update": u, "entropy": None if u == 3 else 0.4} for u in range(1, 9)])],
    "nothing kept at all": [a_run(steps=[step_row(1, 0)], updates=[])],
    "no levels": [a_run(evaluations=[{**evaluation(s, 20), "by_level": {}} for s in range(3)])],
    "twelve levels": [a_run(evaluations=[{**evaluation(s, 20), "by_level": {
        f"{k:02d}": evaluation(s, 20 * k) for k in range(12)}} for s in range(3)])],
    "nothing in the format": [a_run(evaluations=[evaluation(s, 0, formatted=0.0) for s in range(3)])],
    "no entropy, no length": [a_run(evaluations=[
        {**evaluation(s, 20), "entropy": None, "mean_response_tokens": None} for s in range(3)], updates=[], steps=[])],
    "stopped early": [a_run(rights=(20, 90, 80), stopped_after=2), a_run("main-seed1", best={"step": 5})],
    "thirty steps": [a_run(rights=tuple(range(20, 330, 10)))],
    "plain SFT alone": [a_run("sft", (20, 120), kind="sft", steps=[{**step_row(1), "sampling_entropy": None}])],
    "a run of the sweep alone": [a_run("G4", changes={"sample.rollouts": 4})],
}  # fmt: skip
