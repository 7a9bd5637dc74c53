"""What became of a run's rollouts, and how long responses are."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.curves import series
from ei.plots.labels import LINE, End, label_ends
from ei.plots.style import LineStyle, Segment
from ei.prose.words import percent
from ei.schema import RunSummary, StepSummary

# What became of a rollout, from the bottom.
FATES = {
    "kept": Segment("kept", style.BLUE),
    "duplicate": Segment("duplicate", style.SKY, "////"),
    "over_cap": Segment("over the cap per question", style.YELLOW),
    "too_long": Segment("too long", style.PINK, "xx"),
    "solved": Segment("of a solved question", style.GREEN),
    "not_drawn": Segment("not drawn", style.PINK, "////"),
    "wrong": Segment("wrong", style.ORANGE),
    "no_format": Segment("not in the format", "#E4E4E4"),
    "undecided": Segment("undecided", style.BLACK),
}


def kept(runs: Sequence[RunSummary]) -> Figure:
    """What became of each step's rollouts, as shares with their counts."""
    title = "Rollouts kept and dropped"
    steps = curves.main_run(runs)["steps"]
    counts = {step["step"]: fates(step) for step in steps if step["rollouts"]}
    if not counts:
        return style.nothing(title, "no rollout yet")
    figure, (axes,) = style.canvas(title)
    shares = {
        step: {fate: count / sum(of_step.values()) for fate, count in of_step.items()}
        for step, of_step in counts.items()
    }
    style.stacked_bars(axes, shares, FATES)
    style.share_axis(axes, 1.0)
    axes.set_ylabel("share of the step's rollouts")
    if len(counts) <= 8:  # with more there is no room for words
        write_counts(axes, counts)
        write_kept(axes, counts)
    else:
        style.step_axis(axes, "expert-iteration step")
    style.legend_below(figure, axes, 5 if len(axes.containers) <= 5 else 4)
    return figure


def fates(step: StepSummary) -> dict[str, int]:
    """{what became of rollouts: how many}.

    The wrong ones are told apart by their status where these add up. They do not where SFT keeps
    all of its traces, wrong ones too.
    """
    dropped, status = dict(step["dropped"]), dict(step["status"])
    status.pop("correct", None)
    if status and sum(status.values()) == dropped.get("wrong"):
        dropped["wrong"], dropped["no_format"] = status.pop("wrong", 0), status.pop("no_format", 0)
        dropped["undecided"] = sum(status.values())  # unparsable, timeout, error
    return {"kept": step["kept"], **dropped}


def write_counts(axes: Axes, counts: Mapping[int, Mapping[str, int]]) -> None:
    """Write into each segment but the kept ones its count, if it is high enough for text."""
    for step, of_step in counts.items():
        below, total = of_step["kept"], sum(of_step.values())
        for fate in list(FATES)[1:]:
            count = of_step.get(fate, 0)
            if count >= 0.045 * total:  # the height of a line of text
                axes.text(
                    step,
                    (below + count / 2) / total,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    size=style.SMALL,
                    path_effects=style.HALO,
                )
            below += count


def write_kept(axes: Axes, counts: Mapping[int, Mapping[str, int]]) -> None:
    """Write under each bar how many of the step's rollouts were kept."""
    names = [
        f"{step}\n{of_step['kept']:,} of {sum(of_step.values()):,}"
        for step, of_step in counts.items()
    ]
    few = len(counts) <= 5
    if not few:
        names = [name.replace(" of", "\nof") for name in names]
    axes.set_xticks(list(counts), names, size=style.SMALL + 1 if few else style.SMALL)
    axes.set_xlim(min(counts) - 0.6, max(counts) + 0.6)
    axes.set_xlabel("expert-iteration step, rollouts kept of all")


def length(runs: Sequence[RunSummary]) -> Figure:
    """Mean response length, and the share of truncated responses, of each policy of the main run.

    The rollouts of step n stand at policy n-1, which sampled them.
    """
    run = curves.main_run(runs)
    title = "Response length"
    keys = ("mean_response_tokens", "truncated_rate")
    if not any(points for _, _, points in lines(run, keys[0])):
        return style.nothing(title, "no response yet")
    note = "rollouts of step n stand at the policy that sampled them, n − 1"
    figure, (upper, lower) = style.canvas(title, note, (3, 2))
    for axes, key in zip((upper, lower), keys, strict=True):
        ends = [draw(axes, points, look, name) for name, look, points in lines(run, key) if points]
        finish(axes, ends, shares=axes is lower)
    figure.align_ylabels()
    upper.set_ylabel("tokens, mean")
    lower.set_ylabel("share truncated")
    style.step_axis(lower, "policy after step (0: base policy)")
    return figure


def lines(run: RunSummary, key: str) -> Iterator[tuple[str, LineStyle, list[tuple[int, float]]]]:
    """Name, style and (policy, value) of the training rollouts and of the validation responses."""
    if run["kind"] == "ei":  # an SFT baseline's rollouts are traces that its policy did not write
        sampled = [(step - 1, value) for step, value in series(run["steps"], key)]
        yield "training rollouts", LineStyle(style.BLUE), sampled
    look = LineStyle(style.RED, "D", style.DASHED)
    yield "validation", look, series(run["evaluations"], key)


def draw(axes: Axes, points: Sequence[tuple[int, float]], look: LineStyle, name: str) -> End:
    """Draw a line through (step, value); returns its end, labelled with the name."""
    steps, values = zip(*points, strict=True)
    axes.plot(steps, values, color=look.colour, marker=look.marker, ms=5, ls=look.dash, lw=1.6)
    return End(*points[-1], name, look.colour)


def finish(axes: Axes, ends: Sequence[End], shares: bool) -> None:
    """Set up the y axis, of shares or of tokens, and label the lines with their last values."""
    if shares:
        style.share_axis(axes)
    else:
        axes.set_ylim(0, axes.get_ylim()[1] * 1.05)
    texts = [percent(end.y) if shares else f"{end.y:,.0f}" for end in ends]
    labelled = [
        end._replace(text=f"{end.text}: {text}") for end, text in zip(ends, texts, strict=True)
    ]
    # These axes are lower than those of other plots, so a line of text takes more of them.
    label_ends(axes, labelled, LINE * (2.7 if shares else 1.8))
