#!/usr/bin/env python3
"""Make the page of an experiment: tables, plots, and a browser of its rollouts, in one HTML file.

    page.py --runs results/demo/run.json results/demo/sweep/G2/run.json \\
        --comparisons results/demo/report/comparisons.json \\
        --discussion results/demo/report/discussion.md --plots results/demo/report/plots \\
        --browse results/demo --output example/index.html

The page opens from disk and loads nothing. `--browse` is the run whose rollouts and responses are
in it; its run.json must be one of `--runs`.
"""

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path

from ei import stage
from ei.files import read_comparisons, read_run, read_text, whole
from ei.page import responses, tables
from ei.page.build import elements, page
from ei.page.source import Source
from ei.schema import RunSummary

log = logging.getLogger("page")


def sources(run: Path, steps: list[int]) -> list[Source]:
    """What the browser shows of a run: its validation responses, and its training rollouts.

    `steps` are those with an evaluation; step 0 has no rollouts.
    """
    graded = responses.validation(run, steps)
    sampled = responses.training(run, [step for step in steps if step > 0])
    return [
        Source("validation", "Validation responses", "response", *graded),
        Source("training", "Training rollouts", "rollout", *sampled),
    ]


def read_runs(paths: list[Path], browse: Path) -> list[RunSummary]:
    """The runs, the browsed one first; an error if it is none of them."""
    runs = tables.browsed_first([read_run(path) for path in paths], str(browse))
    if Path(runs[0]["run"]) != browse:
        names = ", ".join(run["run"] for run in runs)
        raise stage.UserError(f"--browse {browse} is none of the runs {names}")
    return runs


def write(pieces: Iterable[str], path: Path) -> None:
    """Write the pieces one after another; the file is whole or absent."""
    with whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def read_flags() -> argparse.Namespace:
    """The flags; the page says what it lacks where an optional one is left out."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--runs", type=Path, nargs="+", required=True, metavar="FILE", help="run.json of each run")
    add("--comparisons", type=Path, help="what compare.py made of these runs")
    add("--discussion", type=Path, help="what discuss.py made of these runs")
    add("--plots", type=Path, help="a folder of SVG files")
    add("--browse", type=Path, required=True, help="the folder of the run to browse")
    add("--output", type=Path, required=True, help="the HTML file")
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    runs = read_runs(flags.runs, flags.browse)
    comparisons = read_comparisons(flags.comparisons) if flags.comparisons else []
    discussion = read_text(flags.discussion) if flags.discussion else ""
    steps = [evaluation["step"] for evaluation in runs[0]["evaluations"]]
    shown = sources(flags.browse, steps)
    packed = (element for source in shown for element in elements(source))
    pieces = page(runs, comparisons, discussion, flags.plots, shown, packed)
    write(pieces, flags.output)
    log.info("%s, %.1f MB", flags.output, flags.output.stat().st_size / 1e6)


if __name__ == "__main__":
    stage.run(main)
