"""Entropy of responses over training."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import Run, known


def entropy(runs: Sequence[Run]) -> Figure:
    """Entropy of every update's training batch, of each step's own rollouts, and of the validation responses.

    The x axis counts updates; a step's sampling policy stands where its training begins.
    """
    run = curves.main_run(runs)
    title = f"Response entropy over training{'' if run['name'] == 'main' else ' of ' + run['name']}"
    starts = first_updates(run)
    updates = sorted(
        run.get("updates") or [], key=lambda update: (update["step"], update["update"])
    )
    sampled = [
        (starts[s["step"]], s["sampling_entropy"])
        for s in run.get("steps") or []
        if known(s, "sampling_entropy")
    ]
    after = [
        (starts[e["step"] + 1], e["entropy"])
        for e in curves.evaluations(run)
        if known(e, "entropy")
    ]
    if not (updates or sampled or after):
        return style.words(title, "no entropy was measured")
    figure, (axes,) = style.canvas(title)
    values = [math.nan if update["entropy"] is None else update["entropy"] for update in updates]
    if values:
        width = 1 if len(values) < 200 else 0.6
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=style.GREY,
            lw=width,
            label="training batch, every update",
        )
    for points, colour, marker, dash, name in (
        (sampled, style.BLUE, "o", "-", "rollouts, right and wrong"),
        (after, style.RED, "D", (0, (4, 2)), "validation responses"),
    ):
        if points:
            axes.plot(
                *zip(*points, strict=True),
                color=colour,
                marker=marker,
                ms=5,
                lw=1.5,
                ls=dash,
                label=name,
            )
    baseline_entropy(axes, runs)
    mark_steps(axes, starts)
    axes.grid(visible=False, axis="x")  # the lines of the steps do
    axes.set_ylim(0, axes.get_ylim()[1] * 1.06 or 1)  # the words of the steps stand above the lines
    style.steps(axes, "optimizer update")
    axes.set_ylabel("mean entropy (nats per token)")
    style.legend_below(figure, axes, 2)
    return figure


def first_updates(run: Run) -> dict[int, int]:
    """{step: updates before it}, for every step of the run and the one that would follow."""
    counts = Counter(update["step"] for update in run.get("updates") or [])
    last = max(
        [
            0,
            *counts,
            *(row["step"] for row in [*(run.get("steps") or []), *curves.evaluations(run)]),
        ]
    )
    starts, before = {}, 0
    for step in range(1, last + 2):
        starts[step] = before
        before += counts[step]
    return starts


def mark_steps(axes: Axes, starts: Mapping[int, int]) -> None:
    """Draw where each step begins; steps without updates share a line, and words that would touch are left out."""
    places: dict[int, list[int]] = {}
    for step in list(starts)[:-1]:
        places.setdefault(starts[step], []).append(step)
    room, free = max(starts.values()) / 8, -1.0
    for begin, steps in places.items():
        axes.axvline(begin, color=style.PALE, lw=0.8, zorder=0)
        if begin >= free:
            text = f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]}–{steps[-1]}"
            axes.annotate(f" {text}", (begin, 1.0), xycoords=("data", "axes fraction"), size=style.SMALL,
                          color=style.GREY, va="top", path_effects=style.HALO)  # fmt: skip
            free = begin + room


def baseline_entropy(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw the entropy of the validation responses after plain SFT, where this is not the run shown."""
    ended = [
        curves.trained(run)[-1] for run in runs if run["group"] == "sft" and curves.trained(run)
    ]
    values = [evaluation["entropy"] for evaluation in ended if known(evaluation, "entropy")]
    if values and curves.main_run(runs)["kind"] != "sft":
        axes.axhline(sum(values) / len(values), color=style.GREEN, ls=(0, (8, 2)), lw=1.3,
                     label="validation responses of the SFT baseline")  # fmt: skip
