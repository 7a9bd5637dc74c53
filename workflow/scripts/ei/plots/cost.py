"""Where the time went."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import Run

# The stages in their order: words, colour, hatch (adjacent ones differ in grey).
STAGES = {
    "data": ("data", style.GREEN, ""),
    "traces": ("traces", style.GREEN, ""),
    "sample": ("sample", style.BLUE, ""),
    "gather": ("gather", style.YELLOW, ""),
    "score": ("score", style.BLACK, ""),
    "filter": ("filter", style.YELLOW, ""),
    "sft": ("sft", style.ORANGE, ""),
    "eval": ("eval", style.SKY, "////"),
    "gather_answers": ("gather answers", style.YELLOW, ""),
    "grade": ("grade", style.PINK, "xx"),
    "metrics": ("metrics", style.GREEN, ""),
    "others": ("others", "#E4E4E4", ""),
}


def time(runs: Sequence[Run]) -> Figure:
    """The main run's seconds stage by stage, stacked for each step."""
    run = curves.main_run(runs)
    title, own = (
        "Where the time went",
        [stage for stage in run.get("stages") or [] if not stage.get("shared_from")],
    )
    if not own:
        return style.words(title, "no stage has left its time")
    figure, (axes,) = style.canvas(title, totals(run, own))
    table = by_stage(own)
    scale, unit = time_unit(max(sum(row.values()) for row in table.values()))
    table = {
        step: {stage: seconds / scale for stage, seconds in row.items()}
        for step, row in table.items()
    }
    style.stack(axes, table, STAGES)
    for step, row in table.items() if len(table) <= 12 else ():
        place: Any = {
            "xy": (step, sum(row.values())),
            "xytext": (0, 3),
            "textcoords": "offset points",
        }
        total = sum(row.values())
        axes.annotate(
            f"{total:.{0 if total >= 100 else 1}f}", **place, ha="center", size=style.SMALL
        )
    axes.set_ylim(0, max(sum(row.values()) for row in table.values()) * 1.1 or 1)
    axes.set_ylabel(f"{unit} of jobs")
    style.steps(axes)
    style.legend_below(figure, axes, 6)
    return figure


def totals(run: Run, own: Sequence[Mapping[str, Any]]) -> str:
    """The run's seconds and GPU-seconds in words."""
    seconds = run.get("seconds") or sum(stage["seconds"] for stage in own)
    gpu = run.get("gpu_seconds")
    return f"{seconds:,.0f} s of jobs, {f'{gpu:,.0f} GPU-seconds' if gpu else 'no GPU'}; jobs may run side by side"


def by_stage(stages: Sequence[Mapping[str, Any]], most: int = 5) -> dict[int, dict[str, float]]:
    """{step: {stage: seconds}}; all but the `most` longest stages are "others", what has no step is in step 0."""
    total: Counter[str] = Counter()
    for row in stages:
        total[row["stage"]] += row["seconds"]
    named = {name for name, _ in total.most_common(most)} & STAGES.keys()
    table: dict[int, dict[str, float]] = {}
    for row in stages:
        seconds = table.setdefault(row.get("step") or 0, {})
        name = row["stage"] if row["stage"] in named else "others"
        seconds[name] = seconds.get(name, 0.0) + row["seconds"]
    return dict(sorted(table.items()))


def time_unit(longest: float) -> tuple[float, str]:
    """Seconds of a unit that suits the longest bar, and the unit's name."""
    if longest < 600:
        return 1.0, "seconds"
    return (60.0, "minutes") if longest < 4 * 3600 else (3600.0, "hours")
