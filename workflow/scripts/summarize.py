#!/usr/bin/env python3
"""Sum up a run in one file: its settings, evaluations, steps, updates and times.

summarize.py --run results/sweep/G4 --name G4 --group G4 --kind ei --seed 0 --steps 5 --settings '{"steps": 5, ...}' \\
    --changes '{"sample.rollouts": 4}' --output results/sweep/G4/run.json

The pictures, the comparisons and the page are made from such files.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ei import stage
from ei.analysis.choice import highest
from ei.analysis.steps import step, updates
from ei.analysis.times import stages
from ei.files import read_json, stamp, write_json


def summary(flags: argparse.Namespace) -> dict[str, Any]:
    """All that run.json says, from the files in the run's folder."""
    run, settings = flags.run, flags.settings
    evaluations = [read_json(run / f"step{n}/eval.json") for n in range(flags.steps + 1)]
    splits = [run / f"step{n}/development.json" for n in range(flags.steps + 1)]
    development = [read_json(path) for path in splits if path.exists()]
    steps = [
        step(run / f"step{n}", n, settings["sft"]["epochs"]) for n in range(1, flags.steps + 1)
    ]
    times = stages(run, flags.steps, settings["device"])
    own = [part for part in times if part["shared_from"] is None]
    return {
        "run": str(run),
        **stage.settings(flags, "name", "group", "kind", "seed", "settings", "changes"),
        "evaluations": evaluations,
        "development": development,
        "best": best(development),
        "stopped_after": flags.steps
        if flags.kind == "ei" and flags.steps < settings["steps"]
        else None,
        "skipped_too_long": skipped(
            run, settings, evaluations, steps if flags.kind == "ei" else []
        ),
        "steps": steps,
        "updates": [row for n in range(1, flags.steps + 1) for row in updates(run / f"step{n}", n)],
        "stages": times,
        "seconds": sum(part["seconds"] for part in own),
        "gpu_seconds": sum(part["gpu_seconds"] for part in own),
    }


def best(development: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The evaluation with the highest accuracy on the development split, the earlier of equal ones; None without."""
    if not development:
        return None
    top = development[highest(development)]
    return {name: top[name] for name in ("step", "accuracy", "accuracy_ci95", "n")}


def skipped(
    run: Path,
    settings: dict[str, Any],
    evaluations: list[dict[str, Any]],
    steps: list[dict[str, Any]],
) -> dict[str, int]:
    """How many questions were left out as too long for the model: those asked for less those that have responses."""
    train, validation = rows(run / "data/train.parquet"), rows(run / "data/validation.parquet")
    asked, part = settings["sample"]["questions"], settings["eval"]["questions"]
    if part != "all":
        validation = min(validation, part)
    return {
        "train": sum(max(min(asked, train) - one["questions"], 0) for one in steps),
        "validation": max(validation - evaluations[0]["n"], 0),
    }


def rows(table: Path) -> int:
    """The rows of a Parquet file, from its footer; 0 where it is gone."""
    return pq.ParquetFile(table).metadata.num_rows if table.exists() else 0


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--run", type=Path, required=True, help="the run's folder")
    parser.add_argument("--name", required=True)
    parser.add_argument("--group", required=True, help="the name without its seed")
    parser.add_argument("--kind", choices=["ei", "sft"], required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True, help="the steps that there are")
    parser.add_argument(
        "--settings", type=json.loads, required=True, help="all settings of the run, JSON"
    )
    parser.add_argument(
        "--changes", type=json.loads, default={}, help="what differs from the main run, JSON"
    )
    parser.add_argument("--output", type=Path, required=True)
    flags = parser.parse_args()
    found = summary(flags)
    write_json(found, flags.output, stamp(found["evaluations"][-1]["lineage"], flags.settings))


if __name__ == "__main__":
    stage.run(main)
