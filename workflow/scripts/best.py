#!/usr/bin/env python3
"""Choose the best step of a run by its accuracy on the development split.

    best.py --developments results/demo/step0/development.json \\
        results/demo/step1/development.json \\
        --evaluations results/demo/step0/eval.json results/demo/step1/eval.json \\
        --output example/best.json

The validation set is never used for the choice; with `--evaluations`, what it says of the chosen
step is reported beside. Of equally good steps the earlier one is taken. `since_best` counts the
steps since then, which is what early stopping goes by.
"""

import argparse
from pathlib import Path
from typing import Any

from ei import stage
from ei.analysis.choice import accuracy_of, best_evaluation, highest
from ei.files import read_evaluation, stamp, write_json
from ei.schema import Evaluation

# Of an eval.json: its breakdowns and metadata, which best.json does not repeat.
NOT_REPEATED = ("by_level", "by_subject", "lineage", "version", "settings")


def report(developments: list[Evaluation]) -> dict[str, Any]:
    """The best step with its accuracy, and the accuracy of every step."""
    return {
        **best_evaluation(developments),
        "of": "development",
        "since_best": len(developments) - 1 - highest(developments),
        "steps": [accuracy_of(evaluation) for evaluation in developments],
    }


def read_developments(paths: list[Path]) -> list[Evaluation]:
    """The evaluations; an error where there are no development questions to choose by."""
    found = [read_evaluation(path) for path in paths]
    for path, evaluation in zip(paths, found, strict=True):
        if not evaluation["n"]:
            raise stage.UserError(
                f"{path}: no question is kept back to choose a step by; set data.development"
            )
    return found


def read_flags() -> argparse.Namespace:
    """The flags; the files of `--developments` and `--evaluations` are in the order of steps."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--developments", type=Path, nargs="+", required=True, metavar="FILE",
        help="development.json of every step, the base policy's first")  # fmt: skip
    add("--evaluations", type=Path, nargs="*", default=[], metavar="FILE",
        help="eval.json of the same steps")  # fmt: skip
    add("--output", type=Path, required=True, help="best.json")
    stage.add_lineage(parser)
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    developments = read_developments(flags.developments)
    found = report(developments)
    if flags.evaluations:
        evaluation = read_evaluation(flags.evaluations[highest(developments)])
        found["validation"] = {
            name: value for name, value in evaluation.items() if name not in NOT_REPEATED
        }
    write_json(found, flags.output, stamp(flags.lineage, {}))
    low, high = found["accuracy_ci95"]
    print(
        f"best step so far: {found['step']}, {100 * found['accuracy']:.1f} % of"
        f" {found['n']} development questions (95 % interval {100 * low:.1f} to {100 * high:.1f})"
    )


if __name__ == "__main__":
    stage.run(main)
