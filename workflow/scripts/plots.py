#!/usr/bin/env python3
"""The curves of a run: validation accuracy over steps, and response entropy over training.

plots.py --evaluations step0/eval.json step1/eval.json --trainings step1/training.parquet \\
    --summaries step1/training.json --bar 0.15 --output plots
"""

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ei import stage
from ei.files import read_table, whole

# Okabe and Ito's colours: told apart by the colour-blind, and by their lightness in grey.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
STYLE: Any = {
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 150,
    "savefig.bbox": "tight",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E0E0E0",
    "legend.frameon": False,
    "svg.hashsalt": "expert-iteration",  # equal plots are equal files
}


def accuracy(evaluations: list[dict[str, Any]], bar: float | None) -> Figure:
    """Validation accuracy after each step with its 95 % interval, and the format rate beside it."""
    axes = plt.figure().subplots()
    steps = [e["step"] for e in evaluations]
    shares = [e["accuracy"] for e in evaluations]
    below = [e["accuracy"] - e["accuracy_ci95"][0] for e in evaluations]
    above = [e["accuracy_ci95"][1] - e["accuracy"] for e in evaluations]
    axes.plot(steps, [e["format_rate"] for e in evaluations], color=GREY, marker="s", ms=4, ls=":", label="format rate")
    axes.errorbar(
        steps, shares, yerr=[below, above], color=BLUE, marker="o", ms=5, capsize=3, lw=2,
        label="accuracy (95 % Wilson interval)",
    )  # fmt: skip
    if bar is not None:
        axes.axhline(bar, color=ORANGE, ls="--", lw=1.2, label=f"{100 * bar:.0f} % to beat")
    for step, share, up in zip(steps, shares, above, strict=True):
        place: Any = {"xy": (step, share + up), "xytext": (0, 4), "textcoords": "offset points", "ha": "center"}
        axes.annotate(f"{100 * share:.1f}", **place, color=BLUE, size=8)
    axes.set_ylim(0, 1)
    axes.margins(x=0.07)
    axes.set_title(f"Validation accuracy, {evaluations[0]['n']:,} questions")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return finish(axes, "expert-iteration step (0: base policy)", "share of questions")


def entropy(evaluations: list[dict[str, Any]], updates: pl.DataFrame, sampled: dict[int, float | None]) -> Figure:
    """Entropy of every update's training batch, of each step's own rollouts, and of the validation responses.

    The x axis counts updates; a step's sampling policy stands where its training begins.
    """
    axes = plt.figure().subplots()
    ends = updates.group_by("step").len().sort("step").iter_rows()
    start, starts = 0, {}
    for step, count in ends:
        starts[step] = start
        start += count
    axes.plot(range(1, updates.height + 1), updates["entropy"], color=GREY, lw=1, label="training batch, every update")
    for step, begin in starts.items():
        axes.axvline(begin, color="#C8C8C8", lw=0.8, zorder=0)
        axes.text(begin, 1.0, f" step {step}", transform=axes.get_xaxis_transform(), size=8, color=GREY, va="top")
    points = [(starts[step], value) for step, value in sampled.items() if value is not None and step in starts]
    if points:
        axes.plot(*zip(*points, strict=True), color=BLUE, marker="o", ms=6, lw=1.5, label="rollouts, right and wrong")
    after = [(starts.get(e["step"] + 1, start), e["entropy"]) for e in evaluations if e["entropy"] is not None]
    if after:
        axes.plot(
            *zip(*after, strict=True), color=ORANGE, marker="D", ms=5, ls="--", lw=1, label="validation responses"
        )
    axes.set_ylim(bottom=0)
    axes.set_title("Response entropy over training")
    return finish(axes, "optimizer update", "mean entropy (nats per token)")


def finish(axes: Axes, x: str, y: str) -> Figure:
    """Labels, whole numbers on the x axis, and a legend below the plot."""
    axes.set(xlabel=x, ylabel=y)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=3, fontsize=8, columnspacing=1.2)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write PATH.png and PATH.svg."""
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        with whole(path.with_name(f"{path.name}.{kind}")) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    plt.close(figure)


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--evaluations", type=Path, nargs="+", required=True)
    parser.add_argument("--trainings", type=Path, nargs="*", default=[])
    parser.add_argument("--summaries", type=Path, nargs="*", default=[])
    parser.add_argument("--bar", type=float, help="accuracy to beat")
    parser.add_argument("--output", type=Path, required=True, help="the folder of the plots")
    flags = parser.parse_args()
    evaluations = sorted((json.loads(p.read_text()) for p in flags.evaluations), key=lambda e: e["step"])
    tables = [read_table(p, ["update", "entropy"]).select("entropy") for p in flags.trainings]
    updates = pl.concat(
        [t.with_columns(pl.lit(step).alias("step")) for step, t in enumerate(tables, start=1)]
        or [pl.DataFrame(schema={"entropy": pl.Float64, "step": pl.Int32})]
    )
    sampled = {step: json.loads(p.read_text())["sampling_entropy"] for step, p in enumerate(flags.summaries, start=1)}
    with plt.rc_context(STYLE):
        save(accuracy(evaluations, flags.bar), flags.output / "accuracy")
        save(entropy(evaluations, updates, sampled), flags.output / "entropy")


if __name__ == "__main__":
    stage.run(main)
