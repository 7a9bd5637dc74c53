"""Validation accuracy over steps: of one run, along a setting, by level."""

from collections.abc import Iterable, Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import Point
from ei.plots.labels import End, label_ends
from ei.plots.style import LineStyle
from ei.prose.words import in_turn, percent
from ei.schema import Evaluation, RunSummary

NO_EVALUATION = "no evaluation yet"
BASELINES = {  # label and colour of an SFT baseline's group
    "sft": ("SFT baseline", style.GREEN),
    "sft_filtered": ("SFT on correct traces", style.PINK),
}
PROMPTS = (style.GREEN, style.PINK, style.ORANGE, style.SKY)  # of the base under other prompts
SHIFT = 0.012  # of the x axis, between lines that would cover each other's intervals


def accuracy(runs: Sequence[RunSummary], target: float | None) -> Figure:
    """The main run's accuracy after each step, its format rate, and where SFT baselines ended."""
    run = curves.main_run(runs)
    evaluations, points = run["evaluations"], curves.curve([run])
    title = "Validation accuracy" + ("" if run["name"] == "main" else f" of {run['name']}")
    if not points:
        return style.nothing(title, NO_EVALUATION)
    figure, (axes,) = style.canvas(title, described(evaluations) + remarks(run))
    ends = [
        format_line(axes, evaluations),
        draw(axes, points, LineStyle(style.BLUE, bold=True), "accuracy"),
        *prompt_lines(axes, run),
        *baseline_lines(axes, runs),
        *target_line(axes, target),
    ]
    style.share_axis(axes)
    write_values(axes, points)
    circle_best(axes, run, points)
    axes.set_ylabel("share of questions")
    style.step_axis(axes)
    label_ends(axes, ends)
    return figure


def described(evaluations: Sequence[Evaluation]) -> str:
    """What the points and their intervals are."""
    return f"{evaluations[0]['n']:,} questions, 95 % Wilson intervals"


def remarks(run: RunSummary) -> str:
    """What else the reader must know: an early stop, and what the circle means."""
    stopped = run["stopped_after"]
    stop = "" if stopped is None else f"; stopped early after step {stopped}"
    return stop + ("; circled: best on the development split" if run["best"] else "")


def format_line(axes: Axes, evaluations: Sequence[Evaluation]) -> End:
    """Draw the share of responses in the format; returns the line's end."""
    steps, rates = zip(*((e["step"], e["format_rate"]) for e in evaluations), strict=True)
    axes.plot(steps, rates, color=style.GREY, marker="s", ms=4, ls=":")
    return End(steps[-1], rates[-1], f"format rate: {percent(rates[-1])}", style.GREY)


def draw(
    axes: Axes, points: Sequence[Point], look: LineStyle, name: str, shift: float = 0.0
) -> End:
    """Draw points with their intervals, `shift` steps to the right; returns the line's end."""
    x = [point.step + shift for point in points]
    below = [point.mean - point.low for point in points]
    above = [point.high - point.mean for point in points]
    axes.errorbar(
        x,
        [point.mean for point in points],
        yerr=[below, above],
        color=look.colour,
        marker=look.marker,
        ms=5,
        ls=look.dash,
        lw=2.2 if look.bold else 1.4,
        elinewidth=1.0,
        capsize=2.5,
    )
    last = points[-1].mean
    return End(x[-1], last, f"{name}: {percent(last)}", look.colour, look.bold)


def prompt_lines(axes: Axes, run: RunSummary) -> list[End]:
    """Draw what the untouched base policy reaches under other prompts; returns the lines' ends."""
    ends = []
    for k, (name, found) in enumerate(run.get("prompts", {}).items()):
        colour, share = PROMPTS[k % len(PROMPTS)], found["accuracy"]
        axes.axhline(share, color=colour, ls=style.LEVEL, lw=1.1, zorder=1)
        ends.append(End(None, share, f"base, {name}: {percent(share)}", colour))
    return ends


def target_line(axes: Axes, target: float | None) -> list[End]:
    """Draw the target accuracy; returns the line's end, or nothing where there is no target."""
    if target is None:
        return []
    axes.axhline(target, color=style.RED, ls=(0, (4, 3)), lw=1.1, zorder=1)
    return [End(None, target, f"target: {100 * target:g} %", style.RED)]


def write_values(axes: Axes, points: Sequence[Point]) -> None:
    """Write each accuracy under its interval, where the format rate never is.

    Near the bottom there is no room below, so it stands above.
    """
    top = axes.get_ylim()[1]
    every = -(-len(points) // 12)  # with more the numbers would touch
    for point in points[::-every][::-1]:
        under = point.low > 0.1 * top
        axes.annotate(
            f"{100 * point.mean:.1f}",
            xy=(point.step, point.low if under else point.high),
            xytext=(0, -4 if under else 4),
            textcoords="offset points",
            ha="center",
            va="top" if under else "bottom",
            color=style.BLUE,
            size=style.SMALL,
            path_effects=style.HALO,
        )


def circle_best(axes: Axes, run: RunSummary, points: Sequence[Point]) -> None:
    """Circle the step that the development split chose, if there is one."""
    for point in points:
        if run["best"] and point.step == run["best"]["step"]:
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


def along_setting(
    runs: Sequence[RunSummary], target: float | None, setting: str, symbol: str, title: str
) -> Figure:
    """Accuracy over steps, a line for each value of the setting, with the SFT baselines.

    `setting` is a `section.key`, `symbol` what the labels call it. The main run's value is solid.
    """
    groups = {
        value: [run for run in seeds if run["evaluations"]]
        for value, seeds in curves.along(runs, setting).items()
    }
    groups = {value: seeds for value, seeds in groups.items() if seeds}
    if not groups:
        return style.nothing(title, NO_EVALUATION)
    if not curves.compares(runs, setting):
        return style.nothing(title, f"every run has {symbol} = {next(iter(groups))}")
    evaluations = [e for seeds in groups.values() for run in seeds for e in run["evaluations"]]
    figure, (axes,) = style.canvas(title, described(evaluations) + over_seeds(groups.values()))
    main = curves.setting_of(curves.main_run(runs), setting)
    shifts = shifts_of(len(groups), max(e["step"] for e in evaluations))
    ends = []
    for k, (value, seeds) in enumerate(groups.items()):
        dash = "-" if value == main else style.DASHES[1 + k % (len(style.DASHES) - 1)]
        look = style.one_of(len(groups), k)._replace(dash=dash, bold=value == main)
        points = draw_seeds(axes, seeds, look.colour, shifts[k])
        name = f"{symbol} = {in_turn(value)}" + (f", {len(seeds)} seeds" if len(seeds) > 1 else "")
        ends.append(draw(axes, points, look, name, shifts[k]))
    ends += baseline_lines(axes, runs) + target_line(axes, target)
    finish(axes, ends)
    return figure


def shifts_of(lines: int, last_step: int) -> list[float]:
    """How far right of its step each of so many lines is drawn, in steps, centred on the step."""
    width = SHIFT * max(last_step, 1)
    return [(k - (lines - 1) / 2) * width for k in range(lines)]


def over_seeds(groups: Iterable[Sequence[RunSummary]]) -> str:
    """What the line and the band of a configuration are, where one has several seeds."""
    several = [
        [run["evaluations"][-1]["step"] for run in seeds] for seeds in groups if len(seeds) > 1
    ]
    thin = "; thin: seeds that ran longer" if any(min(s) < max(s) for s in several) else ""
    return f"; mean and range over seeds{thin}" if several else ""


def draw_seeds(axes: Axes, seeds: Sequence[RunSummary], colour: str, shift: float) -> list[Point]:
    """Draw the range over seeds as a band; returns the points of their mean.

    Both end where the first seed stopped early, as a later mean would be one of other seeds. Seeds
    that ran longer go on from there as thin lines.
    """
    points = curves.curve(seeds)
    most = max(point.runs for point in points)
    points = [point for point in points if point.runs == most]
    if len(seeds) == 1:
        return points
    x = [point.step + shift for point in points]
    least, top = [point.least for point in points], [point.most for point in points]
    axes.fill_between(x, least, top, color=colour, alpha=0.2, lw=0)
    for run in seeds:
        later = [point for point in curves.curve([run]) if point.step >= points[-1].step]
        x = [point.step + shift for point in later]
        axes.plot(x, [point.mean for point in later], color=colour, lw=0.7)
    return points


def baseline_lines(axes: Axes, runs: Sequence[RunSummary]) -> list[End]:
    """Draw where each SFT baseline ended, with its interval as a band; returns the lines' ends."""
    ends = []
    for group, point in curves.baselines(runs).items():
        name, colour = BASELINES.get(group, (group, style.GREEN))
        axes.axhspan(point.low, point.high, color=colour, alpha=0.12, lw=0, zorder=0)
        axes.axhline(point.mean, color=colour, ls=style.LEVEL, lw=1.3, zorder=1)
        ends.append(End(None, point.mean, f"{name}: {percent(point.mean)}", colour))
    return ends


def levels(runs: Sequence[RunSummary]) -> Figure:
    """The main run's accuracy over steps, a line for each level, the first one lightest."""
    title = "Validation accuracy by level"
    evaluations = curves.main_run(runs)["evaluations"]
    names = sorted({name for evaluation in evaluations for name in evaluation["by_level"]})
    if not names:
        unknown = "no levels of the questions are known"
        return style.nothing(title, unknown if evaluations else NO_EVALUATION)
    figure, (axes,) = style.canvas(title, "95 % Wilson intervals; number of questions in brackets")
    shifts, ends = shifts_of(len(names), evaluations[-1]["step"]), []
    for k, name in enumerate(names):
        of_level = [
            cast(Evaluation, {"step": e["step"], **e["by_level"][name]})
            for e in evaluations
            if name in e["by_level"]
        ]
        points = [curves.point([evaluation]) for evaluation in of_level]
        label = f"{name} ({of_level[-1]['n']:,})"
        ends.append(draw(axes, points, style.one_of(len(names), k), label, shifts[k]))
    finish(axes, ends)
    return figure


def finish(axes: Axes, ends: Sequence[End]) -> None:
    """Set up the axes of accuracy over steps, and label the lines at their ends."""
    style.share_axis(axes)
    axes.set_ylabel("validation accuracy")
    style.step_axis(axes)
    label_ends(axes, ends)
