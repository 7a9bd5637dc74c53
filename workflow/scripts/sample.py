#!/usr/bin/env python3
"""Draw a step's rollouts: D_b of the training questions, G responses to each from the step's policy.

    sample.py --policy results/step1/policy --data results/data/train.parquet --prompt r1_zero.txt \\
        --step 2 --seed 0 --engine vllm --device cuda --questions 1024 --rollouts 8 --output 0-of-1.parquet

Which questions, and each rollout's random draw, depend on (seed, step, question_id, sample) alone. So rollouts of this
step that other runs have drawn (--known) need not be drawn again: what is missing is drawn, and gather.py joins both.
"""

import logging
from pathlib import Path

import polars as pl

from ei import questions, stage
from ei.files import forget_scratch, read_table, stamp, write_table
from ei.generation import command

log = logging.getLogger("sample")


def missing(chosen: pl.DataFrame, rollouts: int, known: list[pl.DataFrame]) -> dict[str, range]:
    """{question_id: its rollouts that are not among the known ones}, in the questions' order, empty ranges left out.

    Known rollouts of a question are its first ones: 0 up to some number.
    """
    counts: dict[str, int] = {}
    for table in known:
        for name, count in table.group_by("question_id").len().iter_rows():
            counts[name] = max(count, counts.get(name, 0))
    wanted = {name: range(counts.get(name, 0), rollouts) for name in chosen["question_id"]}
    return {name: samples for name, samples in wanted.items() if samples}


def main() -> None:
    parser = stage.parser(__doc__)
    command.add_flags(parser)
    parser.add_argument("--questions", type=int, required=True, help="D_b, the questions of a step")
    parser.add_argument("--rollouts", type=int, required=True, help="G, the rollouts of a question")
    parser.add_argument(
        "--known", type=Path, nargs="*", default=[], help="rollouts.parquet that hold some of them"
    )
    flags = parser.parse_args()
    train = read_table(flags.data, ["question_id", "question", "answer", "level", "subject"])
    chosen = questions.choose(train, flags.questions, flags.seed, flags.step)
    wanted = missing(
        chosen, flags.rollouts, [read_table(path, ["question_id"]) for path in flags.known]
    )
    made = {name: value for name, value in command.made_with(flags).items() if name != "known"}
    chosen = chosen.filter(pl.col("question_id").is_in(list(wanted)))
    rollouts = command.draw(flags, chosen, wanted)
    write_table(rollouts, flags.output, stamp(flags.lineage, made))
    forget_scratch(flags.output)
    log.info(
        "%s: %d rollouts of %d questions",
        flags.output,
        rollouts.height,
        rollouts["question_id"].n_unique(),
    )


if __name__ == "__main__":
    stage.run(main)
