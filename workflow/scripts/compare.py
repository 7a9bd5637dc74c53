#!/usr/bin/env python3
"""Compare evaluations question by question: steps, runs and their base, runs and plain SFT, runs and the main run.

    compare.py --runs results/run.json results/sft/run.json --output results/report/comparisons.json
    compare.py --responses results/step3/responses.parquet results/sft/step1/responses.parquet

Each difference comes with the 95 % interval of a bootstrap over questions and the exact p of McNemar's test.
With --responses, any two evaluations of the same questions are compared, and the result is printed.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ei import stage
from ei.analysis.choice import best_step, last_step
from ei.analysis.statistics import DRAWS, mcnemar, paired_difference
from ei.files import read_columns, read_json, stamp, write_json

log = logging.getLogger("compare")
Run = dict[str, Any]


class Side(NamedTuple):
    """The evaluation of one step of one run."""

    run: Run
    step: int


def pairs(runs: list[Run]) -> Iterator[tuple[str, Side, Side]]:
    """(what, a, b) of every comparison: a is the later step, the other run, or expert iteration."""
    for run in runs:
        last = Side(run, last_step(run))
        if run["kind"] == "ei":
            for step in range(1, last.step + 1):
                yield "steps", Side(run, step), Side(run, step - 1)
            if best_step(run) < last.step - 1:
                yield "steps", last, Side(run, best_step(run))
        if last.step > 0:
            yield "base", last, Side(run, 0)
        if run["kind"] == "ei":
            yield from with_others(run, last, runs)


def with_others(run: Run, last: Side, runs: list[Run]) -> Iterator[tuple[str, Side, Side]]:
    """The run's last and best step against each SFT baseline, and its last against the main run's, of its seed."""
    for group in dict.fromkeys(other["group"] for other in runs if other["kind"] == "sft"):
        baseline = of_group(runs, group, run["seed"])
        yield "sft", last, Side(baseline, last_step(baseline))
        if run["best"] and run["best"]["step"] != last.step:
            yield "sft", Side(run, run["best"]["step"]), Side(baseline, last_step(baseline))
    if run["group"] != "main" and any(other["group"] == "main" for other in runs):
        main = of_group(runs, "main", run["seed"])
        yield "main", last, Side(main, last_step(main))


def of_group(runs: list[Run], group: str, seed: int) -> Run:
    """The run of the group with this seed, or its first run where none has it."""
    members = [run for run in runs if run["group"] == group]
    return next((run for run in members if run["seed"] == seed), members[0])


def difference(a: pl.DataFrame, b: pl.DataFrame) -> dict[str, Any]:
    """a less b over the questions of both, each table a row per question with its share of right responses.

    With several responses to a question, `only_a` counts the questions that a solves more often: the sign test.
    """
    both = a.join(b, on="question_id", suffix="_b")
    more, less = (both["share"] > both["share_b"]).sum(), (both["share"] < both["share_b"]).sum()
    return {
        "n": both.height,
        "accuracy_a": both["share"].mean(),
        "accuracy_b": both["share_b"].mean(),
        "difference": (both["share"] - both["share_b"]).mean(),
        "ci95": list(paired_difference(both["share"].to_list(), both["share_b"].to_list())),
        "only_a": int(more),
        "only_b": int(less),
        "mcnemar_p": mcnemar(int(more), int(less)),
    }


def responses(side: Side, folders: dict[str, Path]) -> Path:
    """The file of graded responses itself: where it is a link, runs share one table and it is read once."""
    return (folders[side.run["run"]] / f"step{side.step}/responses.parquet").resolve()


@cache
def shares(responses: Path) -> pl.DataFrame:
    """A row for each question of an evaluation: the share of its responses that are right."""
    rows = read_columns(responses, "question_id", pl.col("reward").cast(pl.Float64))
    return (
        rows.group_by("question_id").agg(pl.col("reward").mean().alias("share")).sort("question_id")
    )


def compare(runs: list[Run], folders: dict[str, Path]) -> list[dict[str, Any]]:
    """Every comparison; `folders` says where each run's files are."""
    found = []
    for what, a, b in pairs(runs):
        one = difference(*(shares(responses(side, folders)) for side in (a, b)))
        if one["n"] == 0:
            log.warning("warning: %s and %s have no question in common", a.run["run"], b.run["run"])
            continue
        found.append({"a": told(a), "b": told(b), "what": what, **one})
    return found


def told(side: Side) -> dict[str, Any]:
    """The side of a comparison as it is written down."""
    return {**{key: side.run[key] for key in ("run", "name", "group")}, "step": side.step}


def main() -> None:
    parser = stage.parser(__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--runs", type=Path, nargs="+", help="run.json files, each in its run's folder"
    )
    asked.add_argument(
        "--responses", type=Path, nargs=2, metavar=("A", "B"), help="two tables of graded responses"
    )
    parser.add_argument("--output", type=Path, help="with --runs: comparisons.json")
    flags = parser.parse_args()
    if flags.responses:
        found = difference(*map(shares, flags.responses))
        if found["n"] == 0:
            raise stage.UserError("the two evaluations have no question in common")
        print(json.dumps(found, indent=2))
        return
    if not flags.output:
        parser.error("--runs needs --output")
    runs = [read_json(path) for path in flags.runs]
    folders = {run["run"]: path.parent for run, path in zip(runs, flags.runs, strict=True)}
    compared = compare(runs, folders)
    lineage = hashlib.sha256("".join(run["lineage"] for run in runs).encode()).hexdigest()[:16]
    write_json({"comparisons": compared}, flags.output, stamp(lineage, {"draws": DRAWS, "seed": 0}))
    log.info("%d comparisons, %d runs", len(compared), len(runs))


if __name__ == "__main__":
    stage.run(main)
