#!/usr/bin/env python3
"""Print the steps of a run as a table, and write it as CSV.

    table.py --evaluations results/demo/step0/eval.json results/demo/step1/eval.json \\
        --filters results/demo/step1/filtered.json --trainings results/demo/step1/training.json \\
        --output example/steps.csv
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.analysis.steps import filtering, training
from ei.files import read_evaluation, whole

HEADER = (
    "step  accuracy [95 % interval]   format  accuracy given format  entropy  tokens"
    "   kept of drawn  distinct  updates"
)


def row(
    evaluation: Mapping[str, Any], filtered: Mapping[str, Any], training: Mapping[str, Any]
) -> dict[str, Any]:
    """One step: the evaluation of its policy, and what that was trained on (None for the base)."""
    low, high = evaluation.get("accuracy_ci95", (None, None))
    return {
        "step": evaluation["step"],
        "accuracy": evaluation.get("accuracy"),
        "ci95_low": low,
        "ci95_high": high,
        "format_rate": evaluation.get("format_rate"),
        "accuracy_given_format": evaluation.get("accuracy_given_format"),
        "entropy": evaluation.get("entropy"),
        "response_tokens": evaluation.get("mean_response_tokens"),
        "rollouts": filtered.get("rollouts"),
        "kept": filtered.get("kept"),
        "distinct_correct": per_question(filtered),
        "updates": training.get("updates"),
    }


def per_question(filtered: Mapping[str, Any]) -> float | None:
    """Distinct correct responses for each of the step's questions; None where nobody counted."""
    found, questions = (filtered.get(name) for name in ("distinct_correct", "questions"))
    return found / questions if found is not None and questions else None


def text(steps: pl.DataFrame) -> str:
    """The table for the terminal: shares in percent, entropy in nats per token.

    `distinct` are the distinct correct responses for each of the step's questions.
    """
    return "\n".join([HEADER, *map(line, steps.iter_rows(named=True))])


def line(step: dict[str, Any]) -> str:
    """One step, aligned with HEADER."""
    interval = f"[{percent(step['ci95_low'])}, {percent(step['ci95_high'])}]"
    kept = "" if step["rollouts"] is None else f"{step['kept']:,} of {step['rollouts']:,}"
    return (
        f"{step['step']:>4}  {percent(step['accuracy']):>8} {interval:<16}"
        f"  {percent(step['format_rate']):>6}  {percent(step['accuracy_given_format']):>21}"
        f"  {number(step['entropy'], 3):>7}  {number(step['response_tokens'], 1):>6}"
        f"  {kept:>14}  {number(step['distinct_correct'], 2):>8}  {number(step['updates'], 0):>7}"
    )


def percent(share: float | None) -> str:
    """12.3 of 0.123, without the unit; a dash of None."""
    return "-" if share is None else f"{100 * share:.1f}"


def number(value: float | None, digits: int) -> str:
    """The number with so many decimals; a dash of None."""
    return "-" if value is None else f"{value:.{digits}f}"


def read_flags() -> argparse.Namespace:
    """The flags; files are in the order of the steps."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--evaluations", type=Path, nargs="+", required=True, metavar="FILE",
        help="eval.json of every step, the base policy's first")  # fmt: skip
    add("--filters", type=Path, nargs="*", default=[], metavar="FILE",
        help="filtered.json of every step after the base policy")  # fmt: skip
    add("--trainings", type=Path, nargs="*", default=[], metavar="FILE",
        help="training.json of the same steps")  # fmt: skip
    add("--output", type=Path, required=True, help="a CSV file")
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    evaluations = [read_evaluation(path) for path in flags.evaluations]
    filters = [filtering(path) for path in flags.filters]
    trainings = [training(path) for path in flags.trainings]
    if not len(evaluations) - 1 == len(filters) == len(trainings):
        raise stage.UserError(
            f"{len(evaluations)} evaluations, the first of the base policy, need a file of"
            f" --filters and of --trainings for each other one; there are {len(filters)} and"
            f" {len(trainings)}"
        )
    files_of_steps = zip(evaluations, [{}, *filters], [{}, *trainings], strict=True)
    steps = pl.DataFrame([row(*files) for files in files_of_steps], infer_schema_length=None)
    with whole(flags.output) as partial:
        steps.write_csv(partial)
    print(text(steps))


if __name__ == "__main__":
    stage.run(main)
