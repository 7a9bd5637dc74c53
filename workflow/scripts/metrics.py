#!/usr/bin/env python3
"""Sum up an evaluation: accuracy with its interval, format, length, entropy, all by level and subject too.

metrics.py --responses responses.parquet --step 1 --output eval.json --lineage HASH

Where questions have several responses there is also, for k = 1, 2, 4 ... and all of them: pass@k, the share of
questions that k responses would solve, and majority@k, the accuracy of the most frequent answer among k responses.
"""

import logging
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.checker.answer.reading import answer_key
from ei.files import read_table, stamp, write_json
from ei.statistics import majority_at_k, pass_at_k, wilson

log = logging.getLogger("metrics")
GRADED = ["question_id", "reward", "format_ok", "extracted"]
NEEDED = [*GRADED, "response_ids", "finish_reason", "policy", "level", "subject"]


def summary(responses: pl.DataFrame) -> dict[str, Any]:
    """The measures of a set of graded responses.

    `n` counts questions; `accuracy` is the mean over questions of the share of right responses, and its 95 %
    Wilson interval is that of `n` trials, which is too wide, never too narrow, when a question has several
    responses. `entropy` is in nats per response token, over the responses where it was measured.
    """
    questions = responses.group_by("question_id").agg(pl.col("reward").cast(pl.Float64).mean())[
        "reward"
    ]
    right, formatted = (
        responses.filter(pl.col("reward") > 0).height,
        responses.filter("format_ok").height,
    )
    n = len(questions)
    share = float(questions.to_numpy().mean()) if n else 0.0
    samples = -(-responses.height // n) if n else 0
    return {
        "n": n,
        "responses": responses.height,
        "samples": samples,
        "accuracy": share,
        "accuracy_ci95": list(wilson(round(share * n), n)),
        "format_rate": formatted / max(responses.height, 1),
        "accuracy_given_format": right / formatted if formatted else None,
        "mean_response_tokens": responses["response_ids"].list.len().mean(),
        "truncated_rate": responses.filter(pl.col("finish_reason") == "length").height
        / max(responses.height, 1),
        "entropy": token_entropy(responses),
        **(at_k(responses) if samples > 1 else {}),
    }


def at_k(responses: pl.DataFrame) -> dict[str, dict[str, float]]:
    """`pass_at_k` and `majority_at_k`, each a mean over questions for every k that all questions have responses for.

    Answers are the same vote when the checker's normalised strings of them are equal; what it judges equal by
    mathematics alone, 639/648 and 71/72, are two, as no vote may look at the reference.
    """
    rows = responses.with_columns(
        vote=votes(responses["extracted"]), right=pl.col("reward").cast(pl.Float64)
    )
    groups = rows.group_by("question_id", maintain_order=True).agg("vote", "right")
    questions = list(groups.select("vote", "right").iter_rows())
    fewest = min(len(right) for _, right in questions)
    found: dict[str, dict[str, float]] = {"pass_at_k": {}, "majority_at_k": {}}
    for k in sorted({2**power for power in range(fewest.bit_length())} | {fewest}):
        passed = [
            pass_at_k(len(right), sum(reward > 0 for reward in right), k) for _, right in questions
        ]
        voted = [majority_at_k(answers, right, k) for answers, right in questions]
        found["pass_at_k"][str(k)] = sum(passed) / len(passed)
        found["majority_at_k"][str(k)] = sum(voted) / len(voted)
    return found


def votes(extracted: pl.Series) -> pl.Series:
    """The checker's normalised string of each answer; null where there is none."""
    distinct = extracted.drop_nulls().unique()
    normalised = [answer_key(answer) for answer in distinct]
    return extracted.replace_strict(distinct, pl.Series(normalised, dtype=pl.String), default=None)


def token_entropy(responses: pl.DataFrame) -> float | None:
    """Mean entropy per response token (nats) over the responses that have one; None where none has."""
    if "entropy" not in responses.columns:
        return None
    tokens = pl.col("response_ids").list.len()
    rows = responses.filter(pl.col("entropy").is_not_null())
    return (
        rows.select((pl.col("entropy") * tokens).sum() / tokens.sum()).item()
        if rows.height
        else None
    )


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
    found = {"step": flags.step, **summary(responses), "policy": responses["policy"].first()}
    found |= {"by_level": by(responses, "level"), "by_subject": by(responses, "subject")}
    write_json(found, flags.output, stamp(flags.lineage, {"step": flags.step}))
    low, high = found["accuracy_ci95"]
    log.info(
        "step %d: accuracy %.1f %% (95 %% interval %.1f to %.1f, n = %d), format %.1f %%",
        flags.step, 100 * found["accuracy"], 100 * low, 100 * high, found["n"], 100 * found["format_rate"],
    )  # fmt: skip


if __name__ == "__main__":
    stage.run(main)
