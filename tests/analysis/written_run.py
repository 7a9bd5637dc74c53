"""A run of one step that is written by hand: two questions, two rollouts each."""

import json

import polars as pl

from ei.files import read_run
from helpers import script

SETTINGS = {
    "steps": 1,
    "device": "cuda",
    "data": {"development": 0},
    "sample": {"questions": 2},
    "eval": {"questions": "all"},
    "sft": {"epochs": 2},
}
SCORED = pl.DataFrame(
    {
        "question_id": ["a", "a", "b", "b"],
        "reward": [1.0, 0.0, 0.0, 0.0],
        "format_ok": [True, True, True, False],
        "finish_reason": ["stop", "stop", "stop", "length"],
        "response_ids": [[1] * 2, [1] * 4, [1] * 6, [1] * 8],
    }
)
FILTERED = {
    "rollouts": 4,
    "kept": 1,
    "dropped": {"wrong": 3},
    "status": {"correct": 1, "wrong": 2, "no_format": 1},
    "solved": {"never": 1, "sometimes": 1, "always": 0},
    "distinct_responses": 4,
    "distinct_correct": 1,
}
UPDATES = pl.DataFrame(
    {
        "update": [1, 2],
        "loss": [0.5, 0.4],
        "entropy": [0.3, 0.2],
        "grad_norm": [1.0, 0.9],
        "lr": [1e-5, 0.0],
    }
)
TRAINING = {"updates": 2, "sampling_entropy": 0.35, "tokens": 40, "processes": 2}
NO_QUESTIONS = {"n": 0}


def evaluation(step, accuracy):
    """An eval.json of two questions with one response of 5 tokens each."""
    return {
        "step": step,
        "n": 2,
        "responses": 2,
        "samples": 1,
        "accuracy": accuracy,
        "accuracy_ci95": [0.0, 1.0],
        "format_rate": 1.0,
        "accuracy_given_format": accuracy,
        "mean_response_tokens": 5.0,
        "truncated_rate": 0.0,
        "entropy": None,
        "policy": None,
        "by_level": {},
        "by_subject": {},
        "lineage": f"lineage of step {step}",
    }


def record(folder, name, seconds):
    """A benchmark record as Snakemake writes it: a line for each attempt."""
    path = folder / f"benchmarks/{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"s": seconds}) + "\n")
    return path


def write_run(run, developed=()):
    """A finished run of one step, sampled in two shards, with its benchmark records."""
    for step in (0, 1):
        folder = run / f"step{step}"
        folder.mkdir(parents=True)
        (folder / "eval.json").write_text(json.dumps(evaluation(step, 0.5 * step)))
        (folder / "development.json").write_text(json.dumps({"step": step, **NO_QUESTIONS}))
        record(folder, "eval-0-of-1", 10.0)
    for step, accuracy in enumerate(developed):
        (run / f"step{step}/development.json").write_text(json.dumps(evaluation(step, accuracy)))
    SCORED.write_parquet(folder / "scored.parquet")
    UPDATES.write_parquet(folder / "training.parquet")
    (folder / "filtered.json").write_text(json.dumps(FILTERED))
    (folder / "training.json").write_text(json.dumps(TRAINING))
    record(folder, "sample-0-of-2", 30.0)
    record(folder, "sample-1-of-2", 20.0)
    record(folder, "sft", 7.0)
    record(folder, "score", 1.0)
    return run


def records_of(run):
    return sorted(run.rglob("benchmarks/**/*.jsonl"))


def summarize(run, *more, settings=SETTINGS, kind="ei", benchmarks=None):
    """The process of summarize.py on the run."""
    return script(
        "summarize.py", "--run", run, "--name", "main", "--group", "main", "--kind", kind,
        "--seed", 0, "--steps", 1, "--settings", json.dumps(settings),
        "--output", run / "run.json", *more,
        "--benchmarks", *(records_of(run) if benchmarks is None else benchmarks),
    )  # fmt: skip


def summarized(run, *more, **how):
    result = summarize(run, *more, **how)
    assert result.returncode == 0, result.stderr
    return read_run(run / "run.json")


def of(times, stage, step):
    """The time of a stage of a step; None where it has none."""
    return next((one for one in times if (one["stage"], one["step"]) == (stage, step)), None)
