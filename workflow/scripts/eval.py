#!/usr/bin/env python3
"""Draw a policy's responses to the validation and development questions, and measure its entropy.

    eval.py --policy workflow/demo/policy --data results/demo/data/validation.parquet \\
        --development results/demo/data/development.parquet --prompt workflow/prompts/demo.txt \\
        --step 0 --seed 0 --engine transformers --device cpu --questions 16 --max_tokens 128 \\
        --output example/answers/0-of-1.parquet

The column `split` says which of the two a question belongs to. The column `entropy` holds the mean
entropy, in nats, over a response's tokens (whole vocabulary, temperature 1) for a random
`--entropy_rollouts` of the validation responses, and null for the others.

A probe (workflow/rules/probes.smk) asks no development questions and measures no entropy.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ei import questions, schema, stage
from ei.files import forget_scratch, read_columns, stamp, write_table
from ei.model import folder
from ei.prompt import has_chat, read_template
from ei.sampling.draw import Task, add_flags, draw, made_with, task_from
from ei.sampling.table import ASKED
from ei.stage import setting

log = logging.getLogger("eval")


@dataclass(frozen=True)
class Evaluation:
    """How much is drawn and measured."""

    samples: int = setting(1, "responses to each question")
    entropy_rollouts: int = setting(256, "validation responses whose entropy is measured; 0: none")
    row_tokens: int = setting(8192, "tokens that go through the model at once to measure it")


def count(text: str) -> int | None:
    """The value of `--questions`: a number, or None for `all`."""
    return None if text == "all" else int(text)


def to_ask(data: Path, development: Path | None, wanted: int | None) -> pl.DataFrame:
    """`wanted` validation questions (None: all), then those for development, with their `split`.

    Part of the validation questions is the same part in every run and step: their order has a seed
    and a step of its own, both zero.
    """
    validation = questions.choose(read_columns(data, *ASKED), wanted, seed=0, step=0)
    splits = {"validation": validation}
    if development:
        splits["development"] = read_columns(development, *ASKED)
    return pl.concat(table.with_columns(split=pl.lit(name)) for name, table in splits.items())


def with_split(responses: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The responses with the `split` of their questions."""
    splits = asked.select("question_id", "split")
    return responses.join(splits, on="question_id", how="left", maintain_order="left")


def to_measure(responses: pl.DataFrame, rollouts: int, seed: int) -> pl.DataFrame:
    """A random `rollouts` of the validation responses."""
    validation = responses.filter(pl.col("split") == "validation")
    shuffled = questions.shuffle(validation, schema.IDENTITY, f"entropy/{seed}")
    return shuffled.head(rollouts)


def with_entropy(
    responses: pl.DataFrame, chosen: pl.DataFrame, task: Task, row_tokens: int
) -> pl.DataFrame:
    """The responses with the column `entropy`, null for those that are not among the chosen."""
    if chosen.is_empty():  # the policy need not be loaded
        return responses.with_columns(entropy=pl.lit(None, schema.RESPONSES["entropy"]))
    from ei.model.entropy import response_entropy  # torch, for which the engine must not wait
    from ei.model.room import enough_or, lowered

    begun = time.monotonic()
    rows = responses.join(chosen, on=schema.IDENTITY, how="semi")
    prompts, answers = rows["prompt_ids"].to_list(), rows["response_ids"].to_list()
    with enough_or(lambda: lowered("eval.row_tokens", row_tokens)):
        entropy = response_entropy(task.policy, prompts, answers, task.device, row_tokens)
    log.info("entropy of %d responses in %.1f s", rows.height, time.monotonic() - begun)
    measured = rows.select(schema.IDENTITY).with_columns(
        pl.Series("entropy", entropy, dtype=schema.RESPONSES["entropy"])
    )
    return responses.join(measured, on=schema.IDENTITY, how="left", maintain_order="left")


def answerable(task: Task) -> bool:
    """Whether the prompt can be put to the policy: a chat needs a chat template."""
    return not read_template(task.prompt).chat or has_chat(folder.load_tokenizer(task.policy))


def main() -> None:
    parser = stage.parser(__doc__)
    add_flags(parser)
    parser.add_argument("--questions", type=count, help="how many, or `all` (default: all)")
    parser.add_argument(
        "--development", type=Path, nargs="?", help="further questions, all of which are asked"
    )
    parser.add_argument(
        "--if_chat",
        action="store_true",
        help="answer nothing where the prompt is a chat and the model has no chat template",
    )
    stage.add_settings(parser, Evaluation)
    flags = parser.parse_args()
    evaluation = stage.settings_from(flags, Evaluation)
    task = task_from(flags)
    asked = to_ask(flags.data, flags.development, flags.questions)
    folder.check(task.policy)
    guard = folder.Guard(task.policy)
    if flags.if_chat and not answerable(task):
        log.warning("warning: the model has no chat template, so this chat is left out")
        asked = asked.clear()
        drawn = pl.DataFrame(schema=schema.ROLLOUTS)
    else:
        drawn = draw(task, asked, range(evaluation.samples))
    responses = with_split(drawn, asked)
    chosen = to_measure(responses, evaluation.entropy_rollouts, flags.seed)
    responses = with_entropy(responses, chosen, task, evaluation.row_tokens)
    for fingerprint in responses["policy"].unique():
        guard.refuse_change(fingerprint)
    write_table(responses, flags.output, stamp(flags.lineage, made_with(flags)))
    forget_scratch(flags.output)
    log.info("%s: %d responses", flags.output, responses.height)


if __name__ == "__main__":
    stage.run(main)
