#!/usr/bin/env python3
"""Summarize a run in one file: its settings, evaluations, steps, updates and times.

    summarize.py --run results/demo --name main --group main --kind ei --seed 0 --steps 1 \\
        --settings '{"steps": 5, "device": "cpu", "sample": {"questions": 128},
                     "sft": {"epochs": 2}, "eval": {"questions": "all"}}' \\
        --benchmarks results/demo/benchmarks/data.jsonl results/demo/step1/benchmarks/sft.jsonl \\
        --output example/run.json

The plots, the comparisons and the page are made from such files.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from ei import stage
from ei.analysis.choice import best_evaluation
from ei.analysis.probes import read_probes
from ei.analysis.steps import step_summary, updates
from ei.analysis.times import clock, stage_times
from ei.files import read_evaluation, read_height, stamp, write_json
from ei.schema import Evaluation, StepSummary


def summary(flags: argparse.Namespace) -> dict[str, Any]:
    """All of run.json but its metadata (`ei.schema.RunSummary`), from the files of the run."""
    run, settings, expert = flags.run, flags.settings, flags.kind == "ei"
    folders = {step: run / f"step{step}" for step in range(1, flags.steps + 1)}
    evaluations = read_evaluations(run, flags.steps)
    development = read_development(run, flags.steps)
    steps = [step_summary(folders[step], step, settings["sft"]["epochs"]) for step in folders]
    times = stage_times(run, flags.benchmarks, settings["device"])
    own = [time for time in times if time["shared_from"] is None]
    spent = clock(run, flags.benchmarks)
    stopped = expert and flags.steps < settings["steps"] and not flags.so_far
    return {
        "run": str(run),
        **stage.settings(flags, "name", "group", "kind", "seed", "settings", "changes"),
        "evaluations": evaluations,
        "development": development,
        "best": best_evaluation(development) if development else None,
        "stopped_after": flags.steps if stopped else None,
        # SFT on traces asks no questions of its own, so its step has none to leave out.
        "skipped_too_long": skipped(run, settings, evaluations, steps if expert else []),
        "steps": steps,
        "updates": [update for step in folders for update in updates(folders[step], step)],
        **read_probes(flags.probes),
        "stages": times,
        "seconds": spent.jobs,
        "wall_seconds": spent.wall,
        "paused_seconds": spent.paused,
        "gpu_seconds": sum(time["gpu_seconds"] for time in own),
    }


def read_evaluations(run: Path, last: int) -> list[Evaluation]:
    """The validation evaluation of every step; an error where no question was evaluated."""
    paths = [run / f"step{step}/eval.json" for step in range(last + 1)]
    evaluations = [read_evaluation(path) for path in paths]
    for path, evaluation in zip(paths, evaluations, strict=True):
        if not evaluation["n"]:
            raise stage.UserError(f"{path}: no validation question was evaluated")
    return evaluations


def read_development(run: Path, last: int) -> list[Evaluation]:
    """The development evaluation of every step; none where no questions are kept back."""
    paths = [run / f"step{step}/development.json" for step in range(last + 1)]
    found = [read_evaluation(path) for path in paths]
    return [evaluation for evaluation in found if evaluation["n"]]


def skipped(
    run: Path,
    settings: dict[str, Any],
    evaluations: list[Evaluation],
    steps: list[StepSummary],
) -> dict[str, int]:
    """How many questions were too long for the model: asked for, but without responses."""
    train, validation = height(run / "data/train.parquet"), height(run / "data/validation.parquet")
    per_step, evaluated = settings["sample"]["questions"], settings["eval"]["questions"]
    if evaluated != "all":
        validation = min(validation, evaluated)
    return {
        "train": sum(max(min(per_step, train) - step["questions"], 0) for step in steps),
        "validation": max(validation - evaluations[0]["n"], 0),
    }


def height(table: Path) -> int:
    """The number of rows of a Parquet file, from its footer; 0 where the file is gone."""
    return read_height(table) if table.exists() else 0


def read_flags() -> argparse.Namespace:
    """The flags; --settings and --changes are JSON objects."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--run", type=Path, required=True, help="the run's folder")
    add("--name", required=True, help="the run's name, as the plots show it")
    add("--group", required=True, help="the name without its seed")
    add("--kind", choices=["ei", "sft"], required=True, help="expert iteration, or SFT on traces")
    add("--seed", type=int, required=True, help="the run's seed")
    add("--steps", type=int, required=True, help="the last step that the run made")
    add("--settings", type=json.loads, required=True, help="all settings of the run, as JSON")
    add("--changes", type=json.loads, default={}, help="what differs from the main run, as JSON")
    add("--benchmarks", type=Path, nargs="*", default=[], metavar="FILE",
        help="Snakemake's benchmark records of the jobs that made the run's artifacts")  # fmt: skip
    add("--so_far", action="store_true", help="the run goes on after its last step")
    add("--probes", type=Path, nargs="*", default=[], metavar="FILE",
        help="eval.json of the run's probes, each in the folder that names it")  # fmt: skip
    add("--output", type=Path, required=True, help="run.json, or a step's so_far.json")
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    found = summary(flags)
    write_json(found, flags.output, stamp(found["evaluations"][-1]["lineage"], flags.settings))


if __name__ == "__main__":
    stage.run(main)
