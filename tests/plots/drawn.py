"""What is drawn in a plot, read back from its figure."""

from typing import Any

import matplotlib.style
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure

import plots
from ei.plots import style

NAMES = list(plots.pictures(None))
SETTINGS = {
    "accuracy_rollouts": "sample.rollouts",
    "accuracy_epochs": "sft.epochs",
    "accuracy_questions": "sample.questions",
    "accuracy_lr": "sft.lr",
}
SHARES = ["accuracy", *SETTINGS, "format", "kept", "levels"]


def picture(name: str, runs: list[dict[str, Any]], target: float | None = 0.15) -> Figure:
    with matplotlib.style.context(style.STYLE, after_reset=True):
        figure = plots.pictures(target)[name](runs)
        figure.draw_without_rendering()
    return figure


def words(figure: Figure) -> str:
    """All text in the axes of the figure."""
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def says_nothing(figure: Figure) -> bool:
    """Whether the figure only says why there is nothing to see; then that is all it says."""
    (axes, *_) = figure.axes
    if axes.axison:
        return False
    assert words(figure).startswith(("no ", "every run has "))
    assert not axes.lines
    assert not axes.patches
    return True


def curves_with_intervals(axes: Axes) -> list[tuple[list[float], list[list[float]]]]:
    """(heights, intervals) of every line that has error bars."""
    found = []
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            line, _, (bars,) = container.lines
            intervals = [[low, high] for (_, low), (_, high) in bars.get_segments()]
            found.append((list(line.get_ydata()), intervals))
    return found


def points_of(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """(x, y) of all lines of this colour with more than a marker at a level."""
    return [
        point
        for line in axes.lines
        if line.get_color() == colour and line.get_marker() != "None"
        for point in zip(*line.get_data(), strict=True)
    ]


def bars_of(axes: Axes) -> dict[str, dict[int, float]]:
    """{segment: {step: height}} of stacked bars."""
    return {
        container.get_label(): {
            round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in container
        }
        for container in axes.containers
        if isinstance(container, BarContainer)
    }


def totals_of(axes: Axes) -> dict[int, float]:
    """{step: height of its whole bar}, whose segments lie one on another from the ground."""
    bars = [bar for c in axes.containers if isinstance(c, BarContainer) for bar in c]
    totals: dict[int, float] = {}
    for bar in bars:
        step = round(bar.get_x() + bar.get_width() / 2)
        assert bar.get_y() == pytest.approx(totals.get(step, 0.0))
        totals[step] = bar.get_y() + bar.get_height()
    return totals
