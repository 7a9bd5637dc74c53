"""Rows of the page's tables, each cell a text to read and a value to sort by."""

import json
from pathlib import PurePath
from typing import Any, NamedTuple

from markupsafe import Markup

from ei.analysis.verdict import Verdict, verdict
from ei.cost.estimate import Cost, amounts
from ei.prose.words import in_turn
from ei.schema import BestStep, Comparison, RunSummary, Side

NONE = "–"


class Cell(NamedTuple):
    """A cell of a table; `number` says whether it is aligned and sorted as one."""

    text: str
    value: Any
    number: bool


def plain(text: str) -> Cell:
    """A cell of text, sorted by it."""
    return Cell(text, text, False)


def number(value: float | None, digits: int = 0) -> Cell:
    """A number with thousands separated; None is a dash, which sorts first."""
    if value is None:
        return Cell(NONE, -1e99, True)
    return Cell(f"{value:,.{digits}f}", value, True)


def by_step(value: float | list[float] | None) -> Cell:
    """A setting that may have a value for each step: `32, then 8`, sorted by the first of them."""
    if isinstance(value, list):
        return Cell(in_turn(value), value[0], True)
    return number(value)


def share(value: float | None, interval: list[float] | None = None) -> Cell:
    """A share in percent, with its interval: `68.8 [64.6, 72.7]`."""
    if value is None:
        return number(None)
    around = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return Cell(f"{100 * value:.1f}{around}", value, True)


def duration(seconds: float | None) -> Cell:
    """Seconds in the unit that a person would use: `45 s`, `12.3 min`, `4.5 h`."""
    if seconds is None:
        return number(None)
    if seconds < 120:
        return Cell(f"{seconds:.0f} s", seconds, True)
    minutes, hours = seconds / 60, seconds / 3600
    return Cell(f"{minutes:.1f} min" if minutes < 120 else f"{hours:.1f} h", seconds, True)


RUN_COLUMNS = (
    "Run",
    "Kind",
    "What differs",
    "G",
    Markup("<math><msub><mi>D</mi><mi>b</mi></msub></math>"),
    "Epochs",
    "Seed",
    "Base, %",
    "Final, % [95 %]",
    "Best step",
    "Format, %",
    "Entropy, nats",
    "GPU time",
    "Wall time",
    "Sum of jobs",
)
# Every SFT baseline changes these: it is a single step, on responses that its policy did not write,
# so their entropy is not measured, and there is nothing to draw again.
CHANGED_BY_SFT = (
    "steps",
    "early_stopping.patience",
    "sample.extra",
    "sample.hints",
    "filter.solved_above",
    "sft.entropy_rollouts",
)


def run_row(run: RunSummary) -> list[Cell]:
    """A run in the order of RUN_COLUMNS; an SFT baseline has no rollouts and no questions."""
    sft, settings = run["kind"] == "sft", run["settings"]
    sample = {} if sft else settings.get("sample", {})
    implied = CHANGED_BY_SFT if sft else ()
    changes = {key: value for key, value in run["changes"].items() if key not in implied}
    base, final = run["evaluations"][0], run["evaluations"][-1]
    return [
        plain(run["name"]),
        plain("SFT" if sft else "EI"),
        plain(in_one_line(changes)),
        by_step(sample.get("rollouts")),
        number(sample.get("questions")),
        number(settings.get("sft", {}).get("epochs")),
        number(run["seed"]),
        share(base["accuracy"]),
        share(final["accuracy"], final["accuracy_ci95"]),
        best_step(run["best"]),
        share(final["format_rate"]),
        number(final["entropy"], 3),
        duration(run["gpu_seconds"] or None),  # a dash on a CPU
        wall_time(run),
        duration(run["seconds"]),
    ]


def run_table(runs: list[RunSummary]) -> tuple[list[str], list[list[Cell]]]:
    """Headings and rows of the runs; without the column of GPU time where none used a GPU."""
    used = any(run["gpu_seconds"] for run in runs)
    shown = [k for k, name in enumerate(RUN_COLUMNS) if used or name != "GPU time"]
    rows = [run_row(run) for run in runs]
    return [RUN_COLUMNS[k] for k in shown], [[row[k] for k in shown] for row in rows]


def took(run: RunSummary) -> str:
    """What the run's own jobs took, in the words in which a run is estimated before it starts."""
    own = [time for time in run["stages"] if not time["shared_from"]]

    def tokens(*stages: str) -> int:
        return sum(time["tokens"] or 0 for time in own if time["stage"] in stages)

    spent = Cost(
        rollouts=sum(step["rollouts"] for step in run["steps"]) if run["kind"] == "ei" else 0,
        answers=sum(evaluation["responses"] for evaluation in run["evaluations"]),
        sampled_tokens=tokens("sample", "eval"),
        trained_tokens=tokens("sft"),
        seconds=run["gpu_seconds"] or run["seconds"],
    )
    return ", ".join(amounts(spent, gpu=bool(run["gpu_seconds"])))


def wall_time(run: RunSummary) -> Cell:
    """`40.0 min, 12.3 min of it paused`: from the first job's start to the last one's end."""
    wall, paused = run.get("wall_seconds"), run.get("paused_seconds")
    cell = duration(wall)
    if not paused:
        return cell
    return cell._replace(text=f"{cell.text}, {duration(paused).text} of it paused")


def best_step(best: BestStep | None) -> Cell:
    """`4 (68.8 %)`: the best step and its accuracy on the development questions."""
    if best is None:
        return number(None)
    return Cell(f"{best['step']} ({100 * best['accuracy']:.1f} %)", best["step"], True)


def in_one_line(changes: dict[str, Any]) -> str:
    """`sample.rollouts 4, sft.epochs 1`; a dash of none."""
    return ", ".join(f"{key} {written(value)}" for key, value in changes.items()) or NONE


def written(value: Any) -> str:
    """A setting as config.yaml has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


COMPARISON_COLUMNS = (
    "A",
    "B",
    "Questions",
    "A, %",
    "B, %",
    "A − B, points [95 %]",
    "Only A correct",
    "Only B correct",
    "McNemar p",
    "Verdict",
)
KINDS = {
    "sft": "Against the SFT baseline",
    "base": "Last step against the base policy",
    "main": "Against the main run",
    "prompt": "Against the base policy under other prompts",
    "samples": "pass@k of the last step and of the base policy",
    "steps": "Steps of a run against each other",
}
VERDICTS = {
    Verdict.BETTER: "A better",
    Verdict.WORSE: "B better",
    Verdict.UNCLEAR: "not significant",
}


def comparison_row(one: Comparison) -> list[Cell]:
    """A comparison in the order of COMPARISON_COLUMNS."""
    low, high = (100 * bound for bound in one["ci95"])
    points = f"{100 * one['difference']:+.1f} [{low:+.1f}, {high:+.1f}]"
    p, tries = one["mcnemar_p"], f", pass@{one['k']}" if "k" in one else ""
    return [
        plain(side(one["a"]) + tries),
        plain(side(one["b"]) + tries + (f", prompt {one['prompt']}" if "prompt" in one else "")),
        number(one["n"]),
        share(one["accuracy_a"]),
        share(one["accuracy_b"]),
        Cell(points, one["difference"], True),
        number(one["only_a"]),
        number(one["only_b"]),
        Cell("< 0.001" if p < 0.001 else f"{p:.3f}", p, True),
        plain(VERDICTS[verdict([one])]),
    ]


def side(of: Side) -> str:
    """`G4, step 5`"""
    return f"{of['name']}, step {of['step']}"


def comparison_groups(comparisons: list[Comparison]) -> list[dict[str, Any]]:
    """Title and rows of each kind of comparison, in the order of KINDS; empty ones are left out."""
    groups = []
    for what, title in KINDS.items():
        rows = [comparison_row(one) for one in comparisons if one["what"] == what]
        if rows:
            groups.append({"title": title, "rows": rows})
    return groups


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dotted names: {"sample": {"rollouts": 8}} is {"sample.rollouts": 8}."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        nested = isinstance(value, dict)
        found |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return found


def settings_table(runs: list[RunSummary]) -> list[dict[str, Any]]:
    """A row for each setting: its value in every run, and which differ from the first run's."""
    columns = [flat(run["settings"]) for run in runs]
    rows = []
    for key in dict.fromkeys(key for column in columns for key in column):
        texts = [written(column[key]) if key in column else NONE for column in columns]
        cells = [{"text": text, "differs": text != texts[0]} for text in texts]
        rows.append({"key": key, "cells": cells, "differs": any(one["differs"] for one in cells)})
    return rows


def browsed_first(runs: list[RunSummary], browse: str) -> list[RunSummary]:
    """The runs, the one in the folder `browse` (the experiment's main run) first."""
    return sorted(runs, key=lambda run: PurePath(run["run"]) != PurePath(browse))
