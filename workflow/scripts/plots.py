#!/usr/bin/env python3
"""The pictures of one run or of an experiment, each as PNG and SVG.

plots.py --runs run.json sweep/G4/run.json --bar 0.15 --output plots --names accuracy entropy
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.style
from matplotlib.figure import Figure

from ei import stage
from ei.files import read_json
from ei.plots import cost, entropy, formats, rollouts, style
from ei.plots.accuracy import accuracy, levels, over
from ei.plots.curves import Run
from ei.stage import UserError


def pictures(bar: float | None) -> dict[str, Callable[[Sequence[Run]], Figure]]:
    """{name: how it is made from the runs}, with `bar` drawn in where accuracies are."""
    line = partial(over, bar=bar)
    return {
        "accuracy": partial(accuracy, bar=bar),
        "accuracy_rollouts": partial(
            line, setting="sample.rollouts", symbol="G", title="Accuracy by rollouts of a question"
        ),
        "accuracy_epochs": partial(
            line, setting="sft.epochs", symbol="epochs", title="Accuracy by epochs of a step"
        ),
        "accuracy_questions": partial(
            line, setting="sample.questions", symbol="D_b", title="Accuracy by questions of a step"
        ),
        "entropy": entropy.entropy,
        "format": formats.format_path,
        "kept": rollouts.kept,
        "length": rollouts.length,
        "time": cost.time,
        "levels": levels,
    }


def read_run(path: Path) -> dict[str, Any]:
    """The summary of a run; an error says what is wrong with the file."""
    run = read_json(path)
    missing = [
        key for key in ("name", "group", "kind") if not isinstance(run, dict) or key not in run
    ]
    if missing:
        raise UserError(f"{path} is no summary of a run: it has no {', '.join(missing)}")
    return run


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="run.json of each run")
    parser.add_argument("--bar", type=float, help="accuracy to beat")
    parser.add_argument("--output", type=Path, required=True, help="the folder of the pictures")
    parser.add_argument(
        "--names",
        nargs="+",
        choices=pictures(None),
        default=list(pictures(None)),
        help="all if left out",
    )
    flags = parser.parse_args()
    runs = [read_run(path) for path in flags.runs]
    with matplotlib.style.context(
        style.STYLE, after_reset=True
    ):  # no setting of the reader's own matplotlib
        for name in flags.names:
            style.save(pictures(flags.bar)[name](runs), flags.output / name)


if __name__ == "__main__":
    stage.run(main)
