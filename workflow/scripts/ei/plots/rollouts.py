"""What became of a run's rollouts, and how long responses are."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import Run, known
from ei.plots.style import End
from ei.prose.words import percent

# What became of a rollout, from the ground up: words, colour, hatch (adjacent ones differ in grey).
PARTS = {
    "kept": ("kept", style.BLUE, ""),
    "duplicate": ("same text again", style.SKY, "////"),
    "over_cap": ("over the cap of a question", style.YELLOW, ""),
    "too_long": ("too long", style.PINK, "xx"),
    "wrong": ("wrong", style.ORANGE, ""),
    "no_format": ("not in the format", "#E4E4E4", ""),
    "undecided": ("not decided", style.BLACK, ""),
}


def kept(runs: Sequence[Run]) -> Figure:
    """What became of each step's rollouts, as shares with their counts."""
    title = "Rollouts kept and dropped"
    table = {step["step"]: parts(step) for step in curves.main_run(runs).get("steps") or []}
    table = {step: counts for step, counts in table.items() if sum(counts.values())}
    if not table:
        return style.words(title, "no rollout yet")
    figure, (axes,) = style.canvas(title)
    shares = {
        step: {part: n / sum(counts.values()) for part, n in counts.items()}
        for step, counts in table.items()
    }
    style.stack(axes, shares, PARTS)
    style.shares(axes, 1.0)
    axes.set_ylabel("share of the step's rollouts")
    if len(table) <= 8:  # with more there is no room for words
        write_counts(axes, table)
    else:
        style.steps(axes, "expert-iteration step")
    style.legend_below(figure, axes, 5 if len(axes.containers) <= 5 else 4)
    return figure


def parts(step: Mapping[str, Any]) -> dict[str, int]:
    """{what became of rollouts: how many}; the wrong ones by what was wrong, where the statuses tell."""
    dropped, status = dict(step.get("dropped") or {}), dict(step.get("status") or {})
    status.pop("correct", None)
    if status and sum(status.values()) == dropped.get("wrong"):
        dropped["wrong"], dropped["no_format"] = status.pop("wrong", 0), status.pop("no_format", 0)
        dropped["undecided"] = sum(status.values())
    return {"kept": step.get("kept") or 0, **dropped}


def write_counts(axes: Axes, table: Mapping[int, Mapping[str, int]]) -> None:
    """Write into each part how many rollouts it has, if it is high enough, and the kept ones under the bar."""
    for step, counts in table.items():
        ground, drawn = counts["kept"], sum(counts.values())
        for part in list(PARTS)[1:]:
            count = counts.get(part, 0)
            if count >= 0.045 * drawn:
                axes.text(step, (ground + count / 2) / drawn, f"{count:,}", ha="center", va="center", size=style.SMALL,
                          path_effects=style.HALO)  # fmt: skip
            ground += count
    names = [
        f"{step}\n{counts['kept']:,} of {sum(counts.values()):,}" for step, counts in table.items()
    ]
    if len(table) > 5:
        names = [name.replace(" of", "\nof") for name in names]
    axes.set_xticks(list(table), names, size=style.SMALL + 1 if len(table) <= 5 else style.SMALL)
    axes.set_xlim(min(table) - 0.6, max(table) + 0.6)
    axes.set_xlabel("expert-iteration step, rollouts kept of drawn")


def length(runs: Sequence[Run]) -> Figure:
    """Mean response length, and the share of responses cut off, of each policy of the main run.

    The rollouts of step n stand at policy n-1, which said them.
    """
    run = curves.main_run(runs)
    answers = curves.evaluations(run)
    drawn = (
        [{**step, "step": step["step"] - 1} for step in run.get("steps") or []]
        if run["kind"] == "ei"
        else []
    )
    title = "Response length"
    if not any(known(row, "mean_response_tokens") for row in [*drawn, *answers]):
        return style.words(title, "no response yet")
    figure, (upper, lower) = style.canvas(
        title, "rollouts of step n stand at the policy that said them, n − 1", (3, 2)
    )
    for axes, key in ((upper, "mean_response_tokens"), (lower, "truncated_rate")):
        ends = []
        for rows, name, colour, marker, dash in (
            (drawn, "training rollouts", style.BLUE, "o", "-"),
            (answers, "validation", style.RED, "D", (0, (4, 2))),
        ):
            places = [(row["step"], row[key]) for row in rows if known(row, key)]
            if places:
                axes.plot(
                    *zip(*places, strict=True), color=colour, marker=marker, ms=5, ls=dash, lw=1.6
                )
                last = places[-1][1]
                value = f"{last:,.0f}" if axes is upper else percent(last)
                ends.append(End(*places[-1], f"{name}: {value}", colour))
        if axes is upper:
            axes.set_ylim(0, axes.get_ylim()[1] * 1.05)
        else:
            style.shares(axes)
        style.label_ends(
            axes, ends, style.LINE * (1.8 if axes is upper else 2.7)
        )  # the axes are lower than elsewhere
    figure.align_ylabels()
    upper.set_ylabel("tokens, mean")
    lower.set_ylabel("share cut off")
    style.steps(lower, "policy after step (0: base policy)")
    return figure
