#!/usr/bin/env python3
"""Keep what the policy should learn from: correct responses, each once; report what was dropped.

    filter.py --scored results/demo/step1/scored.parquet --max_per_question 2 \\
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


@dataclass(frozen=True)
class Keep:
    """Which scored rollouts are kept."""

    correct_only: bool = setting(True, "drop rollouts whose reward is below --min_reward")
    min_reward: float = setting(1.0, "the least reward of a correct rollout")
    dedupe: bool = setting(True, "keep a question's identical responses once")
    max_per_question: int | None = setting(None, "most responses of a question")
    max_tokens: int | None = setting(None, "most tokens of prompt and response together")


def label(scored: pl.DataFrame, keep: Keep) -> pl.DataFrame:
    """The rows by question and sample, with a column `dropped`: why, or null for those to keep.

    Reasons, the first that holds: `wrong` (too low a reward, if `correct_only`), `too_long` (prompt
    and response exceed `max_tokens`), `duplicate` (an earlier sample of the question has the same
    text), `over_cap`.
    """
    length = pl.col("prompt_ids").list.len() + pl.col("response_ids").list.len()
    too_low = pl.col("reward").cast(pl.Float32) < pl.lit(keep.min_reward, pl.Float32)
    first: Any = pl.when(keep.correct_only & too_low).then(pl.lit("wrong"))
    if keep.max_tokens is not None:
        first = first.when(length > keep.max_tokens).then(pl.lit("too_long"))
    rows = scored.sort("question_id", "sample").with_columns(first.otherwise(None).alias("dropped"))
    good = pl.col("dropped").is_null()
    if keep.dedupe:
        repeated = good & (pl.int_range(pl.len()).over("question_id", "response", "dropped") > 0)
        rows = rows.with_columns(
            pl.when(repeated).then(pl.lit("duplicate")).otherwise("dropped").alias("dropped")
        )
    if keep.max_per_question is not None:
        beyond = good & (
            pl.int_range(pl.len()).over("question_id", "dropped") >= keep.max_per_question
        )
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
        "distinct_correct": rows.filter(pl.col("status") == "correct")
        .select("question_id", "response")
        .n_unique(),
        "response_tokens_kept": int(kept["response_ids"].list.len().sum()),
    }


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--scored", type=Path, required=True, help="scored.parquet, from score.py")
    parser.add_argument("--output", type=Path, required=True, help="filtered.parquet")
    stage.add_settings(parser, Keep)
    stage.add_lineage(parser)
    flags = parser.parse_args()
    keep = stage.settings_from(flags, Keep)
    rows = label(read_table(flags.scored, NEEDED), keep)
    found = report(rows)
    if found["kept"] == 0:
        log.warning("warning: no rollout is kept; this step's policy will be the one before")
    made = stamp(flags.lineage, asdict(keep))
    write_table(rows.filter(pl.col("dropped").is_null()).drop("dropped"), flags.output, made)
    write_json(found, flags.output.with_suffix(".json"), made)
    log.info(
        "%d of %d rollouts kept; dropped: %s", found["kept"], found["rollouts"], found["dropped"]
    )


if __name__ == "__main__":
    stage.run(main)
