#!/usr/bin/env python3
"""Score rollouts: does a response have the form, and does its answer equal the reference?

    score.py --rollouts results/demo/step1/rollouts.parquet --output example/scored.parquet
    score.py --explain "1/2" "half of it.</think> <answer> 0.5 </answer>"

Beside scored.parquet lie scored.json (counts, disagreements, slowest pairs) and
scored.pairs.parquet (one row for each distinct pair of reference and answer, with milliseconds).
docs/checker.md explains the rules and their settings.

With --development, rows whose column `split` says "development" go to that file, all others to
--output. Several files of rollouts are joined in the order of question and sample.
"""

import argparse
import logging
import os
from pathlib import Path

import polars as pl

from ei.checker import Settings
from ei.files import read_table, stacked, stamp, write_json, write_table
from ei.schema import IDENTITY
from ei.stage import UserError, add_lineage, add_settings, parser, run, settings_from


def read_flags() -> argparse.Namespace:
    """Files, workers, and a flag for each of the checker's settings."""
    flags = parser(__doc__)
    flags.add_argument(
        "--rollouts", type=Path, nargs="+", help="Parquet with columns `answer` and `response`"
    )
    flags.add_argument("--output", type=Path, help="the scored Parquet file")
    flags.add_argument(
        "--development", type=Path, help="scored rows whose split is development, possibly none"
    )
    add_lineage(flags)
    flags.add_argument(
        "--workers", type=int, default=cores(), help="most worker processes (default: the cores)"
    )
    flags.add_argument(
        "--memo",
        type=Path,
        nargs="?",
        help="the .pairs.parquet of an earlier step, whose verdicts are reused",
    )
    flags.add_argument(
        "--explain",
        nargs=2,
        metavar=("REFERENCE", "RESPONSE"),
        help="show how a verdict is reached",
    )
    add_settings(flags, Settings)
    return flags.parse_args()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked(flags: argparse.Namespace) -> Settings:
    """The settings of the command line; an error names the flag that cannot be."""
    settings = settings_from(flags, Settings)
    positive = (settings.timeout_s > 0, settings.max_chars > 0, flags.workers > 0)
    if not all(positive) or settings.tolerance < 0:
        raise UserError(
            "--timeout_s, --max_chars and --workers must be positive, --tolerance not negative"
        )
    if settings.memory_mb < 400:
        raise UserError("--memory_mb must be at least 400: sympy alone needs about 200")
    if not flags.explain and not (flags.rollouts and flags.output):
        raise UserError("score.py needs --rollouts and --output, or --explain")
    if settings.reward:
        from ei.checker.reward import load_reward

        load_reward(settings.reward)  # an error in its name is the user's, and comes at once
    return settings


def read_rollouts(paths: list[Path], settings: Settings) -> pl.DataFrame:
    """The rows of all files; those of several by question and sample, as `gather.py` joins them."""
    needed = ["answer", "response", *(["question"] if settings.reward else [])]
    tables = [read_table(path, needed) for path in paths]
    return tables[0] if len(tables) == 1 else stacked(tables).sort(IDENTITY)


def write(flags: argparse.Namespace, settings: Settings) -> None:
    """Score the rollouts, in one or two files."""
    rollouts = read_rollouts(flags.rollouts, settings)
    if not flags.development:
        write_scored(rollouts, flags.output, flags, settings)
        return
    if "split" not in rollouts.columns:
        raise UserError("--development needs rollouts with the column split")
    of_development = pl.col("split").eq_missing("development")
    write_scored(rollouts.filter(of_development), flags.development, flags, settings)
    write_scored(rollouts.filter(~of_development), flags.output, flags, settings)


def write_scored(
    rollouts: pl.DataFrame, output: Path, flags: argparse.Namespace, settings: Settings
) -> None:
    """The sidecars, then the scored rows: when they are there, all is."""
    from ei.checker.memo import made_by
    from ei.checker.report import summary, summary_line
    from ei.checker.table import score_pairs

    scored, pairs = score_pairs(rollouts, settings, flags.workers, flags.memo)
    made = stamp(flags.lineage, made_by(settings))
    write_table(pairs, output.with_suffix(".pairs.parquet"), made)
    write_json(summary(scored, pairs), output.with_suffix(".json"), made)
    write_table(scored, output, made)
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
