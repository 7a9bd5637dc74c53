#!/usr/bin/env python3
"""The table of a study in docs/recipes.md: a row for each configuration, over its seeds.

    snakemake demo_study --cores all
    python benchmarks/recipes.py results/demo_study

Each cell is the mean over seeds (smallest, largest). `gain` is the last step's accuracy less that
of the main run with the same seed, in percentage points, with the number of seeds in which it is
above 0; pass@k is that of the run's probe `samples`; rollouts are all that were drawn, of all
rounds.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

HEADER = (
    "run",
    "last step, %",
    "gain, points",
    "best step, %",
    "pass@k before, %",
    "pass@k after, %",
    "entropy, nats",
    "rollouts",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path, help="a folder such as results/demo_study")
    paths = [*parser.parse_args().experiment.glob("**/run.json")]
    print("\n".join(table([json.loads(path.read_text()) for path in paths])))


def table(runs: Sequence[dict[str, Any]]) -> list[str]:
    """The lines of the table in Markdown, the main run first, then by accuracy."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in sorted(runs, key=lambda run: run["seed"]):
        groups.setdefault(run["group"], []).append(run)
    order = sorted(groups, key=lambda name: (name != "main", -fmean(map(last, groups[name]))))
    main = {run["seed"]: run for run in groups["main"]}
    lines = [row(name, groups[name], main) for name in order]
    return [line(HEADER), line(["---", *["---:"] * (len(HEADER) - 1)]), *map(line, lines)]


def row(name: str, runs: Sequence[dict[str, Any]], main: dict[int, dict[str, Any]]) -> list[str]:
    """The cells of one configuration."""
    gains = [last(run) - last(main[run["seed"]]) for run in runs if run["seed"] in main]
    above = f"; {sum(gain > 0 for gain in gains)} of {len(gains)}"
    return [
        f"`{name}`",
        percents(map(last, runs)),
        "" if name == "main" else percents(gains, sign="+") + above,
        percents(map(best, runs)),
        percents(pass_at_k(run, 0) for run in runs),
        percents(pass_at_k(run, -1) for run in runs),
        spread([run["evaluations"][-1]["entropy"] for run in runs], "{:.3f}"),
        spread([float(sum(step["rollouts"] for step in run["steps"])) for run in runs], "{:,.0f}"),
    ]


def last(run: dict[str, Any]) -> float:
    """The validation accuracy after the last step."""
    return float(run["evaluations"][-1]["accuracy"])


def best(run: dict[str, Any]) -> float:
    """The validation accuracy of the step that the development set chose, if there is one."""
    step = (run["best"] or run["evaluations"][-1])["step"]
    return next(float(one["accuracy"]) for one in run["evaluations"] if one["step"] == step)


def pass_at_k(run: dict[str, Any], position: int) -> float | None:
    """pass@k of the base policy (0) or the last (-1), k being all responses to a question."""
    if not run.get("samples"):
        return None
    found = run["samples"][position]
    return float(found["pass_at_k"][str(found["samples"])])


def percents(values: Iterable[float | None], sign: str = "") -> str:
    """`74.0 (73.2, 75.1)` of shares."""
    found = [100 * value for value in values if value is not None]
    return spread(found, f"{{:{sign}.1f}}")


def spread(values: Sequence[float], form: str) -> str:
    """The mean (smallest, largest) of the seeds; of one seed the value alone, of none a dash."""
    if not values:
        return "–"
    mean, low, high = (form.format(value) for value in (fmean(values), min(values), max(values)))
    return mean if len(values) == 1 else f"{mean} ({low}, {high})"


def line(cells: Sequence[str]) -> str:
    """A row of the table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
