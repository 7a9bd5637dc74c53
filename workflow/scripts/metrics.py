#!/usr/bin/env python3
"""Sum up an evaluation: accuracy with its interval, format, length, entropy, all by level and subject too.

metrics.py --responses responses.parquet --step 1 --output eval.json --lineage HASH
"""

import logging
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.files import read_table, stamp, write_json
from ei.statistics import wilson

log = logging.getLogger("metrics")
NEEDED = ["question_id", "reward", "format_ok", "response_ids", "finish_reason", "policy", "level", "subject"]


def summary(responses: pl.DataFrame) -> dict[str, Any]:
    """The measures of a set of graded responses.

    `n` counts questions; `accuracy` is the mean over questions of the share of right responses, and its 95 %
    Wilson interval is that of `n` trials, which is too wide, never too narrow, when a question has several
    responses. `entropy` is in nats per response token, over the responses where it was measured.
    """
    questions = responses.group_by("question_id").agg(pl.col("reward").cast(pl.Float64).mean())["reward"]
    right, formatted = responses.filter(pl.col("reward") > 0).height, responses.filter("format_ok").height
    n = len(questions)
    share = float(questions.to_numpy().mean()) if n else 0.0
    return {
        "n": n,
        "responses": responses.height,
        "accuracy": share,
        "accuracy_ci95": list(wilson(round(share * n), n)),
        "format_rate": formatted / max(responses.height, 1),
        "accuracy_given_format": right / formatted if formatted else None,
        "mean_response_tokens": responses["response_ids"].list.len().mean(),
        "truncated_rate": responses.filter(pl.col("finish_reason") == "length").height / max(responses.height, 1),
        "entropy": token_entropy(responses),
    }


def token_entropy(responses: pl.DataFrame) -> float | None:
    """Mean entropy per response token (nats) over the responses that have one; None where none has."""
    if "entropy" not in responses.columns:
        return None
    tokens = pl.col("response_ids").list.len()
    rows = responses.filter(pl.col("entropy").is_not_null())
    return rows.select((pl.col("entropy") * tokens).sum() / tokens.sum()).item() if rows.height else None


def by(responses: pl.DataFrame, column: str) -> dict[str, Any]:
    """The summary of each of the column's values; empty where the data has none."""
    present = responses.filter(pl.col(column).is_not_null())
    return {str(value): summary(rows) for (value,), rows in sorted(present.group_by(column))}


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--lineage", required=True)
    flags = parser.parse_args()
    responses = read_table(flags.responses, NEEDED)
    found = {"step": flags.step, **summary(responses), "policy": responses["policy"][0]}
    found |= {"by_level": by(responses, "level"), "by_subject": by(responses, "subject")}
    write_json(found, flags.output, stamp(flags.lineage, {"step": flags.step}))
    low, high = found["accuracy_ci95"]
    log.info(
        "step %d: accuracy %.1f %% (95 %% interval %.1f to %.1f, n = %d), format %.1f %%",
        flags.step, 100 * found["accuracy"], 100 * low, 100 * high, found["n"], 100 * found["format_rate"],
    )  # fmt: skip


if __name__ == "__main__":
    stage.run(main)
