"""Pictures of validation accuracy over steps: of one run, along a setting, by level."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import Point, Run, known
from ei.plots.style import End
from ei.prose.words import percent

NO_EVALUATION = "no evaluation yet"
BASELINES = {
    "sft": ("SFT baseline", style.GREEN),
    "sft_filtered": ("SFT on right traces", style.PINK),
}


def accuracy(runs: Sequence[Run], bar: float | None) -> Figure:
    """The main run's accuracy after each step with its interval, and the format rate beside it."""
    run = curves.main_run(runs)
    evaluations, points = curves.evaluations(run), curves.curve([run])
    title = f"Validation accuracy{'' if run['name'] == 'main' else ' of ' + run['name']}"
    if not points:
        return style.words(title, NO_EVALUATION)
    figure, (axes,) = style.canvas(title, described(evaluations) + remarks(run))
    formats = [(e["step"], e["format_rate"]) for e in evaluations if known(e, "format_rate")]
    ends = []
    if formats:
        axes.plot(*zip(*formats, strict=True), color=style.GREY, marker="s", ms=4, ls=":")
        ends.append(End(*formats[-1], f"format rate: {percent(formats[-1][1])}", style.GREY))
    ends.append(line(axes, points, style.BLUE, "o", "-", "accuracy", bold=True))
    ends += bar_line(axes, bar)
    style.shares(axes)
    write_values(axes, points)
    circle_best(axes, run, points)
    axes.set_ylabel("share of questions")
    style.steps(axes)
    style.label_ends(axes, ends)
    return figure


def described(evaluations: Sequence[dict[str, Any]]) -> str:
    """What the points and their intervals are."""
    return f"{evaluations[0]['n']:,} questions, 95 % Wilson intervals"


def remarks(run: Run) -> str:
    """What else is to be said of a run: an early stop, and the mark of the step that was chosen."""
    stop = (
        f"; stopped early after step {run['stopped_after']}" if known(run, "stopped_after") else ""
    )
    return stop + ("; circled: best on the development split" if known(run, "best") else "")


def line(axes: Axes, points: Sequence[Point], colour: str, marker: str, dash: Any, name: str, bold: bool = False,
         shift: float = 0.0) -> End:  # fmt: skip
    """Draw points with their intervals, `shift` steps to the right of their place; returns the line's end."""
    x = [point.step + shift for point in points]
    below = [point.mean - point.low for point in points]
    above = [point.high - point.mean for point in points]
    axes.errorbar(
        x, [point.mean for point in points], yerr=[below, above], color=colour, marker=marker, ms=5, ls=dash,
        lw=2.2 if bold else 1.4, elinewidth=1.0, capsize=2.5,
    )  # fmt: skip
    return End(x[-1], points[-1].mean, f"{name}: {percent(points[-1].mean)}", colour, bold)


def bar_line(axes: Axes, bar: float | None) -> list[End]:
    """Draw the accuracy to beat; returns its end, if there is one."""
    if bar is None:
        return []
    axes.axhline(bar, color=style.RED, ls=(0, (4, 3)), lw=1.1, zorder=1)
    return [End(None, bar, f"{100 * bar:g} % to beat", style.RED)]


def write_values(axes: Axes, points: Sequence[Point]) -> None:
    """Write each accuracy under its interval, where the format rate never is; above it near the ground."""
    top = axes.get_ylim()[1]
    every = -(-len(points) // 12)  # with more the numbers would touch
    for point in points[::-every][::-1]:
        under = point.low > 0.1 * top
        axes.annotate(
            f"{100 * point.mean:.1f}", xy=(point.step, point.low if under else point.high),
            xytext=(0, -4 if under else 4), textcoords="offset points", ha="center", va="top" if under else "bottom",
            color=style.BLUE, size=style.SMALL, path_effects=style.HALO,
        )  # fmt: skip


def circle_best(axes: Axes, run: Run, points: Sequence[Point]) -> None:
    """Circle the step that the development split chose, if there is one."""
    for point in points:
        if run.get("best") and point.step == run["best"]["step"]:
            axes.plot(
                point.step,
                point.mean,
                "o",
                ms=12,
                mfc="none",
                mec=style.BLACK,
                mew=1.2,
                clip_on=False,
            )


def over(runs: Sequence[Run], bar: float | None, setting: str, symbol: str, title: str) -> Figure:
    """Accuracy over steps, a line for each value of the setting, with the SFT baseline and the bar."""
    groups = {
        value: [run for run in same if run.get("evaluations")]
        for value, same in curves.along(runs, setting).items()
    }
    groups = {value: same for value, same in groups.items() if same}
    if not groups:
        return style.words(title, NO_EVALUATION)
    evaluations = [e for same in groups.values() for run in same for e in curves.evaluations(run)]
    figure, (axes,) = style.canvas(title, described(evaluations) + over_seeds(list(groups.values())))
    main = curves.setting_of(curves.main_run(runs), setting)
    width = 0.012 * max(evaluation["step"] for evaluation in evaluations)
    ends = []
    for k, (value, same) in enumerate(groups.items()):
        colour, shift = style.ramp(len(groups))[k], (k - (len(groups) - 1) / 2) * width
        points = seeds(axes, same, colour, shift)
        name = f"{symbol} = {value}" + (f", {len(same)} seeds" if len(same) > 1 else "")
        dash = "-" if value == main else style.DASHES[1 + k % 4]
        ends.append(
            line(axes, points, colour, style.MARKERS[k % 7], dash, name, value == main, shift)
        )
    ends += baseline_lines(axes, runs) + bar_line(axes, bar)
    style.shares(axes)
    axes.set_ylabel("validation accuracy")
    style.steps(axes)
    style.label_ends(axes, ends)
    return figure


def over_seeds(groups: Sequence[Sequence[Run]]) -> str:
    """What the line and the band of a configuration are, where one has several seeds."""
    several = [[curves.curve([run])[-1].step for run in same] for same in groups if len(same) > 1]
    thin = "; thin: seeds that ran on" if any(min(last) < max(last) for last in several) else ""
    return f"; mean and range over seeds{thin}" if several else ""


def seeds(axes: Axes, same: Sequence[Run], colour: str, shift: float) -> list[Point]:
    """Draw the range over seeds as a band; returns the points of their mean.

    Both end with the first seed that stopped early, as later ones would be of other seeds; those that went on
    are thin lines from there.
    """
    points = curves.curve(same)
    most = max(point.runs for point in points)
    points = [point for point in points if point.runs == most]
    if len(same) > 1:
        x = [point.step + shift for point in points]
        axes.fill_between(
            x, [p.least for p in points], [p.most for p in points], color=colour, alpha=0.2, lw=0
        )
        for run in same:
            later = [point for point in curves.curve([run]) if point.step >= points[-1].step]
            axes.plot(
                [p.step + shift for p in later], [p.mean for p in later], color=colour, lw=0.7
            )
    return points


def baseline_lines(axes: Axes, runs: Sequence[Run]) -> list[End]:
    """Draw where each SFT baseline ended, with its interval as a band; returns the lines' ends."""
    ends = []
    for group, point in curves.baselines(runs).items():
        name, colour = BASELINES.get(group, (group, style.GREEN))
        axes.axhspan(point.low, point.high, color=colour, alpha=0.12, lw=0, zorder=0)
        axes.axhline(point.mean, color=colour, ls=(0, (8, 2)), lw=1.3, zorder=1)
        ends.append(End(None, point.mean, f"{name}: {percent(point.mean)}", colour))
    return ends


def levels(runs: Sequence[Run]) -> Figure:
    """The main run's accuracy over steps, a line for each level, the easiest lightest."""
    title = "Validation accuracy by level"
    all_evaluations = curves.evaluations(curves.main_run(runs))
    evaluations = [e for e in all_evaluations if e.get("by_level")]
    names = sorted({name for evaluation in evaluations for name in evaluation["by_level"]})
    if not names:
        return style.words(
            title, "no levels of the questions are known" if all_evaluations else NO_EVALUATION
        )
    figure, (axes,) = style.canvas(title, "95 % Wilson intervals; number of questions in brackets")
    width, ends = 0.012 * max(evaluations[-1]["step"], 1), []
    for k, name in enumerate(names):
        found = [(e["step"], e["by_level"][name]) for e in evaluations if name in e["by_level"]]
        points = [curves.summed([{"step": step, **summary}]) for step, summary in found]
        label = f"{name} ({found[-1][1]['n']:,})"
        shift = (k - (len(names) - 1) / 2) * width
        ends.append(line(axes, points, style.ramp(len(names))[k], style.MARKERS[k % 7], style.DASHES[k % 5], label,
                         shift=shift))  # fmt: skip
    style.shares(axes)
    axes.set_ylabel("validation accuracy")
    style.steps(axes)
    style.label_ends(axes, ends)
    return figure
