#!/usr/bin/env python3
"""Join the shards of a step's rollouts into one table, sorted by question and sample.

gather.py --shards rollouts/0-of-2.parquet rollouts/1-of-2.parquet --output rollouts.parquet --lineage HASH
"""

from pathlib import Path

import polars as pl

from ei import stage
from ei.files import read_metadata, read_table, write_table
from ei.generation.durable import SORTED_BY


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lineage", required=True)
    flags = parser.parse_args()
    tables = [read_table(path, SORTED_BY) for path in flags.shards]
    policies = {policy for table in tables for policy in table["policy"].unique()}
    if len(policies) > 1:
        raise stage.UserError(f"the shards come from {len(policies)} different policies; sample this step again")
    made = {**read_metadata(flags.shards[0]), "lineage": flags.lineage}
    write_table(pl.concat(tables).sort(SORTED_BY), flags.output, made)


if __name__ == "__main__":
    stage.run(main)
