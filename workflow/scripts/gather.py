#!/usr/bin/env python3
"""Join the shards of a step's rollouts, and what another run drew of them, into one table by question and sample.

    gather.py --shards rollouts/0-of-2.parquet rollouts/1-of-2.parquet --output rollouts.parquet --lineage HASH
    gather.py --known ../../step1/rollouts.parquet --data train.parquet --questions 512 --rollouts 8 \\
        --seed 0 --step 1 --output rollouts.parquet --lineage HASH
    gather.py --shards answers/0-of-1.parquet --split validation --output answers.parquet --lineage HASH

With --known, the rows of this run's own questions and rollouts are taken from there; the shards hold the others.
"""

import argparse
import json
from pathlib import Path

import polars as pl

from ei import questions, stage
from ei.files import read_metadata, read_table, write_table
from ei.generation.durable import SORTED_BY


def join(
    shards: list[pl.DataFrame], known: list[pl.DataFrame], chosen: list[str], rollouts: int
) -> pl.DataFrame:
    """The shards' rows and the known ones of the first `rollouts` of each chosen question, by question and sample.

    A chosen question may be absent, as one too long for the model; raises UserError if it is there in part, or if
    the rows come from several policies.
    """
    wanted = pl.col("question_id").is_in(chosen) & (pl.col("sample") < rollouts)
    tables = [*shards, *(table.filter(wanted) for table in known)]
    policies = {policy for table in tables for policy in table["policy"].unique()}
    if len(policies) > 1:
        raise stage.UserError(
            f"the rollouts come from {len(policies)} different policies; sample this step again"
        )
    joined = pl.concat(tables).unique(SORTED_BY, keep="first").sort(SORTED_BY)
    counts = joined.group_by("question_id").len()
    if known and counts.filter(pl.col("len") != rollouts).height:
        raise stage.UserError(
            "some questions lack rollouts that neither the shards nor --known have; sample again"
        )
    return joined


def mine(flags: argparse.Namespace) -> list[str]:
    """The questions of this run and step, in order."""
    train = read_table(flags.data, ["question_id"])
    return questions.choose(train, flags.questions, flags.seed, flags.step)["question_id"].to_list()


def metadata(flags: argparse.Namespace) -> dict[str, str]:
    """That of the first table, with this run's lineage and numbers in it."""
    made = read_metadata([*flags.shards, *flags.known][0]) | {"lineage": flags.lineage}
    if flags.known:
        used = json.loads(made["settings"]) | stage.settings(flags, "questions", "rollouts")
        made["settings"] = json.dumps(used, sort_keys=True)
    return made


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--shards", type=Path, nargs="*", default=[])
    parser.add_argument("--split", help="of the shards' rows, those of this split alone")
    parser.add_argument(
        "--known",
        type=Path,
        nargs="*",
        default=[],
        help="rollouts of this step that other runs drew",
    )
    parser.add_argument("--data", type=Path, help="with --known: the training questions")
    for name in ("questions", "rollouts", "seed", "step"):
        parser.add_argument(f"--{name}", type=int, help="with --known: as for sample.py")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lineage", required=True)
    flags = parser.parse_args()
    if not flags.shards and not flags.known:
        raise stage.UserError("gather.py needs --shards, --known, or both")
    shards, known = (
        [read_table(path, SORTED_BY) for path in paths] for paths in (flags.shards, flags.known)
    )
    if flags.split:
        shards = [table.filter(pl.col("split") == flags.split) for table in shards]
    rows = join(shards, known, mine(flags) if known else [], flags.rollouts or 0)
    write_table(rows, flags.output, metadata(flags))


if __name__ == "__main__":
    stage.run(main)
