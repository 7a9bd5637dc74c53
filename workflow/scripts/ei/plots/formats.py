"""Format rate against accuracy given format: of what the accuracy is made."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ei.plots import curves, style
from ei.plots.accuracy import BASELINES, NO_EVALUATION
from ei.plots.curves import Run, known


def format_path(runs: Sequence[Run]) -> Figure:
    """The main run's way through format rate and accuracy given format, over curves of equal accuracy."""
    title = "Format rate against accuracy given format"
    found = curves.evaluations(curves.main_run(runs))
    path = [e for e in found if known(e, "accuracy_given_format")]
    if not path:
        return style.words(title, "no response in the format" if found else NO_EVALUATION)
    blank = [str(e["step"]) for e in found if e not in path]
    note = f"; no response in the format at step {', '.join(blank)}" if blank else ""
    figure, (axes,) = style.canvas(
        title, f"numbers: steps; grey: equal accuracy, the product of both{note}"
    )
    equal_accuracy(axes)
    x, y = [e["format_rate"] for e in path], [e["accuracy_given_format"] for e in path]
    axes.plot(x, y, color=style.BLUE, lw=1.8, marker="o", ms=5, clip_on=False)
    places = list(zip(x, y, strict=True))
    for k in apart(places):
        right, up = away(places, k)
        axes.annotate(str(path[k]["step"]), places[k], (10 * right, 10 * up), textcoords="offset points", ha="center",
                      va="center", color=style.BLUE, weight="bold", size=9, path_effects=style.HALO)  # fmt: skip
    baseline_points(axes, runs)
    style.legend_below(figure, axes, 3)
    axes.set(
        xlabel="share of responses in the format",
        ylabel="accuracy given format",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    return figure


def equal_accuracy(axes: Axes) -> None:
    """Draw the curves on which format rate times accuracy given format is 5, 10, 20, 40, 60 and 80 %."""
    for share in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8):
        x = np.linspace(share, 1, 60)
        axes.plot(x, share / x, color=style.PALE, lw=0.8, zorder=1)
        axes.text(
            1.01, share, f"{100 * share:.0f} %", va="center", size=style.SMALL, color=style.GREY
        )


def apart(places: Sequence[tuple[float, float]], least: float = 0.05) -> list[int]:
    """Indices of places no two of which are nearer than `least`: the last, the first, then the others in order."""
    order = [len(places) - 1, *range(len(places) - 1)]
    chosen: list[int] = []
    for k in order:
        if all(
            np.hypot(places[k][0] - places[c][0], places[k][1] - places[c][1]) >= least
            for c in chosen
        ):
            chosen.append(k)
    return sorted(chosen)


def away(places: Sequence[tuple[float, float]], k: int) -> tuple[float, float]:
    """The unit vector from a place of a path to its number: to the outer side of the path, or beyond its end.

    Where this leads out of the picture it is turned by a right angle.
    """
    here = np.array(places[k])
    towards = [np.array(places[n]) - here for n in (k - 1, k + 1) if 0 <= n < len(places)]
    unit = [step / np.linalg.norm(step) for step in towards if np.linalg.norm(step)]
    outward = -sum(unit, np.zeros(2))
    if np.linalg.norm(outward) < 0.1:  # straight on, or a single place
        outward = np.array([-unit[-1][1], unit[-1][0]]) if unit else np.array([-1.0, 1.0])
    right, up = (float(part) for part in outward / np.linalg.norm(outward))
    ways = [(right, up), (-up, right), (up, -right), (-right, -up)]
    return max(ways, key=lambda way: min(0.0, room(here + 0.06 * np.array(way))))


def room(place: np.ndarray) -> float:
    """How far a place is from the nearest edge of the unit square, below zero outside."""
    return float(min(*place, *(1 - place)))


def baseline_points(axes: Axes, runs: Sequence[Run]) -> None:
    """Mark where each SFT baseline ended, one mark for each seed."""
    named: set[str] = set()
    for run in runs:
        ended = curves.trained(run)[-1:] if run["kind"] == "sft" else []
        for evaluation in ended:
            if known(evaluation, "accuracy_given_format"):
                name, colour = BASELINES.get(run["group"], (run["group"], style.GREEN))
                axes.plot(evaluation["format_rate"], evaluation["accuracy_given_format"], marker="*", ms=10, ls="none",
                          color=colour, clip_on=False, label=None if name in named else name)  # fmt: skip
                named.add(name)
