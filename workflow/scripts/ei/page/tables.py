"""Rows of the page's tables, each cell a text to read and a value to sort by."""

import json
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from ei.analysis.verdict import verdict

Run = dict[str, Any]
Cell = dict[str, Any]

NONE = "–"


def cell(text: str, value: Any = None) -> Cell:
    """A cell; without a value it sorts by its text."""
    return {"text": text, "value": text if value is None else value, "number": value is not None}


def number(value: float | None, digits: int = 0) -> Cell:
    """A number with thousands marked, sorted by its size; a dash, which sorts first, where there is none."""
    return cell(NONE, -1e99) if value is None else cell(f"{value:,.{digits}f}", value)


def share(value: float | None, interval: list[float] | None = None) -> Cell:
    """A share in percent, with its interval."""
    if value is None:
        return number(None)
    around = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return cell(f"{100 * value:.1f}{around}", value)


def duration(seconds: float | None) -> Cell:
    """Seconds as a person says them: 45 s, 12.3 min, 4.5 h."""
    if seconds is None:
        return number(None)
    if seconds < 120:
        return cell(f"{seconds:.0f} s", seconds)
    return cell(f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h", seconds)


RUN_COLUMNS = (
    "Run", "Kind", "What differs", "G", Markup("D<sub>b</sub>"), "Epochs", "Seed", "Base, %", "Final, % [95 %]",
    "Best step", "Format, %", "Entropy, nats", "GPU time", "Wall time",
)  # fmt: skip


# What every SFT run changes: it is one step, and has written nothing whose entropy could be measured.
OF_SFT = ("steps", "stop.patience", "sft.entropy_rollouts")


def run_row(run: Run) -> list[Cell]:
    """A run in the order of RUN_COLUMNS; what an SFT run has not, a batch of questions, is a dash."""
    sample = {} if run["kind"] == "sft" else run["settings"].get("sample", {})
    base, final = run["evaluations"][0], run["evaluations"][-1]
    implied = OF_SFT if run["kind"] == "sft" else ()
    return [
        cell(run["name"]),
        cell("SFT" if run["kind"] == "sft" else "EI"),
        cell(
            differences({key: value for key, value in run["changes"].items() if key not in implied})
        ),
        number(sample.get("rollouts")),
        number(sample.get("questions")),
        number(run["settings"].get("sft", {}).get("epochs")),
        number(run["seed"]),
        share(base["accuracy"]),
        share(final["accuracy"], final["accuracy_ci95"]),
        best(run["best"]),
        share(final["format_rate"]),
        number(final["entropy"], 3),
        duration(run["gpu_seconds"]),
        duration(run["seconds"]),
    ]


def best(found: dict[str, Any] | None) -> Cell:
    """The best step and its accuracy on the development questions."""
    return (
        number(None)
        if found is None
        else cell(f"{found['step']} ({100 * found['accuracy']:.1f} %)", found["step"])
    )


def differences(changes: dict[str, Any]) -> str:
    """The changed settings in one line."""
    return ", ".join(f"{key} {written(value)}" for key, value in changes.items()) or NONE


def written(value: Any) -> str:
    """A setting as config.yaml has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


COMPARISON_COLUMNS = (
    "A", "B", "Questions", "A, %", "B, %", "A − B, points [95 %]", "Right in A alone", "In B alone", "McNemar p",
    "Verdict",
)  # fmt: skip
KINDS = {
    "sft": "Against the SFT baseline",
    "base": "Last step against the base policy",
    "main": "Against the main run",
    "steps": "One step against the step before",
}


def comparison_row(pair: dict[str, Any]) -> list[Cell]:
    """A comparison in the order of COMPARISON_COLUMNS."""
    low, high = (100 * bound for bound in pair["ci95"])
    p = pair["mcnemar_p"]
    return [
        cell(f"{pair['a']['name']}, step {pair['a']['step']}"),
        cell(f"{pair['b']['name']}, step {pair['b']['step']}"),
        number(pair["n"]),
        share(pair["accuracy_a"]),
        share(pair["accuracy_b"]),
        cell(f"{100 * pair['difference']:+.1f} [{low:+.1f}, {high:+.1f}]", pair["difference"]),
        number(pair["only_a"]),
        number(pair["only_b"]),
        cell("< 0.001" if p < 0.001 else f"{p:.3f}", p),
        cell(told(pair)),
    ]


def told(pair: dict[str, Any]) -> str:
    """What the comparison tells, by the rule that the discussion goes by too."""
    return {1: "A better", -1: "B better", 0: "cannot tell"}[verdict([pair])]


def comparison_groups(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The comparisons by what they compare, in the order of KINDS; kinds without any are left out."""
    groups = []
    for what, title in KINDS.items():
        rows = [comparison_row(pair) for pair in pairs if pair["what"] == what]
        if rows:
            groups.append({"title": title, "rows": rows})
    return groups


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dotted names: {"sample": {"rollouts": 8}} is {"sample.rollouts": 8}."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= (
            flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
        )
    return found


def settings_table(runs: list[Run]) -> list[dict[str, Any]]:
    """A row for each setting: its value in every run, and which of them differ from the first, the main run."""
    columns = [flat(run["settings"]) for run in runs]
    rows = []
    for key in dict.fromkeys(key for column in columns for key in column):
        texts = [written(column[key]) if key in column else NONE for column in columns]
        cells = [{"text": text, "differs": text != texts[0]} for text in texts]
        rows.append({"key": key, "cells": cells, "differs": any(one["differs"] for one in cells)})
    return rows


def in_order(runs: list[Run], browse: str) -> list[Run]:
    """The runs, the browsed one (the experiment's main run) first."""
    return sorted(runs, key=lambda run: PurePath(run["run"]) != PurePath(browse))
