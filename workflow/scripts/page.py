#!/usr/bin/env python3
"""The page of an experiment: tables of its runs, its plots, and a browser of its rollouts, in one file.

page.py --runs results/run.json results/sweep/G4/run.json --comparisons comparisons.json \\
    --discussion discussion.md --plots plots --browse results --output index.html

`--browse` is the run whose rollouts and responses are in the page; its run.json is one of `--runs`.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from ei import stage
from ei.files import read_json, whole
from ei.page import responses, tables
from ei.page.build import page
from ei.page.source import Source
from ei.stage import UserError

log = logging.getLogger("page")


def sources(run: Path, steps: list[int]) -> list[Source]:
    """What the browser shows of a run: its validation responses, and its training rollouts."""
    graded, rolled = (
        responses.validation(run, steps),
        responses.training(run, [step for step in steps if step > 0]),
    )
    return [
        Source("validation", "Validation responses", "response", *graded),
        Source("training", "Training rollouts", "rollout", *rolled),
    ]


def write(pieces: Iterable[str], path: Path) -> None:
    """Write the pieces one after another; the file is whole or absent."""
    with whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="run.json of each run")
    parser.add_argument("--comparisons", type=Path)
    parser.add_argument("--discussion", type=Path)
    parser.add_argument("--plots", type=Path, help="a folder of SVG files")
    parser.add_argument(
        "--browse", type=Path, required=True, help="the folder of the run to browse"
    )
    parser.add_argument("--output", type=Path, required=True)
    flags = parser.parse_args()
    runs = tables.in_order([read_json(path) for path in flags.runs], str(flags.browse))
    if Path(runs[0]["run"]) != flags.browse:
        raise UserError(
            f"--browse {flags.browse} is none of the runs {', '.join(run['run'] for run in runs)}"
        )
    pairs = read_json(flags.comparisons)["comparisons"] if flags.comparisons else []
    discussion = flags.discussion.read_text() if flags.discussion else ""
    steps = [evaluation["step"] for evaluation in runs[0]["evaluations"]]
    write(page(runs, pairs, discussion, flags.plots, sources(flags.browse, steps)), flags.output)
    log.info("%s, %.1f MB", flags.output, flags.output.stat().st_size / 1e6)


if __name__ == "__main__":
    stage.run(main)
