"""Format rate against accuracy given format: what the accuracy is made of."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ei.plots import curves, style
from ei.plots.accuracy import BASELINES, NO_EVALUATION
from ei.schema import Evaluation, RunSummary

XY = tuple[float, float]


def format_path(runs: Sequence[RunSummary]) -> Figure:
    """The main run's path through format rate and accuracy given format, step by step.

    Curves of equal accuracy lie behind it, as accuracy is the product of the two.
    """
    title = "Format rate against accuracy given format"
    evaluations = curves.main_run(runs)["evaluations"]
    path = [point for e in evaluations if (point := position(e))]
    if not path:
        return style.nothing(title, "no response in the format" if evaluations else NO_EVALUATION)
    figure, (axes,) = style.canvas(title, subtitle(evaluations))
    equal_accuracy(axes)
    draw_path(axes, path, [e["step"] for e in evaluations if position(e)])
    baseline_points(axes, runs)
    style.legend_below(figure, axes, 3)
    axes.set(xlabel="share of responses in the format", ylabel="accuracy given format")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    return figure


def position(evaluation: Evaluation) -> XY | None:
    """(format rate, accuracy given format); None where no response has the format."""
    given_format = evaluation["accuracy_given_format"]
    return None if given_format is None else (evaluation["format_rate"], given_format)


def subtitle(evaluations: Sequence[Evaluation]) -> str:
    """What numbers and curves are, and the steps that have no place in the plot."""
    blank = [str(e["step"]) for e in evaluations if not position(e)]
    note = f"; no response in the format at step {', '.join(blank)}" if blank else ""
    return f"numbers: steps; grey: equal accuracy, the product of both{note}"


def equal_accuracy(axes: Axes) -> None:
    """Draw the curves on which accuracy is 5, 10, 20, 40, 60 and 80 %."""
    for share in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8):
        x = np.linspace(share, 1, 60)
        axes.plot(x, share / x, color=style.PALE, lw=0.8, zorder=1)
        axes.text(
            1.01, share, f"{100 * share:.0f} %", va="center", size=style.SMALL, color=style.GREY
        )


def draw_path(axes: Axes, points: Sequence[XY], steps: Sequence[int]) -> None:
    """Draw the path, and write the steps at its points where the numbers do not touch."""
    x, y = zip(*points, strict=True)
    axes.plot(x, y, color=style.BLUE, lw=1.8, marker="o", ms=5, clip_on=False)
    for k in well_separated(points):
        right, up = label_direction(points, k)
        axes.annotate(
            str(steps[k]),
            points[k],
            (10 * right, 10 * up),
            textcoords="offset points",
            ha="center",
            va="center",
            color=style.BLUE,
            weight="bold",
            size=9,
            path_effects=style.HALO,
        )


def well_separated(points: Sequence[XY], least: float = 0.05) -> list[int]:
    """Indices of points no two of which are nearer than `least`.

    The last point comes first, then the others in order, each if it is far enough from those
    already chosen.
    """
    chosen: list[int] = []
    for k in [len(points) - 1, *range(len(points) - 1)]:
        distances = [np.hypot(*np.subtract(points[k], points[other])) for other in chosen]
        if all(distance >= least for distance in distances):
            chosen.append(k)
    return sorted(chosen)


def label_direction(points: Sequence[XY], k: int) -> XY:
    """The unit vector from point k of a path to its label.

    It leads to the outer side of the bend, or straight on at an end, so the label does not cover
    the path; where that leads out of the plot, it is turned by a right angle.
    """
    here = np.array(points[k])
    to_neighbours = [np.array(points[n]) - here for n in (k - 1, k + 1) if 0 <= n < len(points)]
    unit = [vector / np.linalg.norm(vector) for vector in to_neighbours if np.linalg.norm(vector)]
    outward = -sum(unit, np.zeros(2))
    if np.linalg.norm(outward) < 0.1:  # no bend, or a single point: to the side
        outward = np.array([-unit[-1][1], unit[-1][0]]) if unit else np.array([-1.0, 1.0])
    right, up = (float(part) for part in outward / np.linalg.norm(outward))
    directions = [(right, up), (-up, right), (up, -right), (-right, -up)]
    return max(directions, key=lambda way: min(0.0, inside(here + 0.06 * np.array(way))))


def inside(point: np.ndarray) -> float:
    """The distance of a point to the nearest edge of the unit square; negative outside it."""
    return float(min(*point, *(1 - point)))


def baseline_points(axes: Axes, runs: Sequence[RunSummary]) -> None:
    """Mark where each SFT baseline ended, one star for each seed."""
    named: set[str] = set()
    for run in runs:
        point = position(run["evaluations"][-1]) if run["kind"] == "sft" else None
        if point and curves.trained(run):
            name, colour = BASELINES.get(run["group"], (run["group"], style.GREEN))
            axes.plot(
                *point,
                marker="*",
                ms=10,
                ls="none",
                color=colour,
                clip_on=False,
                label=None if name in named else name,  # once in the legend
            )
            named.add(name)
