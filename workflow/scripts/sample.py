#!/usr/bin/env python3
"""Draw a step's rollouts: D_b training questions, G responses to each from the step's policy.

    sample.py --policy workflow/demo/policy --data results/demo/data/train.parquet \\
        --prompt workflow/prompts/demo.txt --step 1 --seed 0 --engine transformers --device cpu \\
        --questions 8 --rollouts 4 --max_tokens 128 --output example/rollouts/0-of-1.parquet

Which questions are drawn, and each rollout's random numbers, depend only on (seed, step,
question_id, sample): not on shards, order or device count.
"""

import logging

from ei import questions, stage
from ei.files import forget_scratch, read_columns, stamp, write_table
from ei.sampling.draw import add_flags, draw, made_with, task_from
from ei.sampling.table import ASKED

log = logging.getLogger("sample")


def main() -> None:
    parser = stage.parser(__doc__)
    add_flags(parser)
    parser.add_argument("--questions", type=int, required=True, help="D_b, the questions of a step")
    parser.add_argument("--rollouts", type=int, required=True, help="G, the rollouts of a question")
    flags = parser.parse_args()
    train = read_columns(flags.data, *ASKED)
    chosen = questions.choose(train, flags.questions, flags.seed, flags.step)
    rollouts = draw(task_from(flags), chosen, range(flags.rollouts))
    write_table(rollouts, flags.output, stamp(flags.lineage, made_with(flags)))
    forget_scratch(flags.output)
    count = rollouts["question_id"].n_unique()
    log.info("%s: %d rollouts of %d questions", flags.output, rollouts.height, count)


if __name__ == "__main__":
    stage.run(main)
