"""How many ways a policy solves questions in: pass@k, and distinct correct responses."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ei.plots import curves, style
from ei.plots.labels import LINE, End, label_ends
from ei.plots.rollouts import draw
from ei.plots.style import LineStyle
from ei.prose.words import percent
from ei.schema import Evaluation, RunSummary


def breadth(runs: Sequence[RunSummary]) -> Figure:
    """pass@k of the main run's policies, and distinct correct responses in each step's rollouts.

    Training on correct responses can raise pass@1 while it lowers pass@8 and the number of distinct
    solutions.
    """
    run = curves.main_run(runs)
    title, sampled, distinct = "Breadth of what is solved", tried(run), distinct_correct(run)
    if not sampled and not distinct:
        return style.nothing(title, "no response yet")
    note = "rollouts of step n stand at the policy that sampled them, n − 1"
    figure, (upper, lower) = style.canvas(title, note, (3, 2))
    draw_tries(upper, sampled)
    ends = [draw(lower, distinct, LineStyle(style.BLUE), "correct")] if distinct else []
    lower.set_ylim(0, max([lower.get_ylim()[1] * 1.05, 1.0] if distinct else [1.0]))
    label_ends(lower, [end._replace(text=f"{end.y:.2f}") for end in ends], LINE * 2.7)
    lower.set_ylabel("distinct correct\nper question")
    style.step_axis(lower, "policy after step (0: base policy)")
    figure.align_ylabels()
    return figure


def tried(run: RunSummary) -> list[Evaluation]:
    """The evaluations with several responses to each question: the curve's, else the probes'."""
    found = [one for one in run["evaluations"] if "pass_at_k" in one]
    return found or [one for one in run.get("samples", []) if "pass_at_k" in one]


def distinct_correct(run: RunSummary) -> list[tuple[int, float]]:
    """(policy, distinct correct responses per question) of each step's rollouts.

    None for an SFT baseline, whose traces its policy did not write.
    """
    steps = run["steps"] if run["kind"] == "ei" else []
    return [
        (step["step"] - 1, step["distinct_correct"] / step["questions"])
        for step in steps
        if "distinct_correct" in step and step["questions"]
    ]


def draw_tries(axes: Axes, sampled: Sequence[Evaluation]) -> None:
    """Draw a line over steps for each k, the largest k darkest, or say that none was measured."""
    axes.set_ylabel("share of questions")
    if not sampled:
        axes.text(0.5, 0.5, "pass@k was not measured", transform=axes.transAxes, ha="center",
                  va="center", color=style.GREY)  # fmt: skip
        style.share_axis(axes, 1.0)
        return
    ends: list[End] = []
    tries = list(sampled[0]["pass_at_k"])
    for number, k in enumerate(tries):
        points = [(one["step"], one["pass_at_k"][k]) for one in sampled if k in one["pass_at_k"]]
        look = style.one_of(len(tries), number)
        ends.append(draw(axes, points, look, f"pass@{k}: {percent(points[-1][1])}"))
    style.share_axis(axes)
    label_ends(axes, ends, LINE * 1.8)
