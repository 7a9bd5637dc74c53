"""How long the stages took."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.style import Segment
from ei.schema import RunSummary, StageTime

OTHERS = "others"
# From the bottom, in the order of a step.
STAGES = {
    "data": Segment("data", style.GREEN),
    "sample": Segment("sample", style.BLUE),
    "gather": Segment("gather", style.YELLOW),
    "traces": Segment("traces", style.GREEN),
    "score": Segment("score", style.BLACK),
    "sample_extra": Segment("sample, extra", style.BLUE, "////"),
    "gather_extra": Segment("gather, extra", style.YELLOW),
    "score_extra": Segment("score, extra", style.BLACK),
    "sample_hints": Segment("sample, hints", style.BLUE, "xx"),
    "gather_hints": Segment("gather, hints", style.YELLOW),
    "score_hints": Segment("score, hints", style.BLACK),
    "filter": Segment("filter", style.YELLOW),
    "sft": Segment("sft", style.ORANGE),
    "eval": Segment("eval", style.SKY, "////"),
    "grade": Segment("grade", style.PINK, "xx"),
    "metrics": Segment("metrics", style.GREEN),
    "probe": Segment("probe", style.PALE, ".."),
    "probe_grade": Segment("probe_grade", style.PINK),
    "probe_metrics": Segment("probe_metrics", style.SKY),
    OTHERS: Segment("others", "#E4E4E4"),
}


def time(runs: Sequence[RunSummary]) -> Figure:
    """The seconds of the main run's own jobs, stacked by stage for each step."""
    run = curves.main_run(runs)
    title = "Time by stage"
    own = [time for time in run["stages"] if not time["shared_from"]]
    if not own:
        return style.nothing(title, "no stage has recorded its time")
    figure, (axes,) = style.canvas(title, totals(run))
    seconds = by_stage(own)
    scale, unit = time_unit(max(sum(row.values()) for row in seconds.values()))
    table = {
        step: {stage: value / scale for stage, value in row.items()}
        for step, row in seconds.items()
    }
    style.stacked_bars(axes, table, STAGES)
    heights = {step: sum(row.values()) for step, row in table.items()}
    if len(heights) <= 12:  # with more the numbers would touch
        write_heights(axes, heights)
    axes.set_ylim(0, max(heights.values()) * 1.1 or 1)
    axes.set_ylabel(f"{unit} of jobs")
    style.step_axis(axes)
    style.legend_below(figure, axes, 6)
    return figure


def totals(run: RunSummary) -> str:
    """The run's wall time, the sum of its jobs, and its GPU-seconds, in words."""
    gpu = f"{run['gpu_seconds']:,.0f} GPU-seconds" if run["gpu_seconds"] else "no GPU"
    jobs = f"{run['seconds']:,.0f} s of jobs, {gpu}; jobs may run in parallel"
    wall, paused = run.get("wall_seconds"), run.get("paused_seconds")
    pause = f" ({paused:,.0f} s of it paused)" if paused else ""
    return f"{wall:,.0f} s of wall time{pause}, {jobs}" if wall else jobs


def by_stage(times: Sequence[StageTime], most: int = 5) -> dict[int, dict[str, float]]:
    """{step: {stage: seconds}}; all but the `most` longest stages of the run are "others"."""
    total: dict[str, float] = {}
    for time in times:
        total[time["stage"]] = total.get(time["stage"], 0.0) + time["seconds"]
    longest = set(sorted(total, key=lambda stage: -total[stage])[:most]) & STAGES.keys()
    table: dict[int, dict[str, float]] = {}
    for time in times:
        row = table.setdefault(time["step"], {})
        stage = time["stage"] if time["stage"] in longest else OTHERS
        row[stage] = row.get(stage, 0.0) + time["seconds"]
    return dict(sorted(table.items()))


def write_heights(axes: Axes, heights: dict[int, float]) -> None:
    """Write the height of each bar above it."""
    for step, height in heights.items():
        axes.annotate(
            f"{height:.{0 if height >= 100 else 1}f}",
            xy=(step, height),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            size=style.SMALL,
        )


def time_unit(longest: float) -> tuple[float, str]:
    """The unit that suits a longest bar of so many seconds: its seconds and its name."""
    if longest < 600:
        return 1.0, "seconds"
    return (60.0, "minutes") if longest < 4 * 3600 else (3600.0, "hours")
