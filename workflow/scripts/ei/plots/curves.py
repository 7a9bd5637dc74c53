"""Which runs a plot shows, and their accuracy over steps and seeds."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from ei.plots import ALONG, PICTURES
from ei.schema import Evaluation, RunSummary

FIRST = next(iter(ALONG.values()))


class Point(NamedTuple):
    """Accuracy after a step, over the seeds that reached it."""

    step: int
    mean: float
    low: float  # of the 95 % interval, averaged over seeds
    high: float
    least: float  # of the seeds
    most: float
    runs: int  # the number of seeds


def main_run(runs: Sequence[RunSummary]) -> RunSummary:
    """The run called main; else the first of expert iteration; else the first of all."""
    named = [run for run in runs if run["name"] == "main"]
    return (named or [run for run in runs if run["kind"] == "ei"] or list(runs))[0]


def along(runs: Sequence[RunSummary], setting: str) -> dict[Any, list[RunSummary]]:
    """{value of the setting: its runs, one per seed}, by rising value.

    Only the main configuration, and runs that differ from it in nothing but this setting. A list of
    values for the steps is a tuple here, and stands where its first value would.
    """
    found: dict[Any, list[RunSummary]] = {}
    for run in runs:
        value = setting_of(run, setting)
        if run["kind"] == "ei" and set(run["changes"]) <= {setting} and value is not None:
            found.setdefault(value, []).append(run)
    return {value: found[value] for value in sorted(found, key=in_order)}


def in_order(value: Any) -> tuple[Any, ...]:
    """What a setting's values are sorted by, whether they are numbers or tuples of numbers."""
    return value if isinstance(value, tuple) else (value,)


def worth_drawing(runs: Sequence[RunSummary]) -> list[str]:
    """The pictures that show something of these runs which no other picture shows."""
    alike = [name for name, setting in ALONG.items() if not compares(runs, setting)]
    return [name for name in PICTURES if name not in alike]


def compares(runs: Sequence[RunSummary], setting: str) -> bool:
    """Whether a picture along the setting has lines to compare.

    Where all runs agree in it, it would be the same as that of another setting; of seeds of one
    configuration, the first of ALONG has the line.
    """
    groups = along(runs, setting)
    seeds = max((len(same) for same in groups.values()), default=0)
    return len(groups) > 1 or (seeds > 1 and not any_differs(runs) and setting == FIRST)


def any_differs(runs: Sequence[RunSummary]) -> bool:
    """Whether any of the settings of ALONG has several values."""
    return any(len(along(runs, setting)) > 1 for setting in ALONG.values())


def setting_of(run: RunSummary, setting: str) -> Any:
    """The value of `section.key` in the run's settings; None where it has none."""
    section, key = setting.split(".")
    value = run["settings"].get(section, {}).get(key)
    return tuple(value) if isinstance(value, list) else value


def baselines(runs: Sequence[RunSummary]) -> dict[str, Point]:
    """{group: accuracy at its end, over its seeds} of every SFT baseline that has trained."""
    groups: dict[str, list[RunSummary]] = {}
    for run in runs:
        if run["kind"] == "sft" and trained(run):
            groups.setdefault(run["group"], []).append(run)
    return {group: point([trained(run)[-1] for run in same]) for group, same in groups.items()}


def trained(run: RunSummary) -> list[Evaluation]:
    """The run's evaluations after the base policy's."""
    return [evaluation for evaluation in run["evaluations"] if evaluation["step"] > 0]


def curve(runs: Sequence[RunSummary]) -> list[Point]:
    """A point for every step that any of the runs (seeds of one configuration) reached."""
    steps: dict[int, list[Evaluation]] = {}
    for run in runs:
        for evaluation in run["evaluations"]:
            steps.setdefault(evaluation["step"], []).append(evaluation)
    return [point(steps[step]) for step in sorted(steps)]


def point(same_step: Sequence[Evaluation]) -> Point:
    """The evaluations of one step as one point.

    The interval is about the questions, which are the same for every seed; so its ends are
    averaged, and more seeds do not make it narrower. The range is about the seeds.
    """
    accuracies = [evaluation["accuracy"] for evaluation in same_step]
    low, high = (
        fmean(end) for end in zip(*(one["accuracy_ci95"] for one in same_step), strict=True)
    )
    step, mean = same_step[0]["step"], fmean(accuracies)
    return Point(step, mean, low, high, min(accuracies), max(accuracies), len(accuracies))


def series(rows: Iterable[Mapping[str, Any]], key: str) -> list[tuple[int, float]]:
    """(step, value) of each row (an evaluation, a step) in which the value was measured."""
    return [(row["step"], row[key]) for row in rows if row[key] is not None]
