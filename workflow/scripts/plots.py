#!/usr/bin/env python3
"""Plot a run or an experiment; every plot is made as SVG and, unless `--png` says less, as PNG.

    plots.py --runs results/demo/run.json results/demo/sweep/G2/run.json \\
        --target_accuracy 0.5 --output example/plots --names accuracy entropy
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # before pyplot could be imported: there is no display
import matplotlib.style
from matplotlib.figure import Figure

from ei import stage
from ei.files import read_run
from ei.plots import breadth, cost, entropy, formats, rollouts, style
from ei.plots.accuracy import accuracy, along_setting, levels
from ei.schema import RunSummary

Plot = Callable[[Sequence[RunSummary]], Figure]


def pictures(target: float | None) -> dict[str, Plot]:
    """{name: how it is made from the runs}, with the target accuracy where accuracies are."""
    along = partial(along_setting, target=target)
    return {
        "accuracy": partial(accuracy, target=target),
        "accuracy_rollouts": partial(
            along, setting="sample.rollouts", symbol="G", title="Accuracy by rollouts per question"
        ),
        "accuracy_epochs": partial(
            along, setting="sft.epochs", symbol="epochs", title="Accuracy by epochs per step"
        ),
        "accuracy_questions": partial(
            along,
            setting="sample.questions",
            symbol="$D_b$",
            title="Accuracy by questions per step",
        ),
        "accuracy_lr": partial(
            along, setting="sft.lr", symbol="lr", title="Accuracy by learning rate"
        ),
        "entropy": entropy.entropy,
        "format": formats.format_path,
        "kept": rollouts.kept,
        "breadth": breadth.breadth,
        "length": rollouts.length,
        "time": cost.time,
        "levels": levels,
    }


def read_flags() -> argparse.Namespace:
    """The flags; without `--names`, all plots are made."""
    parser = stage.parser(__doc__)
    add, names = parser.add_argument, list(pictures(None))
    add("--runs", type=Path, nargs="+", required=True, metavar="FILE", help="run.json of each run")
    add("--target_accuracy", type=stage.finite, help="an accuracy to reach, drawn as a line")
    add("--output", type=Path, required=True, help="the folder of the plots")
    add("--names", nargs="+", choices=names, default=names, help="which plots (default: all)")
    add("--png", nargs="*", choices=names, default=names, metavar="NAME",
        help="which of them as PNG too (default: all)")  # fmt: skip
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    runs = [read_run(path) for path in flags.runs]
    plots = pictures(flags.target_accuracy)
    # after_reset: without it, the reader's own matplotlibrc would change the plots.
    with matplotlib.style.context(style.STYLE, after_reset=True):
        for name in flags.names:
            kinds = ("png", "svg") if name in flags.png else ("svg",)
            style.save(plots[name](runs), flags.output / name, kinds)


if __name__ == "__main__":
    stage.run(main)
