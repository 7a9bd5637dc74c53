"""What the controls allow to be claimed: another prompt, another selection, more than one try.

A rise in accuracy alone does not say what it is due to. Each sentence here names one alternative
explanation, and says from measured numbers whether it holds.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from ei.analysis.choice import last_step
from ei.analysis.verdict import Verdict, verdict
from ei.prose.conclusion import Measured
from ei.prose.words import figures, listed, mean_and_range, points
from ei.schema import Comparison, RunSummary

# Of the last step against the base policy under its best other prompt.
AFTER_TRAINING = {
    Verdict.BETTER: "the last step's {reached} is more still ({figures}), so of its gain of {gain}"
    " points, {free} need no training",
    Verdict.UNCLEAR: "the last step's {reached} is not significantly different ({figures}), so this"
    " run has not been shown to gain anything that another prompt does not give without training",
    Verdict.WORSE: "the last step's {reached} is less ({figures}), so another prompt gives more"
    " than this training did",
}
# Of the main run against the control that selects otherwise.
SELECTIONS = {
    "random": "a random selection of as many responses in the format",
    "format": "all responses in the format, right or wrong,",
}
SELECTED = {
    Verdict.BETTER: "Selecting by correctness gained {points} points more than training on"
    " {selection} ({figures}), so correctness is part of what was learned.",
    Verdict.UNCLEAR: "Selecting by correctness cannot be told from training on {selection}"
    " ({figures}), so nothing here shows that correctness taught anything.",
    Verdict.WORSE: "Selecting by correctness gained less than training on {selection} ({figures}),"
    " so the gain is not due to correctness.",
}
TRIES = {
    Verdict.BETTER: "rose from {before} to {after} ({figures})",
    Verdict.WORSE: "fell from {before} to {after} ({figures})",
    Verdict.UNCLEAR: "did not change significantly, from {before} to {after} ({figures})",
}


def claims(measured: Measured, runs: Sequence[RunSummary]) -> list[str]:
    """The sentences on prompts, on selection and on pass@k, and on what was not separated."""
    found = [
        *about_this_run(measured),
        *about_prompts(measured),
        *about_selection(measured, runs),
        *about_tries(measured),
    ]
    return [*found, *not_separated(measured, runs)]


def about_this_run(measured: Measured) -> Iterator[str]:
    """That the main run is itself a control, where it is one."""
    selection = SELECTIONS.get(kept(measured.runs[0]))
    if selection:
        yield (
            f"This run is a control: it trains on {selection.rstrip(',')}, so no gain of it is due"
            " to selecting by correctness."
        )


def about_prompts(measured: Measured) -> Iterator[str]:
    """What the base policy reaches under its best other prompt, and what that leaves of a gain."""
    names = prompts(measured)
    if not names or min(map(last_step, measured.runs)) == 0:
        return
    best = max(names, key=lambda name: fmean(one["accuracy_b"] for one in against(measured, name)))
    starts = against(measured, best, of_base=True)
    ends = against(measured, best)
    plain, start = shares(starts, "b"), shares(starts, "a")
    asked = (
        f"Under the prompt `{best}` the untouched base policy solves {plain} of"
        f" {starts[0]['n']:,} validation questions, and under the run's own {start}"
    )
    if verdict(starts) != Verdict.WORSE:
        tried = f"{best}" if len(names) == 1 else f"best of {len(names)}: {listed(names)}"
        yield (
            f"{asked}: no other prompt tried ({tried}) is significantly better than the run's own"
            f" ({figures(flipped(starts))}), so none explains a gain."
        )
        return
    reached = shares(ends, "a")
    free = fmean(one["accuracy_b"] - one["accuracy_a"] for one in starts)
    gain = fmean(
        end["accuracy_a"] - start["accuracy_a"] for end, start in zip(ends, starts, strict=True)
    )
    then = AFTER_TRAINING[verdict(ends)].format(
        reached=reached, figures=figures(ends), gain=points(gain)[1:], free=points(free)[1:]
    )
    yield f"{asked}; {then}."


def prompts(measured: Measured) -> list[str]:
    """The other prompts that the base policy was evaluated under with every seed."""
    of_runs = [run.get("prompts", {}) for run in measured.runs]
    return [name for name in of_runs[0] if all(name in of_run for of_run in of_runs)]


def against(measured: Measured, prompt: str, of_base: bool = False) -> list[Comparison]:
    """Each main run's last step, or its base policy, against the base policy under the prompt."""
    return [
        one
        for run in measured.runs
        for one in measured.of("prompt", run)
        if one.get("prompt") == prompt and one["a"]["step"] == (0 if of_base else last_step(run))
    ]


def about_selection(measured: Measured, runs: Sequence[RunSummary]) -> Iterator[str]:
    """For each control that differs from the main run in its selection alone, what it shows."""
    for selection, pairs in controls(measured, runs).items():
        gained = fmean(pair["difference"] for pair in pairs)
        yield SELECTED[verdict(pairs)].format(
            points=points(gained)[1:], selection=SELECTIONS[selection], figures=figures(pairs)
        )


def controls(measured: Measured, runs: Sequence[RunSummary]) -> dict[str, list[Comparison]]:
    """{selection: main run against the control, for each seed}."""
    if kept(measured.runs[0]) in SELECTIONS:
        return {}
    found: dict[str, list[Comparison]] = {}
    for run in runs:
        if set(run["changes"]) == {"filter.keep"} and kept(run) in SELECTIONS:
            pairs = [one for one in measured.of("main", run) if one["a"]["step"] > 0]
            found.setdefault(kept(run), []).extend(flipped(pairs))
    return {selection: pairs for selection, pairs in found.items() if pairs}


def kept(run: RunSummary) -> str:
    """Which rollouts the run trains on (the setting `filter.keep`)."""
    keep: str = run["settings"].get("filter", {}).get("keep", "correct")
    return keep


def about_tries(measured: Measured) -> Iterator[str]:
    """What training did to pass@k, beside pass@1 of the same responses."""
    pairs = [one for run in measured.runs for one in measured.of("samples", run)]
    tries = sorted({one.get("k", 1) for one in pairs})
    parts = []
    for k in tries:
        of_k = [one for one in pairs if one.get("k", 1) == k]
        change = TRIES[verdict(of_k)].format(
            before=shares(of_k, "b"), after=shares(of_k, "a"), figures=figures(of_k)
        )
        parts.append(f"pass@{k} {change}")
    if parts:
        text = f"Over {pairs[0]['n']:,} validation questions, {' and '.join(parts)}"
        yield f"{text}{narrower(pairs, tries)}."


def narrower(pairs: Sequence[Comparison], tries: Sequence[int]) -> str:
    """That the policy became surer of what it could solve before, where pass@k says no more."""
    first, last = (
        verdict([one for one in pairs if one.get("k", 1) == k]) for k in (tries[0], tries[-1])
    )
    if first != Verdict.BETTER or last == Verdict.BETTER:
        return ""
    if last == Verdict.WORSE:
        return ": the policy is surer of fewer questions"
    return ": the policy is surer of questions that it could solve before, and solves no new ones"


def not_separated(measured: Measured, runs: Sequence[RunSummary]) -> Iterator[str]:
    """Which of the alternative explanations of a gain nobody has looked at."""
    of_base = [pair for run in measured.runs for pair in measured.of("base", run)]
    if kept(measured.runs[0]) in SELECTIONS or verdict(of_base) != Verdict.BETTER:
        return
    missing = []
    if not controls(measured, runs):
        missing.append("no control run trained on responses selected otherwise")
    if not prompts(measured):
        missing.append("the base policy was not evaluated under another prompt")
    if missing:
        yield f"What the gain is due to has not been separated: {' and '.join(missing)}."


def flipped(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons, seen from the other side."""
    return [
        {
            **one,
            "a": one["b"],
            "b": one["a"],
            "accuracy_a": one["accuracy_b"],
            "accuracy_b": one["accuracy_a"],
            "difference": -one["difference"],
            "ci95": [-one["ci95"][1], -one["ci95"][0]],
            "only_a": one["only_b"],
            "only_b": one["only_a"],
        }
        for one in comparisons
    ]


def shares(comparisons: Sequence[Comparison], side: str) -> str:
    """The accuracy of one side, "a" or "b": its mean and range over seeds."""
    found = [one["accuracy_a"] if side == "a" else one["accuracy_b"] for one in comparisons]
    return mean_and_range(found)
