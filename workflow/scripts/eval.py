#!/usr/bin/env python3
"""Draw a policy's responses to the validation questions and those kept back for development, and measure entropy.

    eval.py --policy results/step1/policy --data results/data/validation.parquet --prompt r1_zero.txt \\
        --step 1 --seed 0 --engine vllm --device cuda --questions all --samples 1 --output 0-of-1.parquet

The column `split` says which of the two a question is. The column `entropy` holds the mean entropy in nats over a
response's tokens (the whole vocabulary, at temperature 1) for a random `--entropy_rollouts` of the validation
responses, and null for the rest.
"""

import argparse
import logging
from pathlib import Path

import polars as pl

from ei import questions, stage
from ei.files import forget_scratch, read_table, stamp, write_table
from ei.generation import command

log = logging.getLogger("eval")
VALIDATION = (
    0  # the seed of the validation questions' order: a part of them is the same part in every run
)


def count(text: str) -> int | None:
    """The value of `--questions`: a number, or None for `all`."""
    return None if text == "all" else int(text)


def with_entropy(
    responses: pl.DataFrame, part: pl.DataFrame, flags: argparse.Namespace
) -> pl.DataFrame:
    """The responses with the column `entropy`, null outside `part`."""
    from ei.training.entropy import (
        response_entropy,  # torch, which the engine's start-up must not wait for
    )

    rows = responses.join(part, on=["question_id", "sample"], how="semi")
    entropy = response_entropy(
        flags.policy,
        rows["prompt_ids"].to_list(),
        rows["response_ids"].to_list(),
        flags.device,
        flags.row_tokens,
    )
    found = rows.select("question_id", "sample").with_columns(
        pl.Series("entropy", entropy, dtype=pl.Float64)
    )
    return responses.join(found, on=["question_id", "sample"], how="left", maintain_order="left")


def to_ask(flags: argparse.Namespace) -> pl.DataFrame:
    """The questions with their `split`: validation (as many as wanted), then all for development."""
    columns = ["question_id", "question", "answer", "level", "subject"]
    validation = questions.choose(
        read_table(flags.data, columns), flags.questions, VALIDATION, VALIDATION
    )
    splits = {"validation": validation}
    if flags.development:
        splits["development"] = read_table(flags.development, columns)
    return pl.concat(table.with_columns(split=pl.lit(name)) for name, table in splits.items())


def main() -> None:
    parser = stage.parser(__doc__)
    command.add_flags(parser)
    parser.add_argument("--questions", type=count, default=None, help="how many, or `all`")
    parser.add_argument(
        "--development", type=Path, help="further questions, all of which are asked"
    )
    parser.add_argument("--samples", type=int, default=1, help="responses to each question")
    parser.add_argument(
        "--entropy_rollouts", type=int, default=256, help="responses whose entropy is measured"
    )
    parser.add_argument(
        "--row_tokens",
        type=int,
        default=8192,
        help="tokens that go through the model at once there",
    )
    flags = parser.parse_args()
    chosen = to_ask(flags)
    responses = command.draw(
        flags, chosen, dict.fromkeys(chosen["question_id"], range(flags.samples))
    )
    splits = chosen.select("question_id", "split")
    responses = responses.join(splits, on="question_id", how="left", maintain_order="left")
    share = -(-flags.entropy_rollouts // int(flags.shard.split("/")[1]))
    validation = responses.filter(pl.col("split") == "validation")
    part = questions.shuffle(validation, ["question_id", "sample"], f"entropy/{flags.seed}").head(
        share
    )
    responses = with_entropy(responses, part, flags)
    write_table(responses, flags.output, stamp(flags.lineage, command.made_with(flags)))
    forget_scratch(flags.output)
    log.info("%s: %d responses", flags.output, responses.height)


if __name__ == "__main__":
    stage.run(main)
