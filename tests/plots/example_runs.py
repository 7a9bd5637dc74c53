"""Small summaries of runs, as run.json has them, and odd ones in which something is missing."""

import random
from typing import Any

from ei.analysis.statistics import wilson
from summaries import run


def measures(correct: int, n: int, formatted: float) -> dict[str, Any]:
    """What an evaluation says of `correct` correct answers to n questions."""
    given_format = correct / n / formatted if formatted else None
    return {
        "n": n,
        "accuracy": correct / n,
        "accuracy_ci95": list(wilson(correct, n)),
        "format_rate": formatted,
        "accuracy_given_format": given_format,
    }


def evaluation(
    step: int, correct: int, n: int = 500, formatted: float = 0.8, **more: Any
) -> dict[str, Any]:
    """An eval.json with five levels, of which the first is the easiest."""
    formatted = max(formatted, correct / n)
    levels = {
        f"Level {k}": measures(max(0, min(n // 5, correct // 5 + 8 * (3 - k))), n // 5, formatted)
        for k in range(1, 6)
    }
    found = {
        "step": step,
        **measures(correct, n, formatted),
        "responses": n,
        "samples": 1,
        "policy": f"policy {step}",
        "mean_response_tokens": 300.0 - 20 * step,
        "truncated_rate": 0.03,
        "entropy": 0.5 / (step + 1),
        "by_level": levels,
        "by_subject": {},
    }
    return found | more


def step_row(step: int, kept: int = 300, **more: Any) -> dict[str, Any]:
    """What run.json says of a step with 1,000 rollouts, 50 of them dropped as duplicates."""
    duplicates = min(50, kept)
    wrong = 1000 - kept - duplicates
    status = {"correct": kept + duplicates, "wrong": wrong - 100, "no_format": 90, "timeout": 10}
    found = {
        "step": step,
        "rollouts": 1000,
        "questions": 250,
        "accuracy": (kept + duplicates) / 1000,
        "accuracy_ci95": [0.1, 0.9],
        "format_rate": 0.9,
        "solved": {"never": 50, "sometimes": 150, "always": 50},
        "distinct_responses": 900,
        "kept": kept,
        "dropped": {"wrong": wrong, "duplicate": duplicates},
        "status": status,
        "sampling_entropy": 0.6 / step,
        "first_update_entropy": 0.6 / step,
        "last_update_entropy": 0.4 / step,
        "loss_first": 0.6,
        "loss_last": 0.4,
        "updates": 10,
        "epochs": 2,
        "trained_tokens": 320 * kept,
        "mean_response_tokens": 320.0,
        "truncated_rate": 0.1,
    }
    return found | more


def stage_time(step: int, stage: str, seconds: float, shared_from: str | None = None) -> Any:
    """The time of a stage, as run.json has it."""
    return {
        "step": step,
        "stage": stage,
        "seconds": seconds,
        "gpus": 1,
        "gpu_seconds": seconds,
        "tokens": None,
        "tokens_per_s": None,
        "shared_from": shared_from,
    }


TRAINED = {"loss": 0.5, "grad_norm": 1.0, "lr": 1e-5}


def a_run(
    name: str = "main", correct: tuple[int, ...] = (20, 90, 140, 170, 190, 200), **more: Any
) -> dict[str, Any]:
    """run.json of a run with so many correct answers after each step, ten updates in each."""
    steps = range(1, len(correct))
    updates = [
        {"step": s, "update": u, "entropy": 0.6 / s - 0.02 * u / s, **TRAINED}
        for s in steps
        for u in range(1, 11)
    ]
    seconds = {"sample": 200.0, "score": 6.0, "sft": 90.0, "eval": 80.0}
    made: dict[str, Any] = {
        "group": name.split("-seed")[0],
        "settings": {
            "sample": {"rollouts": 8, "questions": 1024},
            "sft": {"epochs": 2, "lr": 2e-5},
        },
        "evaluations": [evaluation(step, count) for step, count in enumerate(correct)],
        "steps": [step_row(step) for step in steps],
        "updates": updates,
        "stages": [stage_time(step, stage, seconds[stage]) for step in steps for stage in seconds],
        "seconds": 1880.0,
        "gpu_seconds": 1850.0,
    }
    made |= more
    for setting, value in made.get("changes", {}).items():
        section, key = setting.split(".")
        settings = made["settings"]
        made["settings"] = {**settings, section: {**settings[section], key: value}}
    return run(name, []) | made


def an_experiment() -> list[dict[str, Any]]:
    """The shipped sweep and two learning rates around the main run, three seeds each, and SFT."""
    changes: dict[str, dict[str, float]] = {
        "main": {},
        "G4": {"sample.rollouts": 4},
        "G16": {"sample.rollouts": 16},
        "epochs1": {"sft.epochs": 1},
        "epochs4": {"sft.epochs": 4},
        "D512": {"sample.questions": 512},
        "D2048": {"sample.questions": 2048},
        "lr1e-5": {"sft.lr": 1e-5},
        "lr1e-4": {"sft.lr": 1e-4},
    }
    rng = random.Random(0)
    runs = []
    for k, (name, change) in enumerate(changes.items()):
        for seed in range(3):
            correct = (20, *(min(500, 60 * s + 8 * k + rng.randint(-12, 12)) for s in range(1, 6)))
            named = f"{name}-seed{seed}" if seed else name
            runs.append(a_run(named, correct, changes=change, seed=seed))
    sft = {"kind": "sft", "steps": [step_row(1)]}
    return [*runs, a_run("sft", (20, 120), **sft), a_run("sft_filtered", (20, 135), **sft)]


NOTHING_YET: dict[str, Any] = {
    "settings": {},
    "evaluations": [],
    "steps": [],
    "updates": [],
    "stages": [],
    "gpu_seconds": 0,
}


def evaluations(count: int, **more: Any) -> list[dict[str, Any]]:
    """Alike evaluations of so many steps, with these fields changed."""
    return [evaluation(step, 20, **more) for step in range(count)]


ODD: dict[str, list[dict[str, Any]]] = {
    "an experiment": an_experiment(),
    "no evaluation": [a_run(**NOTHING_YET)],
    "only the base policy": [a_run(correct=(20,))],
    "a single step": [a_run(correct=(20, 90))],
    "nothing correct": [a_run(correct=(0, 0, 0))],
    "all correct": [a_run(correct=(500, 500))],
    "nothing kept in step 1": [
        a_run(
            steps=[step_row(1, 0), step_row(2)],
            updates=[
                {"step": 2, "update": u, "entropy": None if u == 3 else 0.4} for u in range(1, 9)
            ],
        )
    ],
    "nothing kept at all": [a_run(steps=[step_row(1, 0)], updates=[])],
    "no levels": [a_run(evaluations=evaluations(3, by_level={}))],
    "twelve levels": [
        a_run(
            evaluations=evaluations(
                3, by_level={f"{k:02d}": measures(20 * k, 500, 1.0) for k in range(12)}
            )
        )
    ],
    "nothing in the format": [a_run(evaluations=[evaluation(s, 0, formatted=0) for s in range(3)])],
    "no entropy, no length": [
        a_run(
            evaluations=evaluations(3, entropy=None, mean_response_tokens=None),
            updates=[],
            steps=[],
        )
    ],
    "stopped early": [
        a_run(correct=(20, 90, 80), stopped_after=2),
        a_run("main-seed1", best={"step": 5}),
    ],
    "thirty steps": [a_run(correct=tuple(range(20, 330, 10)))],
    "only an SFT baseline": [
        a_run("sft", (20, 120), kind="sft", steps=[step_row(1, sampling_entropy=None)])
    ],
    "only a run of the sweep": [a_run("G4", changes={"sample.rollouts": 4})],
}
