#!/usr/bin/env python3
"""The steps of a run as a table: printed, and written as CSV.

table.py --evaluations step0/eval.json step1/eval.json --filters step1/filtered.json \\
    --trainings step1/training.json --output steps.csv
"""

from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.files import read_json, whole


def row(
    evaluation: dict[str, Any], kept: dict[str, Any], training: dict[str, Any]
) -> dict[str, Any]:
    """One step: its evaluation, and what led to its policy (nulls for the base policy)."""
    low, high = evaluation["accuracy_ci95"]
    return {
        "step": evaluation["step"],
        "accuracy": evaluation["accuracy"],
        "ci95_low": low,
        "ci95_high": high,
        "format_rate": evaluation["format_rate"],
        "accuracy_given_format": evaluation["accuracy_given_format"],
        "entropy": evaluation["entropy"],
        "response_tokens": evaluation["mean_response_tokens"],
        "rollouts": kept.get("rollouts"),
        "kept": kept.get("kept"),
        "updates": training.get("updates"),
    }


def text(steps: pl.DataFrame) -> str:
    """The table for the terminal; shares in percent, entropy in nats per token."""
    lines = [
        "step  accuracy [95 % interval]  format  right if formatted  entropy  tokens   kept of drawn  updates"
    ]
    for s in steps.iter_rows(named=True):
        interval = f"[{percent(s['ci95_low'])}, {percent(s['ci95_high'])}]"
        drawn = "" if s["rollouts"] is None else f"{s['kept']:,} of {s['rollouts']:,}"
        lines.append(
            f"{s['step']:>4}  {percent(s['accuracy']):>8} {interval:<16}  {percent(s['format_rate']):>6}"
            f"  {percent(s['accuracy_given_format']):>18}  {number(s['entropy'], 3):>7}"
            f"  {number(s['response_tokens'], 1):>6}  {drawn:>14}  {number(s['updates'], 0):>7}"
        )
    return "\n".join(lines)


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument(
        "--evaluations", type=Path, nargs="+", required=True, help="of every step, the base first"
    )
    parser.add_argument(
        "--filters", type=Path, nargs="*", default=[], help="of every step but the base"
    )
    parser.add_argument("--trainings", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    flags = parser.parse_args()
    evaluations, filters, trainings = (
        [read_json(path) for path in paths]
        for paths in (flags.evaluations, flags.filters, flags.trainings)
    )
    rows = [
        row(*parts) for parts in zip(evaluations, [{}, *filters], [{}, *trainings], strict=True)
    ]
    steps = pl.DataFrame(rows, infer_schema_length=None)
    with whole(flags.output) as partial:
        steps.write_csv(partial)
    print(text(steps))


if __name__ == "__main__":
    stage.run(main)
