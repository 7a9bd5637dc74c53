"""The conclusion in two sentences: expert iteration against SFT, and its steps against each other.

The numbers are those of the main run and, where there are any, of its repeats with other seeds.
"""

from dataclasses import dataclass
from typing import Any

from ei.analysis.choice import best_step, last_step
from ei.analysis.verdict import Verdict, verdict
from ei.prose.words import (
    clauses,
    counted_range,
    figures,
    mean_and_range,
    named_steps,
    percent,
)
from ei.schema import Comparison, RunSummary

AGAINST_SFT = {
    Verdict.BETTER: "expert iteration is better",
    Verdict.WORSE: "expert iteration is worse",
    Verdict.UNCLEAR: "no significant difference",
}
AGAINST_BASE = {
    Verdict.BETTER: "more than the base policy's",
    Verdict.WORSE: "fewer than the base policy's",
    Verdict.UNCLEAR: "not significantly different from the base policy's",
}
ONLY_STEP = {
    Verdict.BETTER: ": it raised accuracy from {before} to {after} ({figures})",
    Verdict.WORSE: ": it lowered accuracy from {before} to {after} ({figures})",
    Verdict.UNCLEAR: "; its change in accuracy from {before} to {after} is not significant"
    " ({figures})",
}
# What accuracy did at some steps; with several seeds, what it did with each of them.
CHANGES = {
    Verdict.BETTER: "rose at {steps}",
    Verdict.WORSE: "fell at {steps} ({figures})",
    Verdict.UNCLEAR: "did not change significantly at {steps} ({figures})",
}
CHANGES_OF_SEEDS = {
    Verdict.BETTER: "rose at {steps} with every seed",
    Verdict.WORSE: "fell at {steps} with every seed ({figures})",
    Verdict.UNCLEAR: "showed no significant change common to all seeds at {steps} ({figures})",
}


@dataclass(frozen=True)
class Measured:
    """The main run and its repeats, and all comparisons of the experiment."""

    runs: list[RunSummary]
    comparisons: list[Comparison]

    def of(self, what: str, run: RunSummary, **b: Any) -> list[Comparison]:
        """The comparisons of this kind that have the run as a, and in b the given fields."""
        return [
            one
            for one in self.comparisons
            if one["what"] == what
            and one["a"]["run"] == run["run"]
            and b.items() <= one["b"].items()
        ]


def two_sentences(measured: Measured) -> str:
    """The sentence on the SFT baseline, then the sentence on steps."""
    return f"{against_sft(measured)} {among_steps(measured)}"


def against_sft(measured: Measured) -> str:
    """The last step against the SFT baseline; against the base policy where there is none."""
    n = measured.runs[0]["evaluations"][-1]["n"]
    after = counted_range([last_step(run) for run in measured.runs], "step")
    reached = mean_and_range([run["evaluations"][-1]["accuracy"] for run in measured.runs])
    seeds = f"With {len(measured.runs)} seeds, after" if len(measured.runs) > 1 else "After"
    solves = f"{seeds} {after}, expert iteration solves {reached} of the {n:,} validation questions"
    pairs = pairs_with_sft(measured)
    if not pairs:
        return f"{solves}{beside_base(measured)}; there is no SFT baseline to compare with."
    baseline = mean_and_range([pair["accuracy_b"] for pair in pairs])
    outcome = f"{AGAINST_SFT[verdict(pairs)]} ({figures(pairs)})"
    return f"{solves} and the SFT baseline {baseline}: {outcome}."


def pairs_with_sft(measured: Measured) -> list[Comparison]:
    """Each main run's last step against an SFT baseline: that on all traces, if there are two."""
    found = []
    for run in measured.runs:
        pairs = [pair for pair in measured.of("sft", run) if pair["a"]["step"] == last_step(run)]
        on_all_traces = [pair for pair in pairs if pair["b"]["group"] == "sft"]
        found += (on_all_traces or pairs)[:1]
    return found


def beside_base(measured: Measured) -> str:
    """What the first sentence says of the base policy; nothing where no step was made."""
    pairs = [pair for run in measured.runs for pair in measured.of("base", run)]
    if not pairs:
        return ""
    base = mean_and_range([pair["accuracy_b"] for pair in pairs])
    return f", {AGAINST_BASE[verdict(pairs)]} {base} ({figures(pairs)})"


def among_steps(measured: Measured) -> str:
    """How accuracy changed from step to step, and whether the last step is worse than the best."""
    run, last = measured.runs[0], min(map(last_step, measured.runs))
    if last == 0:
        return "No step was made, so there are no steps to compare."
    if last == 1:
        return f"There is only one step, so no two steps can be compared{only_step(measured)}."
    accuracies = [percent(one["accuracy"])[:-2] for one in run["evaluations"][: last + 1]]
    seed = f" with seed {run['seed']}" if len(measured.runs) > 1 else ""
    path = f"Accuracy from the base policy to step {last} was {', '.join(accuracies)} %{seed}"
    return f"{path}: it {changes(measured, last)}{collapse(measured)}."


def only_step(measured: Measured) -> str:
    """What the only step did to accuracy, as the second half of a sentence."""
    pairs = pairs_with_step_before(measured, 1)
    return ONLY_STEP[verdict(pairs)].format(
        before=mean_and_range([pair["accuracy_b"] for pair in pairs]),
        after=mean_and_range([pair["accuracy_a"] for pair in pairs]),
        figures=figures(pairs),
    )


def pairs_with_step_before(measured: Measured, step: int) -> list[Comparison]:
    """The step against the one before it, in each of the runs."""
    return [
        pair
        for run in measured.runs
        for pair in measured.of("steps", run, step=step - 1)
        if pair["a"]["step"] == step
    ]


def changes(measured: Measured, last: int) -> str:
    """At which steps accuracy rose, fell or did neither, the latter two with their figures."""
    pairs = {step: pairs_with_step_before(measured, step) for step in range(1, last + 1)}
    templates = CHANGES if len(measured.runs) == 1 else CHANGES_OF_SEEDS
    parts = []
    for outcome, template in templates.items():
        steps = [step for step in pairs if verdict(pairs[step]) == outcome]
        if not steps:
            continue
        every = "any step" if outcome == Verdict.UNCLEAR else "every step"
        where = every if len(steps) == last else named_steps(steps)
        numbers = "; ".join(figures(pairs[step]) for step in steps)
        parts.append(template.format(steps=where, figures=numbers))
    return clauses(parts)


def collapse(measured: Measured) -> str:
    """That the last step is worse than the best one, where it is; of several seeds, with which."""
    fallen = [
        (run, pair)
        for run in measured.runs
        for pair in last_against_best(measured, run)
        if verdict([pair]) == Verdict.WORSE
    ]
    if not fallen:
        return ""
    by = "the best on the development split" if fallen[0][0]["best"] else "the highest"
    if len(measured.runs) == 1:
        pair = fallen[0][1]
        return f"; the last step is worse than step {pair['b']['step']}, {by} ({figures([pair])})"
    seeds = "; ".join(
        f"seed {run['seed']}, step {pair['b']['step']}: {figures([pair])}" for run, pair in fallen
    )
    count = f"{len(fallen)} of {len(measured.runs)} seeds"
    return f"; with {count} the last step is worse than {by} ({seeds})"


def last_against_best(measured: Measured, run: RunSummary) -> list[Comparison]:
    """The comparison of the run's last step with its best; none where these are the same."""
    return [
        pair
        for pair in measured.of("steps", run, step=best_step(run))
        if pair["a"]["step"] == last_step(run)
    ][:1]
