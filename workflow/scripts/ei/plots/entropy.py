"""Entropy of responses over training."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import series
from ei.plots.style import LineStyle
from ei.schema import RunSummary


def entropy(runs: Sequence[RunSummary]) -> Figure:
    """Entropy of each update's training batch, of each step's rollouts, and of validation.

    The x axis counts updates; a step's sampling policy stands where its training begins.
    """
    run = curves.main_run(runs)
    name = "" if run["name"] == "main" else f" of {run['name']}"
    title = f"Response entropy over training{name}"
    starts = first_updates(run)
    sampling = [(starts[n], value) for n, value in series(run["steps"], "sampling_entropy")]
    # What was measured after step n stands where step n + 1 begins.
    validation = [(starts[n + 1], value) for n, value in series(run["evaluations"], "entropy")]
    if not (run["updates"] or sampling or validation):
        return style.nothing(title, "no entropy was measured")
    figure, (axes,) = style.canvas(title)
    draw_updates(axes, run)
    draw(axes, sampling, LineStyle(style.BLUE), "rollouts, correct or not")
    draw(axes, validation, LineStyle(style.RED, "D", style.DASHED), "validation responses")
    baseline_line(axes, runs)
    mark_steps(axes, starts)
    axes.grid(visible=False, axis="x")  # the lines of the steps take its place
    axes.set_ylim(0, axes.get_ylim()[1] * 1.06 or 1)  # room above for the names of the steps
    style.step_axis(axes, "optimizer update")
    axes.set_ylabel("mean entropy (nats per token)")
    style.legend_below(figure, axes, 2)
    return figure


def draw_updates(axes: Axes, run: RunSummary) -> None:
    """Draw the entropy of every update's training batch; a gap where it was not measured."""
    updates = sorted(run["updates"], key=lambda update: (update["step"], update["update"]))
    values = [math.nan if update["entropy"] is None else update["entropy"] for update in updates]
    if values:
        x = range(1, len(values) + 1)
        width = 1 if len(values) < 200 else 0.6  # a dense line would be a blot
        axes.plot(x, values, color=style.GREY, lw=width, label="training batch, every update")


def draw(axes: Axes, points: Sequence[tuple[int, float]], look: LineStyle, name: str) -> None:
    """Draw a line through (update, entropy), if there are any."""
    if points:
        updates, values = zip(*points, strict=True)
        axes.plot(
            updates,
            values,
            color=look.colour,
            marker=look.marker,
            ms=5,
            ls=look.dash,
            lw=1.5,
            label=name,
        )


def first_updates(run: RunSummary) -> dict[int, int]:
    """{step: updates before it}, for every step of the run and the one that would follow."""
    counts = Counter(update["step"] for update in run["updates"])
    steps = [row["step"] for row in (*run["steps"], *run["evaluations"])]
    starts, before = {}, 0
    for step in range(1, max([0, *counts, *steps]) + 2):
        starts[step] = before
        before += counts[step]
    return starts


def mark_steps(axes: Axes, starts: Mapping[int, int]) -> None:
    """Draw where each step begins, and name it where names do not touch.

    Steps without updates begin where the next one does; they share a line.
    """
    beginning: dict[int, list[int]] = {}
    for step in list(starts)[:-1]:
        beginning.setdefault(starts[step], []).append(step)
    width_of_name, free_from = max(starts.values()) / 8, -1.0
    for update, steps in beginning.items():
        axes.axvline(update, color=style.PALE, lw=0.8, zorder=0)
        if update >= free_from:
            axes.annotate(
                f" step {steps[0]}" if len(steps) == 1 else f" steps {steps[0]}–{steps[-1]}",
                (update, 1.0),
                xycoords=("data", "axes fraction"),
                size=style.SMALL,
                color=style.GREY,
                va="top",
                path_effects=style.HALO,
            )
            free_from = update + width_of_name


def baseline_line(axes: Axes, runs: Sequence[RunSummary]) -> None:
    """Draw the entropy of the validation responses after SFT, unless this is the run shown."""
    baselines = [run for run in runs if run["group"] == "sft" and curves.trained(run)]
    ended = [curves.trained(run)[-1]["entropy"] for run in baselines]
    values = [value for value in ended if value is not None]
    if values and curves.main_run(runs)["kind"] != "sft":
        name = "validation responses of the SFT baseline"
        mean = sum(values) / len(values)
        axes.axhline(mean, color=style.GREEN, ls=style.LEVEL, lw=1.3, label=name)
