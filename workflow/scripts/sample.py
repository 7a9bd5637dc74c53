#!/usr/bin/env python3
"""Draw a step's rollouts: D_b training questions, G responses to each from the step's policy.

    sample.py --policy workflow/demo/policy --data results/demo/data/train.parquet \\
        --prompt workflow/prompts/demo.txt --step 1 --seed 0 --engine transformers --device cpu \\
        --questions 8 --rollouts 4 --max_tokens 128 --output example/rollouts/0-of-1.parquet

Which questions are drawn, and each rollout's random numbers, depend only on (seed, step,
question_id, sample): not on shards, order or device count.

With `--round extra` or `--round hints` it draws that round instead, of those questions that
`--scored`, the rounds before, leave to it.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

import polars as pl

from ei import questions, schema, stage
from ei.files import forget_scratch, read_columns, stacked, stamp, write_table
from ei.sampling.draw import add_flags, draw, made_with, task_from
from ei.sampling.rounds import FIRST, Rounds, asked_again
from ei.sampling.table import ASKED

log = logging.getLogger("sample")
OF_ROUNDS = ("round", "scored", "min_reward", "extra", "hints", "hint")


def read_flags() -> argparse.Namespace:
    """The flags: those of any sampling, the sizes of a step, and the round to draw."""
    parser = stage.parser(__doc__)
    add_flags(parser)
    add = parser.add_argument
    add("--questions", type=int, required=True, help="D_b, the questions of a step")
    add("--rollouts", type=int, required=True, help="G, the rollouts of a question")
    add("--round", choices=[FIRST, *schema.ROUNDS], default=FIRST, help="(default: first)")
    add("--scored", type=Path, nargs="*", default=[], help="scored.parquet of the rounds before")
    add("--min_reward", type=float, default=1.0, help="the least of a correct rollout (default: 1)")
    stage.add_settings(parser, Rounds)
    return parser.parse_args()


def of_round(chosen: pl.DataFrame, flags: argparse.Namespace) -> pl.DataFrame:
    """The step's questions that the round draws: all in the first, else those that are left."""
    if flags.round == FIRST:
        return chosen
    scored = stacked([read_columns(path, "question_id", "reward") for path in flags.scored])
    return asked_again(chosen, scored, flags.round, flags.min_reward)


def settings_of(flags: argparse.Namespace) -> dict[str, Any]:
    """The settings for the table's metadata; further rounds are no matter of the first."""
    left_out = OF_ROUNDS if flags.round == FIRST else ("scored",)
    return {name: value for name, value in made_with(flags).items() if name not in left_out}


def main() -> None:
    flags = read_flags()
    rounds = stage.settings_from(flags, Rounds)
    train = read_columns(flags.data, *ASKED)
    chosen = questions.choose(train, flags.questions, flags.seed, flags.step)
    asked = of_round(chosen, flags)
    hint = rounds.hint if flags.round == "hints" else None
    rollouts = pl.DataFrame(schema=schema.ROLLOUTS)
    if asked.height:  # else no engine need start
        rollouts = draw(task_from(flags), asked, rounds.numbers(flags.round, flags.rollouts), hint)
    write_table(rollouts, flags.output, stamp(flags.lineage, settings_of(flags)))
    forget_scratch(flags.output)
    count = rollouts["question_id"].n_unique()
    log.info("%s: %d rollouts of %d questions", flags.output, rollouts.height, count)


if __name__ == "__main__":
    stage.run(main)
