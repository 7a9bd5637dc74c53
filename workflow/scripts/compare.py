#!/usr/bin/env python3
"""Compare evaluations question by question: steps, runs, their base, SFT baselines and probes.

    compare.py --runs results/demo/run.json results/demo/sft/run.json \\
        --output example/comparisons.json
    compare.py --responses results/demo/step3/responses.parquet \\
        results/demo/sft/step1/responses.parquet

Every difference comes with the 95 % interval of a bootstrap over questions and the exact p of
McNemar's test. With --responses, any two evaluations of the same questions are compared, and the
result is printed.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import polars as pl

from ei import stage
from ei.analysis.choice import best_step, last_step
from ei.analysis.statistics import DRAWS, best_at_k, mcnemar, paired_difference
from ei.files import read_columns, read_run, stamp, write_json
from ei.runs.probes import PROMPTS, SAMPLES
from ei.schema import Comparison, RunSummary, Side

log = logging.getLogger("compare")


class StepOf(NamedTuple):
    """A step of a run, of which an evaluation is compared: that of the curve, or a probe's.

    `k` is how many responses a question has to be solved in.
    """

    run: RunSummary
    step: int
    probe: str = ""
    k: int = 1


def pairs(runs: list[RunSummary]) -> Iterator[tuple[str, StepOf, StepOf]]:
    """(what, a, b) of every comparison: a is the later step, or the run of expert iteration."""
    for run in runs:
        last = StepOf(run, last_step(run))
        if run["kind"] == "ei":
            for step in range(1, last.step + 1):
                yield "steps", StepOf(run, step), StepOf(run, step - 1)
            if best_step(run) < last.step - 1:  # else the pair stands above
                yield "steps", last, StepOf(run, best_step(run))
        if last.step > 0:
            yield "base", last, StepOf(run, 0)
        yield from pairs_with_probes(run, runs)
        if run["kind"] == "ei":
            yield from pairs_with_other_runs(run, runs)


def pairs_with_probes(
    run: RunSummary, runs: list[RunSummary]
) -> Iterator[tuple[str, StepOf, StepOf]]:
    """Last step and base policy of the first group against the base policy under other prompts.

    And of every run, pass@k after the last step against pass@k before the first.
    """
    last = last_step(run)
    if run["group"] == runs[0]["group"]:
        for name in run.get("prompts", {}):
            for step in dict.fromkeys((last, 0)):
                yield "prompt", StepOf(run, step), StepOf(run, 0, f"{PROMPTS}/{name}")
    sampled = {one["step"]: one["samples"] for one in run.get("samples", [])}
    if last > 0 and {0, last} <= set(sampled):
        for k in dict.fromkeys((1, sampled[0])):
            yield "samples", StepOf(run, last, SAMPLES, k), StepOf(run, 0, SAMPLES, k)


def pairs_with_other_runs(
    run: RunSummary, runs: list[RunSummary]
) -> Iterator[tuple[str, StepOf, StepOf]]:
    """The run's last and best step against each SFT baseline, its last against the main run's.

    The other run is the one with the same seed, where there is one.
    """
    last = StepOf(run, last_step(run))
    for group in dict.fromkeys(other["group"] for other in runs if other["kind"] == "sft"):
        baseline = of_group(runs, group, run["seed"])
        yield "sft", last, StepOf(baseline, last_step(baseline))
        if run["best"] and run["best"]["step"] != last.step:
            best = StepOf(run, run["best"]["step"])
            yield "sft", best, StepOf(baseline, last_step(baseline))
    if run["group"] != "main" and any(other["group"] == "main" for other in runs):
        main = of_group(runs, "main", run["seed"])
        yield "main", last, StepOf(main, last_step(main))


def of_group(runs: list[RunSummary], group: str, seed: int) -> RunSummary:
    """The run of the group with this seed, or its first run where none has it."""
    members = [run for run in runs if run["group"] == group]
    return next((run for run in members if run["seed"] == seed), members[0])


def difference(a: pl.DataFrame, b: pl.DataFrame) -> dict[str, Any]:
    """How much better a is than b on the questions of both (the numbers of a Comparison).

    Each table has a row per question with the share of its responses that are correct. With
    several responses to a question, `only_a` counts the questions that a solves more often, and
    McNemar's test becomes a sign test.
    """
    both = a.join(b, on="question_id", suffix="_b")
    more = int((both["share"] > both["share_b"]).sum())
    less = int((both["share"] < both["share_b"]).sum())
    return {
        "n": both.height,
        "accuracy_a": both["share"].mean(),
        "accuracy_b": both["share_b"].mean(),
        "difference": (both["share"] - both["share_b"]).mean(),
        "ci95": list(paired_difference(both["share"].to_list(), both["share_b"].to_list())),
        "only_a": more,
        "only_b": less,
        "mcnemar_p": mcnemar(more, less),
    }


@cache
def shares(responses: Path, k: int = 1) -> pl.DataFrame:
    """For each question of a responses.parquet, the share of its responses that are correct.

    With k above 1, the chance that k of them hold a correct one (pass@k).
    """
    rewards = read_columns(responses, "question_id", pl.col("reward").cast(pl.Float64))
    by_question = rewards.group_by("question_id").agg("reward")
    by_question = by_question.sort("question_id")  # the bootstrap must not depend on their order
    found = [best_at_k(of_question, k) for of_question in by_question["reward"].to_list()]
    return by_question.select("question_id", pl.Series("share", found, dtype=pl.Float64))


def compare(runs: list[RunSummary], folders: dict[str, Path]) -> list[Comparison]:
    """Every comparison of the runs; `folders` maps each run's `run` to where its files lie."""

    def shares_of(side: StepOf) -> pl.DataFrame:
        path = folders[side.run["run"]] / f"step{side.step}" / side.probe / "responses.parquet"
        return shares(path.resolve(), side.k)  # a file that several runs link to is read once

    found = []
    for what, a, b in pairs(runs):
        numbers = difference(shares_of(a), shares_of(b))
        if numbers["n"] == 0:
            log.warning("warning: %s and %s have no question in common", a.run["run"], b.run["run"])
            continue
        sides = {"a": side_of(a), "b": side_of(b), "what": what}
        found.append(cast(Comparison, {**sides, **of_probe(what, b), **numbers}))
    return found


def of_probe(what: str, b: StepOf) -> dict[str, Any]:
    """What a comparison with a probe names besides: the prompt, or k of pass@k."""
    if what == "prompt":
        return {"prompt": b.probe.removeprefix(f"{PROMPTS}/")}
    return {"k": b.k} if what == "samples" else {}


def side_of(compared: StepOf) -> Side:
    """The step of a run as comparisons.json names it."""
    run = compared.run
    return {"run": run["run"], "name": run["name"], "group": run["group"], "step": compared.step}


def compare_two(a: Path, b: Path) -> None:
    """Print the difference of two tables of graded responses as JSON."""
    found = difference(shares(a), shares(b))
    if found["n"] == 0:
        raise stage.UserError("the two evaluations have no question in common")
    print(json.dumps(found, indent=2))


def read_flags() -> argparse.Namespace:
    """The flags: two tables to print a comparison of, or runs and an output."""
    parser = stage.parser(__doc__)
    compared = parser.add_mutually_exclusive_group(required=True)
    compared.add_argument(
        "--runs",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="run.json files, each in its run's folder beside step<N>/responses.parquet",
    )
    compared.add_argument(
        "--responses", type=Path, nargs=2, metavar=("A", "B"), help="two tables of graded responses"
    )
    parser.add_argument("--output", type=Path, help="comparisons.json, required with --runs")
    flags = parser.parse_args()
    if flags.runs and not flags.output:
        parser.error("--runs needs --output")
    return flags


def main() -> None:
    flags = read_flags()
    if flags.responses:
        compare_two(*flags.responses)
        return
    runs = [read_run(path) for path in flags.runs]
    folders = {run["run"]: path.parent for run, path in zip(runs, flags.runs, strict=True)}
    comparisons = compare(runs, folders)
    lineage = hashlib.sha256("".join(run["lineage"] for run in runs).encode()).hexdigest()[:16]
    made_with = stamp(lineage, {"draws": DRAWS, "seed": 0})
    write_json({"comparisons": comparisons}, flags.output, made_with)
    log.info("%d comparisons, %d runs", len(comparisons), len(runs))


if __name__ == "__main__":
    stage.run(main)
