#!/usr/bin/env python3
"""Keep what the policy should learn from: right responses, each once, and report what was dropped.

    filter.py --scored results/demo/step1/scored.parquet --max_per_question 4 \\
        --output example/filtered.parquet
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.files import read_table, stamp, write_json, write_table
from ei.stage import setting

log = logging.getLogger("filter")
NEEDED = ["question_id", "sample", "response", "prompt_ids", "response_ids", "reward", "status"]


def label(
    scored: pl.DataFrame,
    dedupe: bool,
    max_per_question: int | None,
    max_tokens: int | None,
    correct_only: bool = True,
    min_reward: float = 1.0,
) -> pl.DataFrame:
    """The rows by question and sample, with a column `dropped`: why, or null for those to keep.

    Reasons, the first that holds: `wrong` (a reward below `min_reward`, if `correct_only`),
    `too_long` (prompt and response exceed `max_tokens`), `duplicate` (an earlier sample of the
    question has the same text), `over_cap`.
    """
    length = pl.col("prompt_ids").list.len() + pl.col("response_ids").list.len()
    low = correct_only & (pl.col("reward").cast(pl.Float32) < pl.lit(min_reward, pl.Float32))
    first: Any = pl.when(low).then(pl.lit("wrong"))
    if max_tokens is not None:
        first = first.when(length > max_tokens).then(pl.lit("too_long"))
    rows = scored.sort("question_id", "sample").with_columns(first.otherwise(None).alias("dropped"))
    good = pl.col("dropped").is_null()
    if dedupe:
        repeated = good & (pl.int_range(pl.len()).over("question_id", "response", "dropped") > 0)
        rows = rows.with_columns(
            pl.when(repeated).then(pl.lit("duplicate")).otherwise("dropped").alias("dropped")
        )
    if max_per_question is not None:
        beyond = good & (pl.int_range(pl.len()).over("question_id", "dropped") >= max_per_question)
        rows = rows.with_columns(
            pl.when(beyond).then(pl.lit("over_cap")).otherwise("dropped").alias("dropped")
        )
    return rows


def report(rows: pl.DataFrame) -> dict[str, Any]:
    """Counts of what was kept and dropped, and of questions never, sometimes and always solved."""
    solved = rows.group_by("question_id").agg(pl.col("reward").mean())["reward"]
    dropped = rows["dropped"].drop_nulls().value_counts()
    kept = rows.filter(pl.col("dropped").is_null())
    return {
        "rollouts": rows.height,
        "kept": kept.height,
        "dropped": dict(sorted(dropped.iter_rows())),
        "status": dict(sorted(rows["status"].value_counts().iter_rows())),
        "questions": rows["question_id"].n_unique(),
        "questions_kept": kept["question_id"].n_unique(),
        "solved": {
            "never": int((solved == 0).sum()),
            "sometimes": int(((solved > 0) & (solved < 1)).sum()),
            "always": int((solved == 1).sum()),
        },
        "distinct_responses": rows.select("question_id", "response").n_unique(),
        "response_tokens_kept": int(kept["response_ids"].list.len().sum()),
    }


@dataclass(frozen=True)
class Settings:
    """Which responses are kept; the fields are the parameters of `label`."""

    correct_only: bool = setting(True, "keep right responses only")
    min_reward: float = setting(1.0, "with correct_only, the least reward that is right")
    dedupe: bool = setting(True, "keep a text once for each question")
    max_per_question: int | None = setting(None, "most responses of a question")
    max_tokens: int | None = setting(None, "most tokens of prompt and response together")


def main() -> None:
    """Write the rows that are kept, and the report of the others."""
    parser = stage.parser(__doc__)
    parser.add_argument("--scored", type=Path, required=True, help="the scored rollouts")
    parser.add_argument("--output", type=Path, required=True, help="the rows that are kept")
    parser.add_argument("--lineage", default="", help="hash of what the output depends on")
    stage.add_settings(parser, Settings)
    flags = parser.parse_args()
    used = asdict(stage.settings_from(flags, Settings))
    rows = label(read_table(flags.scored, NEEDED), **used)
    found = report(rows)
    if found["kept"] == 0:
        log.warning("warning: no rollout is kept; this step's policy will be the one before")
    made = stamp(flags.lineage, used)
    write_table(rows.filter(pl.col("dropped").is_null()).drop("dropped"), flags.output, made)
    write_json(found, flags.output.with_suffix(".json"), made)
    log.info(
        "%d of %d rollouts kept; dropped: %s", found["kept"], found["rollouts"], found["dropped"]
    )


if __name__ == "__main__":
    stage.run(main)
