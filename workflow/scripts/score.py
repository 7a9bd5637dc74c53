#!/usr/bin/env python3
"""Score rollouts: does a response have the form, and does its answer equal the reference?

    score.py --rollouts rollouts.parquet --output scored.parquet --lineage HASH --timeout_s 2.0 --max_chars 2000
    score.py --explain "reference" "response"

Beside scored.parquet lie scored.json (counts, disagreements, slowest pairs) and scored.pairs.parquet (one row for
each distinct pair of reference and answer, with milliseconds). docs/checker.md explains rules and policies.
"""

import argparse
import logging
import os
from dataclasses import asdict, fields
from pathlib import Path

from ei.checker import Settings
from ei.stage import UserError, parser, run

CHOICES = {
    "tag_space": ("one", "any"),
    "list_order": ("any", "same"),
    "percent": ("optional", "value", "required"),
    "units": ("optional", "required"),
    "base": ("required", "optional"),
}


def read_flags() -> argparse.Namespace:
    """The command line."""
    flags = parser(__doc__)
    flags.add_argument(
        "--rollouts", type=Path, help="Parquet with the columns `answer` and `response`"
    )
    flags.add_argument("--output", type=Path, help="the scored Parquet file")
    flags.add_argument(
        "--lineage", default="", help="hash of all settings that the output depends on"
    )
    flags.add_argument(
        "--workers", type=int, default=cores(), help="most worker processes (default: the cores)"
    )
    flags.add_argument(
        "--memo", type=Path, help="Parquet file of verdicts of earlier steps, read and extended"
    )
    flags.add_argument(
        "--explain", nargs=2, metavar=("REFERENCE", "RESPONSE"), help="print the way to one verdict"
    )
    for setting in fields(Settings):
        kind = type(setting.default)
        flags.add_argument(
            f"--{setting.name}",
            type=kind,
            default=setting.default,
            choices=CHOICES.get(setting.name),
        )
    return flags.parse_args()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked(flags: argparse.Namespace) -> Settings:
    """The settings of the command line; an error names the flag that cannot be."""
    settings = Settings(
        **{setting.name: getattr(flags, setting.name) for setting in fields(Settings)}
    )
    if (
        settings.timeout_s <= 0
        or settings.max_chars < 1
        or settings.tolerance < 0
        or flags.workers < 1
    ):
        raise UserError(
            "--timeout_s, --max_chars and --workers must be positive, --tolerance not negative"
        )
    if settings.memory_mb < 400:
        raise UserError("--memory_mb must be at least 400: Math-Verify alone needs about 250")
    if not flags.explain and not (flags.rollouts and flags.output):
        raise UserError("score.py needs --rollouts and --output, or --explain")
    return settings


def write(flags: argparse.Namespace, settings: Settings) -> None:
    """Read the rollouts, score them, and write the scored rows last: when they are there, all is there."""
    from ei.checker.report import summary, summary_line
    from ei.checker.table import score_pairs
    from ei.checker.version import VERSION
    from ei.files import read_table, stamp, write_json, write_table

    rollouts = read_table(flags.rollouts, ["answer", "response"])
    scored, pairs = score_pairs(rollouts, settings, flags.workers, flags.memo)
    made = stamp(flags.lineage, {**asdict(settings), "checker": VERSION})
    write_table(pairs, flags.output.with_suffix(".pairs.parquet"), made)
    write_json(summary(scored, pairs), flags.output.with_suffix(".json"), made)
    write_table(scored, flags.output, made)
    logging.info(summary_line(scored, pairs))


def main() -> None:
    """Score a table, or explain one verdict."""
    flags = read_flags()
    settings = checked(flags)
    if flags.explain:
        from ei.checker.explain import explain

        reference, response = flags.explain
        print(explain(reference, response, settings))
    else:
        write(flags, settings)


if __name__ == "__main__":
    run(main)
