"""The two sentences: expert iteration against plain SFT, and its steps against each other.

The numbers are those of the main run, and of its repeats with other seeds where there are some.
"""

from dataclasses import dataclass
from typing import Any

from ei.analysis.choice import best_step, last_step
from ei.analysis.verdict import verdict
from ei.prose.words import counted_range, figures, percent, shares, steps

Comparison = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """The main run and its repeats, and all comparisons of the experiment."""

    runs: list[dict[str, Any]]
    comparisons: list[Comparison]

    def of(self, what: str, run: dict[str, Any], **b: Any) -> list[Comparison]:
        """The comparisons of this kind that have the run as a, and in b what is given, in their order."""
        return [
            one
            for one in self.comparisons
            if one["what"] == what
            and one["a"]["run"] == run["run"]
            and all(one["b"][name] == value for name, value in b.items())
        ]


def two_sentences(measured: Measured) -> str:
    """The sentence on plain SFT, then the sentence on steps."""
    return f"{with_sft(measured)} {among_steps(measured)}"


def with_sft(measured: Measured) -> str:
    """The last step of expert iteration against plain SFT; against its base policy where there is no SFT run."""
    n = measured.runs[0]["evaluations"][-1]["n"]
    after = counted_range([last_step(run) for run in measured.runs], "step")
    reached = shares([run["evaluations"][-1]["accuracy"] for run in measured.runs])
    seeds = f"With {len(measured.runs)} seeds, after" if len(measured.runs) > 1 else "After"
    start = f"{seeds} {after} expert iteration solves {reached} of the {n:,} validation questions"
    against = to_sft(measured)
    if not against:
        return f"{start}{beside_base(measured)}; there is no run of plain SFT to compare it with."
    theirs = shares([one["accuracy_b"] for one in against])
    words = {
        1: "expert iteration is better",
        -1: "expert iteration is worse",
        0: "no difference can be told",
    }
    return f"{start} and plain SFT {theirs}: {words[verdict(against)]} ({figures(against)})."


def to_sft(measured: Measured) -> list[Comparison]:
    """Each main run's last step against plain SFT: on all traces, if there is also a run on the right ones alone."""
    found = []
    for run in measured.runs:
        ones = [one for one in measured.of("sft", run) if one["a"]["step"] == last_step(run)]
        found += ([one for one in ones if one["b"]["group"] == "sft"] or ones)[:1]
    return found


def beside_base(measured: Measured) -> str:
    """What the sentence says of the base policy."""
    base = [one for run in measured.runs for one in measured.of("base", run)]
    if not base:
        return ""
    told = {1: "more than", -1: "fewer than", 0: "which cannot be told from"}[verdict(base)]
    return f", {told} its base policy's {shares([one['accuracy_b'] for one in base])} ({figures(base)})"


def among_steps(measured: Measured) -> str:
    """How accuracy went from step to step, and whether the last step is worse than the best."""
    run, count = measured.runs[0], min(map(last_step, measured.runs))
    if count == 0:
        return "No step was made, so there are no steps to compare with each other."
    if count == 1:
        return f"There is one step alone, so no two steps can be compared with each other{one_step(measured)}."
    went = ", ".join(
        percent(evaluation["accuracy"])[:-2] for evaluation in run["evaluations"][: count + 1]
    )
    seeds = f" with seed {run['seed']}" if len(measured.runs) > 1 else ""
    path = f"From the base policy to step {count} accuracy went {went} %{seeds}"
    return f"{path}: {changes(measured, count)}{collapse(measured)}."


def one_step(measured: Measured) -> str:
    """What the only step did, as the second half of a sentence."""
    pairs = consecutive(measured, 1)
    before, after = (shares([one[side] for one in pairs]) for side in ("accuracy_b", "accuracy_a"))
    if verdict(pairs) == 0:
        return (
            f", and between the base policy's {before} and this step's {after} no difference can be told"
            f" ({figures(pairs)})"
        )
    word = "raised" if verdict(pairs) > 0 else "lowered"
    return f": it {word} accuracy from {before} to {after} ({figures(pairs)})"


def consecutive(measured: Measured, step: int) -> list[Comparison]:
    """The step against the one before it, in each of the runs."""
    return [
        one
        for run in measured.runs
        for one in measured.of("steps", run, step=step - 1)
        if one["a"]["step"] == step
    ]


def changes(measured: Measured, count: int) -> str:
    """At which steps accuracy rose or fell, and at which that cannot be told; the latter two with their figures."""
    pairs = {step: consecutive(measured, step) for step in range(1, count + 1)}
    rose, fell, unclear = (
        [step for step, ones in pairs.items() if verdict(ones) == sign] for sign in (1, -1, 0)
    )
    always = " with every seed" if len(measured.runs) > 1 else ""
    words = []
    if rose:
        words.append(f"it rose at {'every step' if len(rose) == count else steps(rose)}{always}")
    if fell:
        words.append(
            f"it fell at {steps(fell)}{always} ({'; '.join(figures(pairs[step]) for step in fell)})"
        )
    if unclear:
        at = "no step" if len(unclear) == count else steps(unclear)
        told = "; ".join(figures(pairs[step]) for step in unclear)
        negation = "a" if len(unclear) == count else "no"
        words.append(
            f"at {at} {negation} difference from the step before can be told{always} ({told})"
        )
    return ", ".join(words[:-1]) + ", and " * (len(words) > 1) + words[-1]


def collapse(measured: Measured) -> str:
    """That the last step is worse than the best one, where it is; of several seeds, with which."""
    fallen = [
        (run, one)
        for run in measured.runs
        for one in from_best(measured, run)
        if verdict([one]) == -1
    ]
    if not fallen:
        return ""
    by = "the best on the development split" if fallen[0][0]["best"] else "the highest of them"
    if len(measured.runs) == 1:
        one = fallen[0][1]
        return f"; the last step is worse than step {one['b']['step']}, {by} ({figures([one])})"
    told = "; ".join(
        f"seed {run['seed']}, step {one['b']['step']}: {figures([one])}" for run, one in fallen
    )
    return f"; with {len(fallen)} of {len(measured.runs)} seeds the last step is worse than {by} ({told})"


def from_best(measured: Measured, run: dict[str, Any]) -> list[Comparison]:
    """The run's last step against its best, chosen on the development split, else against its highest."""
    return [
        one
        for one in measured.of("steps", run, step=best_step(run))
        if one["a"]["step"] == last_step(run)
    ][:1]
