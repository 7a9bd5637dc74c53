#!/usr/bin/env python3
"""Summarize an evaluation: accuracy with its interval, format rate, length, entropy.

    metrics.py --responses results/demo/step1/responses.parquet \\
        --development_responses results/demo/step1/development_responses.parquet \\
        --step 1 --output example/eval.json --development example/development.json

Without development responses only --output is written. Everything is also broken down by level and
by subject. Where questions have several responses, there are two more measures for k = 1, 2, 4, ...
and all of them: pass@k, the share of questions that k responses would solve, and majority@k, the
accuracy of the most frequent answer among k. Where rewards lie between 0 and 1, pass@k is the
expected highest reward of k responses.
"""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.analysis.statistics import best_at_k, majority_at_k, wilson
from ei.checker.answer.reading import word_key
from ei.files import read_table, stamp, write_json
from ei.schema import RESPONSES

log = logging.getLogger("metrics")
TOKENS = pl.col("response_ids").list.len()


def evaluation(responses: pl.DataFrame, step: int) -> dict[str, Any]:
    """What an eval.json says of the graded responses (`ei.schema.Evaluation`)."""
    if responses.is_empty():
        return {"step": step, "n": 0}
    return {
        "step": step,
        **summary(responses),
        "policy": responses["policy"].first(),
        "by_level": by(responses, "level"),
        "by_subject": by(responses, "subject"),
    }


def summary(responses: pl.DataFrame) -> dict[str, Any]:
    """The measures of one or more graded responses.

    `n` counts questions. `accuracy` is the mean over questions of the share of correct responses.
    Its 95 % Wilson interval is that of `n` trials: too wide, never too narrow, when a question has
    several responses. `accuracy_given_format` is the mean reward of the responses in the format.
    `entropy` is in nats per response token, where it was measured.
    """
    total = responses.height
    reward = pl.col("reward").cast(pl.Float64)  # a mean of 32-bit rewards would round
    of_formatted = responses.filter("format_ok").select(reward).to_series()
    by_question = responses.group_by("question_id").agg(reward.mean())["reward"]
    n = len(by_question)
    accuracy = float(by_question.to_numpy().mean())
    samples = -(-total // n)  # rounded up where some questions have fewer
    return {
        "n": n,
        "responses": total,
        "samples": samples,
        "accuracy": accuracy,
        "accuracy_ci95": list(wilson(round(accuracy * n), n)),
        "format_rate": len(of_formatted) / total,
        "accuracy_given_format": of_formatted.mean(),
        "mean_response_tokens": responses.select(TOKENS).to_series().mean(),
        "truncated_rate": responses.filter(pl.col("finish_reason") == "length").height / total,
        "entropy": token_entropy(responses),
        **(at_k(responses) if samples > 1 else {}),
    }


def at_k(responses: pl.DataFrame) -> dict[str, dict[str, float]]:
    """`pass_at_k` and `majority_at_k` by k, means over questions; each has at least k responses.

    Two answers are the same vote when the checker's normalized strings of them are equal. Answers
    that it can only prove equal, 639/648 and 71/72, stay two: no vote may look at the reference.
    """
    voting = responses.with_columns(
        vote=votes(responses["extracted"]), reward=pl.col("reward").cast(pl.Float64)
    )
    groups = voting.group_by("question_id", maintain_order=True).agg("vote", "reward")
    questions = list(groups.select("vote", "reward").iter_rows())
    found: dict[str, dict[str, float]] = {"pass_at_k": {}, "majority_at_k": {}}
    for k in powers_of_two(min(len(rewards) for _, rewards in questions)):
        passed = [best_at_k(rewards, k) for _, rewards in questions]
        voted = [majority_at_k(answers, rewards, k) for answers, rewards in questions]
        found["pass_at_k"][str(k)] = sum(passed) / len(passed)
        found["majority_at_k"][str(k)] = sum(voted) / len(voted)
    return found


def powers_of_two(most: int) -> Iterator[int]:
    """1, 2, 4, ... below `most`, and `most` itself."""
    k = 1
    while k < most:
        yield k
        k *= 2
    yield most


def votes(extracted: pl.Series) -> pl.Series:
    """The checker's normalized string of each answer; null where there is none."""
    distinct = extracted.drop_nulls().unique()
    normalized = [word_key(answer) for answer in distinct]
    return extracted.replace_strict(distinct, pl.Series(normalized, dtype=pl.String), default=None)


def token_entropy(responses: pl.DataFrame) -> float | None:
    """Mean entropy per response token (nats) of the responses that have one; None where none has.

    `entropy` of a response is a mean over its tokens, so responses are weighted by their length.
    """
    measured = responses.filter(pl.col("entropy").is_not_null())
    if measured.is_empty():
        return None
    mean: float = measured.select((pl.col("entropy") * TOKENS).sum() / TOKENS.sum()).item()
    return mean


def by(responses: pl.DataFrame, column: str) -> dict[str, Any]:
    """The summary for each value of the column; empty where the data has none."""
    present = responses.filter(pl.col(column).is_not_null())
    return {str(value): summary(group) for (value,), group in sorted(present.group_by(column))}


def describe(found: dict[str, Any], split: str) -> str:
    """The result in one line."""
    if not found["n"]:
        return f"step {found['step']}, {split}: no questions"
    low, high = found["accuracy_ci95"]
    return (
        f"step {found['step']}, {split}: accuracy {100 * found['accuracy']:.1f} %"
        f" (95 % interval {100 * low:.1f} to {100 * high:.1f}, n = {found['n']}),"
        f" format {100 * found['format_rate']:.1f} %"
    )


def read_flags() -> argparse.Namespace:
    """The flags: a table of graded responses and an output for validation and, if drawn, the other.

    A probe asks no development questions.
    """
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--responses", type=Path, required=True, help="graded responses, validation")
    add("--development_responses", type=Path, help="graded responses, development")
    add("--step", type=int, required=True, help="the step whose policy responded")
    add("--output", type=Path, required=True, help="eval.json")
    add("--development", type=Path, help="development.json")
    stage.add_lineage(parser)
    flags = parser.parse_args()
    if (flags.development is None) != (flags.development_responses is None):
        parser.error("--development_responses and --development need each other")
    return flags


def main() -> None:
    flags = read_flags()
    made_with = stamp(flags.lineage, {"step": flags.step})
    splits = [("validation", flags.responses, flags.output)]
    if flags.development:
        splits.append(("development", flags.development_responses, flags.development))
    found = [  # all before anything is written
        evaluation(read_table(responses, list(RESPONSES)), flags.step) for _, responses, _ in splits
    ]
    for of_split, (split, _, output) in zip(found, splits, strict=True):
        write_json(of_split, output, made_with)
        log.info(describe(of_split, split))


if __name__ == "__main__":
    stage.run(main)
