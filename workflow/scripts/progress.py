#!/usr/bin/env python3
"""Show what is there of an experiment: its page, and the table and plots of unfinished runs.

    progress.py --experiment results/demo

Nothing is sampled or trained for it. The page is `so_far/index.html` in the experiment's folder,
and says so where a run is unfinished. Until the final page, tables and plots are made, links in
their places lead to these.
"""

import argparse
import contextlib
import fcntl
import logging
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from compare import compare
from discuss import discussion
from ei import stage
from ei.files import read_run, whole
from ei.page import so_far
from ei.page.build import elements, page
from ei.plots import OF_RUN
from ei.plots.curves import worth_drawing
from ei.schema import RunSummary
from page import read_runs, sources, write
from table import row

log = logging.getLogger("progress")
FAST = 4  # gzip's level: 0.6 s for a full-size run where 9 takes 1.8 s, for 7 % more bytes


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: of two steps that end together, the later shows both."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel frees it, however this process ends
        yield


def start_plots(
    summaries: Iterable[Path], folder: Path, names: Iterable[str]
) -> subprocess.Popen[bytes]:
    """A process that draws the plots, which takes as long as all else together."""
    script = Path(__file__).with_name("plots.py")
    command = [sys.executable, script, "--runs", *summaries, "--output", folder, "--names", *names]
    # The page has them as SVG; PNGs are for those that stand in the places of final ones.
    return subprocess.Popen(list(map(str, [*command, "--png", *OF_RUN])))


def drawn(plots: subprocess.Popen[bytes]) -> None:
    """Wait until the plots are there."""
    if plots.wait():
        raise stage.UserError("the plots could not be drawn; why stands above")


def steps_table(run: RunSummary) -> pl.DataFrame:
    """What table.py would write: a row for each evaluation."""
    steps = {step["step"]: step for step in run["steps"]}
    rows = [
        row(one, steps.get(one["step"], {}), steps.get(one["step"], {}))
        for one in run["evaluations"]
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def final_since(run: RunSummary) -> float:
    """From when on, as a Unix time, files can be final: the last evaluation's. Else infinity."""
    if not so_far.is_finished(run):
        return math.inf
    return Path(run["run"], f"step{run['evaluations'][-1]['step']}/eval.json").stat().st_mtime


def stand_in(path: Path, target: Path, since: float) -> None:
    """Make `path` a link to the target, unless it is a final file that was made since then."""
    if not path.is_symlink() and path.exists() and path.stat().st_mtime >= since:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.symlink_to(os.path.relpath(target, path.parent))
    made.replace(path)


def show_run(run: RunSummary, folder: Path) -> None:
    """Make the run's table, with links in the places of the final table and plots."""
    with whole(folder / "so_far/steps.csv") as partial:
        steps_table(run).write_csv(partial)
    plots = [f"plots/{plot}.{kind}" for plot in OF_RUN for kind in ("png", "svg")]
    for name in ("steps.csv", *plots):
        stand_in(folder / name, folder / "so_far" / name, final_since(run))


def has_responses(run: RunSummary) -> bool:
    """Whether the responses to be compared are on disk; a baseline's links may not be made yet."""
    folders = [f"step{evaluation['step']}" for evaluation in run["evaluations"]]
    folders += [f"step0/prompts/{name}" for name in run.get("prompts", {})]
    folders += [f"step{evaluation['step']}/samples" for evaluation in run.get("samples", [])]
    return all(Path(run["run"], folder, "responses.parquet").exists() for folder in folders)


def show_experiment(
    runs: list[RunSummary], experiment: Path, plots: subprocess.Popen[bytes]
) -> None:
    """Make the page, the browsed run the first of `runs`, as soon as its plots are drawn."""
    # Comparisons of the main run and the baselines, about which the conclusion is: below a second.
    told = [run for run in runs if run["group"] == runs[0]["group"] or run["kind"] == "sft"]
    told = [run for run in told if has_responses(run)]
    comparisons = compare(told, {run["run"]: Path(run["run"]) for run in told})
    steps = [evaluation["step"] for evaluation in runs[0]["evaluations"]]
    conclusion = discussion(told, comparisons) if len(steps) > 1 and runs[0] in told else ""
    shown = sources(experiment, steps)
    packed = [element for source in shown for element in elements(source, FAST)]
    mark = so_far.mark(runs, datetime.now(UTC))
    output = experiment / "so_far/index.html"
    drawn(plots)
    folder = output.parent / "plots"
    write(page(runs, comparisons, conclusion, folder, shown, packed, mark), output)
    stand_in(experiment / "report/index.html", output, max(map(final_since, runs)))
    log.info("%s: %s", output, "; ".join(mark.states) or "no run is unfinished")


def show(experiment: Path, anew: bool) -> None:
    """Make what is to be shown of an experiment, the main run's folder, and of its runs.

    Of many jobs that wait for each other here, the first shows what all of them have brought. What
    is shown already is made again only `anew`.
    """
    found = so_far.newest(so_far.folders(experiment))
    if experiment not in found:
        log.info("%s: no step is evaluated yet", experiment)
        return
    times = so_far.times_of(found.values())
    shown = {} if anew else so_far.shown(experiment / "so_far")
    if shown == times:
        log.info("%s: shown already", experiment)
        return
    paths = [found.pop(experiment), *found.values()]  # the main run's first
    runs = read_runs(paths, experiment)
    names = worth_drawing(runs)
    plots = start_plots(paths, experiment / "so_far/plots", names)
    show_experiment(runs, experiment, plots)
    show_run(runs[0], experiment)
    for folder, path in found.items():
        run = read_run(path)
        if shown.get(str(path)) != times[str(path)] and not so_far.is_finished(run):
            drawn(start_plots([path], folder / "so_far/plots", OF_RUN))
            show_run(run, folder)
    so_far.note_shown(experiment / "so_far", times)


def read_flags() -> argparse.Namespace:
    """The flags: an experiment has its main run's folder, in which its other runs lie."""
    parser = stage.parser(__doc__)
    parser.add_argument("--experiment", type=Path, required=True, help="the main run's folder")
    parser.add_argument("--anew", action="store_true", help="make again what is shown already, too")
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    with alone(flags.experiment / "so_far"):
        show(flags.experiment, flags.anew)


if __name__ == "__main__":
    stage.run(main)
