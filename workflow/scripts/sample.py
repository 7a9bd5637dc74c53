#!/usr/bin/env python3
"""Draw a step's rollouts: D_b of the training questions, G responses to each from the step's policy.

    sample.py --policy results/step1/policy --data results/data/train.parquet --prompt r1_zero.txt \\
        --step 2 --seed 0 --engine vllm --device cuda --questions 1024 --rollouts 8 --output 0-of-1.parquet

Which questions, and each rollout's random draw, depend on (seed, step, question_id, sample) alone.
"""

import logging

from ei import questions, stage
from ei.files import forget_scratch, read_table, stamp, write_table
from ei.generation import command

log = logging.getLogger("sample")


def main() -> None:
    parser = stage.parser(__doc__)
    command.add_flags(parser)
    parser.add_argument("--questions", type=int, required=True, help="D_b, the questions of a step")
    parser.add_argument("--rollouts", type=int, required=True, help="G, the rollouts of a question")
    flags = parser.parse_args()
    train = read_table(flags.data, ["question_id", "question", "answer", "level", "subject"])
    chosen = questions.choose(train, flags.questions, flags.seed, flags.step)
    rollouts = command.draw(flags, chosen, dict.fromkeys(chosen["question_id"], range(flags.rollouts)))
    write_table(rollouts, flags.output, stamp(flags.lineage, command.made_with(flags)))
    forget_scratch(flags.output)
    log.info("%s: %d rollouts of %d questions", flags.output, rollouts.height, rollouts["question_id"].n_unique())


if __name__ == "__main__":
    stage.run(main)
