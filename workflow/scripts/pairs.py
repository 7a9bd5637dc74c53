#!/usr/bin/env python3
"""Pair a correct with a wrong rollout of each question, as data for preference training elsewhere.

    pairs.py --scored results/demo/step1/scored.parquet --prompt workflow/prompts/demo.txt \\
        --policy workflow/demo/policy --output example/pairs.parquet

The texts `prompt`, `chosen` and `rejected` are the columns that TRL's DPOTrainer and RewardTrainer
take; beside them are the token ids, the rewards and the numbers of both rollouts. A question whose
rollouts are all correct or all wrong has no pair.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from ei import prompt, stage
from ei.files import read_table, stacked, stamp, write_table
from ei.model import folder
from ei.schema import IDENTITY, PAIRS

log = logging.getLogger("pairs")
NEEDED = [
    *IDENTITY,
    "question",
    "step",
    "policy",
    "prompt_ids",
    "response",
    "response_ids",
    "format_ok",
    "reward",
]


def pairs(scored: pl.DataFrame, as_prompt: Callable[[str], str], min_reward: float) -> pl.DataFrame:
    """A pair for each question that has one (`ei.schema.PAIRS`), by question.

    `as_prompt` puts a question into its prompt.
    Both are the rollouts with the lowest numbers. A wrong one of right form is preferred, as the
    pair then differs in what was computed and not in how it was written.
    """
    correct = pl.col("reward").cast(pl.Float32) >= pl.lit(min_reward, pl.Float32)
    in_order = scored.sort("question_id", ~pl.col("format_ok"), "sample")
    chosen = side(in_order.filter(correct), "chosen")
    rejected = side(in_order.filter(~correct), "rejected")
    first = in_order.unique("question_id", keep="first", maintain_order=True)
    filled = [as_prompt(question) for question in first["question"]]
    asked = first.select(
        "question_id", "question", "step", "policy", "prompt_ids", prompt=pl.Series(filled)
    )
    both = asked.join(chosen, on="question_id").join(rejected, on="question_id")
    return both.sort("question_id").select(list(PAIRS))


def side(rollouts: pl.DataFrame, name: str) -> pl.DataFrame:
    """The first rollout of each question, with the columns of its side of a pair."""
    first = rollouts.unique("question_id", keep="first", maintain_order=True)
    columns = {
        name: "response",
        f"{name}_ids": "response_ids",
        f"{name}_sample": "sample",
        f"{name}_reward": "reward",
    }
    return first.select("question_id", **{new: pl.col(old) for new, old in columns.items()})


def filler(template: prompt.Template, policy: Path) -> Callable[[str], str]:
    """The function from a question to its prompt's text; only a chat needs the tokenizer."""
    if not template.chat:
        return partial(prompt.fill, template)
    return partial(prompt.chat_text, template, tokenizer=folder.load_tokenizer(policy))


def main() -> None:
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--scored", type=Path, nargs="+", required=True, help="scored.parquet of each round")
    add("--prompt", type=Path, required=True, help="the template with which they were drawn")
    add("--policy", type=Path, required=True, help="a model folder, for the form of a chat")
    add("--min_reward", type=float, default=1.0, help="the least of a correct rollout (default: 1)")
    add("--output", type=Path, required=True, help="pairs.parquet")
    stage.add_lineage(parser)
    flags = parser.parse_args()
    as_prompt = filler(prompt.read_template(flags.prompt), flags.policy)
    scored = stacked([read_table(path, NEEDED).select(NEEDED) for path in flags.scored])
    found = pairs(scored, as_prompt, flags.min_reward)
    made = stamp(flags.lineage, stage.settings(flags, "prompt", "min_reward"))
    write_table(found, flags.output, made)
    log.info("%d pairs of %d questions", found.height, scored["question_id"].n_unique())


if __name__ == "__main__":
    stage.run(main)
