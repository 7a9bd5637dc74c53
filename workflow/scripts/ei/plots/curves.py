"""Which runs a picture shows, and what they come to over seeds. A run is what its run.json says."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

Run = Mapping[str, Any]


class Point(NamedTuple):
    """Accuracy after a step: mean over the runs that reached it, mean ends of their intervals, range over them."""

    step: int
    mean: float
    low: float
    high: float
    least: float
    most: float
    runs: int


def main_run(runs: Sequence[Run]) -> Run:
    """The run called main; where there is none the first of expert iteration, else the first of all."""
    named = [run for run in runs if run["name"] == "main"]
    return (named or [run for run in runs if run["kind"] == "ei"] or list(runs))[0]


def along(runs: Sequence[Run], setting: str) -> dict[Any, list[Run]]:
    """{value of the setting: its runs, one per seed}: the main configuration and what differs in nothing else."""
    found: dict[Any, list[Run]] = {}
    for run in runs:
        value = setting_of(run, setting)
        if run["kind"] == "ei" and set(run.get("changes") or {}) <= {setting} and value is not None:
            found.setdefault(value, []).append(run)
    return dict(sorted(found.items()))


def setting_of(run: Run, setting: str) -> Any:
    """The value of `section.key` in the run's settings; None where they have none."""
    section, key = setting.split(".")
    return ((run.get("settings") or {}).get(section) or {}).get(key)


def baselines(runs: Sequence[Run]) -> dict[str, Point]:
    """{group: where its SFT ended, over its seeds}, for every group of SFT that has an evaluation."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run["kind"] == "sft" and trained(run):
            groups.setdefault(run["group"], []).append(run)
    return {group: summed([trained(run)[-1] for run in same]) for group, same in groups.items()}


def trained(run: Run) -> list[dict[str, Any]]:
    """The run's evaluations but that of the base policy."""
    return [evaluation for evaluation in evaluations(run) if evaluation["step"] > 0]


def evaluations(run: Run) -> list[dict[str, Any]]:
    """The run's evaluations by step."""
    return sorted(run.get("evaluations") or [], key=lambda evaluation: evaluation["step"])


def curve(runs: Sequence[Run]) -> list[Point]:
    """A point for every step that any of the runs reached."""
    steps: dict[int, list[dict[str, Any]]] = {}
    for run in runs:
        for evaluation in evaluations(run):
            steps.setdefault(evaluation["step"], []).append(evaluation)
    return [summed(steps[step]) for step in sorted(steps)]


def summed(same_step: Sequence[Mapping[str, Any]]) -> Point:
    """The evaluations as one point.

    The interval speaks of the questions, which are the same for every seed; so its ends are averaged, and
    more seeds do not make it narrower. The range speaks of the seeds.
    """
    shares = [evaluation["accuracy"] for evaluation in same_step]
    ends = [
        evaluation.get("accuracy_ci95") or (share, share)
        for evaluation, share in zip(same_step, shares, strict=True)
    ]
    low, high = (fmean(end) for end in zip(*ends, strict=True))
    return Point(
        same_step[0]["step"], fmean(shares), low, high, min(shares), max(shares), len(shares)
    )


def known(row: Mapping[str, Any], key: str) -> bool:
    return row.get(key) is not None
