#!/usr/bin/env python3
"""Join the shards of a step's rollouts into one table, sorted by question and sample.

gather.py --shards results/demo/step1/rollouts/0-of-1.parquet --output example/rollouts.parquet
"""

from pathlib import Path

import polars as pl

from ei import schema, stage
from ei.files import read_metadata, read_table, stacked, write_table


def join(shards: list[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all shards, sorted; raises UserError if they are of several policies."""
    rows = stacked(shards)
    policies = rows["policy"].n_unique()
    if policies > 1:
        raise stage.UserError(
            f"the rollouts come from {policies} different policies; sample this step again"
        )
    if rows.select(schema.IDENTITY).is_duplicated().any():
        raise stage.UserError("a rollout is in the shards twice; sample this step again")
    return rows.sort(schema.IDENTITY)


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="from sample.py")
    parser.add_argument("--output", type=Path, required=True, help="rollouts.parquet")
    stage.add_lineage(parser)
    flags = parser.parse_args()
    rows = join([read_table(path, list(schema.ROLLOUTS)) for path in flags.shards])
    # The settings are those of the first shard, which differs from the others only in its number.
    metadata = read_metadata(flags.shards[0]) | {"lineage": flags.lineage}
    write_table(rows, flags.output, metadata)


if __name__ == "__main__":
    stage.run(main)
