"""A finished run, made in seconds without a model, and how to run a stage on it.

What a model would make (rollouts, a training) is written by hand, all else comes from the stages.
"""

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.files import stamp, write_json, write_table
from ei.schema import ROLLOUTS, UPDATES
from helpers import DEMO

SETTINGS = {
    "steps": 1,
    "device": "cpu",
    "data": {"development": 2},
    "sample": {"questions": 4, "rollouts": 2},
    "eval": {"questions": "all"},
    "sft": {"epochs": 1},
}


def run_stage(name: str, *flags: Any) -> int:
    """Run a stage in this process as its script would, and return its status."""
    argv, sys.argv = sys.argv, [f"{name}.py", *map(str, flags)]
    try:
        stage.run(importlib.import_module(name).main)
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = argv


def must(name: str, *flags: Any) -> None:
    """Run a stage that has to succeed."""
    assert run_stage(name, *flags) == 0


def sampled(questions: pl.DataFrame, split: str | None = None) -> pl.DataFrame:
    """Two rollouts of each question, the first one right."""
    rows = []
    for number, question in enumerate(questions.iter_rows(named=True)):
        for sample, answer in enumerate((question["answer"], "12345")):
            response = f" so it is </think> <answer>{answer}</answer>"
            ids = [1 + (number * 31 + sample * 7 + k) % 90 for k in range(20)]
            drawn = {"sample": sample, "seed": 0, "prompt_ids": [1, 2], "response": response}
            more = {"response_ids": ids, "finish_reason": "stop", "step": 1, "policy": "p"}
            rows.append({**question, **drawn, **more})
    table = pl.DataFrame(rows, schema_overrides=ROLLOUTS).select(list(ROLLOUTS))
    if split is None:
        return table
    return table.with_columns(split=pl.lit(split), entropy=pl.lit(0.5))


def write_questions(folder: Path) -> None:
    """Eight questions to train on and six to validate with, as JSONL and as Parquet."""
    for name, count in (("train", 8), ("validation", 6)):
        lines = (DEMO / f"{name}.jsonl").read_text().splitlines()[:count]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        rows = pl.DataFrame([json.loads(line) for line in lines])
        write_table(rows, folder / f"{name}.parquet", stamp("", {}))


def write_training(step: Path) -> None:
    """What a training of two updates leaves."""
    values = {name: [1, 2] if kind == pl.Int64 else [0.5, 0.25] for name, kind in UPDATES.items()}
    made = stamp("x", {})
    write_table(pl.DataFrame(values, schema=UPDATES), step / "training.parquet", made)
    report = {"updates": 2, "tokens": 90, "processes": 1, "sampling_entropy": 0.5}
    write_json(report, step / "training.json", made)
    record = step / "benchmarks/sft.jsonl"
    record.parent.mkdir()
    record.write_text('{"s": 3.5}\n')


def make(folder: Path) -> Path:
    """Make the run in `folder`/run, its sources beside it, and its report in `folder`/report."""
    write_questions(folder)
    run, report = folder / "run", folder / "report"
    must("data", "--train", folder / "train.jsonl", "--validation", folder / "validation.jsonl",
         "--development", 2, "--output", run / "data")  # fmt: skip
    splits = {name: pl.read_parquet(run / f"data/{name}.parquet") for name in
              ("train", "validation", "development")}  # fmt: skip
    shards = [run / f"step1/rollouts/{k}-of-2.parquet" for k in (0, 1)]
    for half, path in enumerate(shards):
        rows = sampled(splits["train"][half::2])
        write_table(rows, path, stamp("x", {}))
    step = run / "step1"
    must("gather", "--shards", *shards, "--output", step / "rollouts.parquet")
    must("score", "--rollouts", step / "rollouts.parquet", "--output", step / "scored.parquet")
    must("filter", "--scored", step / "scored.parquet", "--output", step / "filtered.parquet",
         "--lineage", "x")  # fmt: skip
    write_training(step)
    for number in (0, 1):
        evaluate(run / f"step{number}", number, splits)
    must("summarize", *summarizing(run), "--output", run / "run.json")
    must("compare", "--runs", run / "run.json", "--output", report / "comparisons.json")
    must("discuss", *reporting(folder), "--output", report / "discussion.md")
    must("plots", *plotting(run), "--output", report / "plots")
    return folder


def evaluate(step: Path, number: int, splits: dict[str, pl.DataFrame]) -> None:
    """Answers of both splits in one shard, graded and summed up."""
    answers = step / "answers/0-of-1.parquet"
    both = [sampled(splits[split], split) for split in ("validation", "development")]
    write_table(pl.concat(both), answers, stamp("x", {}))
    must("score", *grading(step), "--output", step / "responses.parquet",
         "--development", step / "development_responses.parquet")  # fmt: skip
    must("metrics", *measuring(step, number), "--output", step / "eval.json",
         "--development", step / "development.json")  # fmt: skip


def grading(step: Path) -> Sequence[Any]:
    return "--rollouts", step / "answers/0-of-1.parquet"


def measuring(step: Path, number: int) -> Sequence[Any]:
    return (
        "--responses", step / "responses.parquet", "--development_responses",
        step / "development_responses.parquet", "--step", number,
    )  # fmt: skip


def summarizing(run: Path) -> Sequence[Any]:
    return (
        "--run", run, "--name", "main", "--group", "main", "--kind", "ei", "--seed", 0,
        "--steps", 1, "--settings", json.dumps(SETTINGS),
        "--benchmarks", run / "step1/benchmarks/sft.jsonl",
    )  # fmt: skip


def reporting(folder: Path) -> Sequence[Any]:
    return (
        "--runs", folder / "run/run.json", "--comparisons", folder / "report/comparisons.json",
    )  # fmt: skip


def plotting(run: Path) -> Sequence[Any]:
    return "--runs", run / "run.json", "--names", "entropy"


@contextmanager
def in_place_of(path: Path, damage: Any) -> Iterator[None]:
    """The file damaged by `damage(path)`, and afterwards as it was."""
    whole = path.read_bytes()
    try:
        damage(path)
        yield
    finally:
        if path.is_dir():
            path.rmdir()
        path.write_bytes(whole)
