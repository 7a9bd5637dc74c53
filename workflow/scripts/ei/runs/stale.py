"""Files that were made with other settings, told from the lineage that each of them carries.

Snakemake notices a changed setting by its own records in `.snakemake/`. Where those are lost, or
results were copied from elsewhere without them, the files themselves still say what made them.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ei.plots import OF_RUN
from ei.runs.experiment import Run
from ei.runs.lineage import ON_DEMAND, STAGES, folder, lineage, probed, shards, work
from ei.runs.settings import scientific
from ei.schema import ROUNDS

# Where the shards of a stage lie, in the step's folder.
SHARDS_IN = {"sample": "rollouts", "eval": "answers"}
SHARDS_IN |= {name: f"{name}/rollouts" for name in ROUNDS}


def stale(runs: Iterable[Run]) -> set[str]:
    """The files of these runs that were made with other settings than the runs have now.

    A file counts with the others of its job. One without a lineage, as one made by hand or a
    damaged one, does not count.
    """
    found: set[str] = set()
    for run in runs:
        if not Path(run.folder).is_dir():
            continue
        found.update(path for path in stood_in_for(run) if Path(path).is_symlink())
        for files, wanted in jobs(run):
            if any(stored(path) not in (wanted, None, "") for path in files):
                found.update(files)
        if summarized_otherwise(run):
            found |= {f"{run.folder}/run.json", f"{run.folder}/steps.csv"}
    return found


def stood_in_for(run: Run) -> list[str]:
    """The final files in whose places links to what is there so far stand while the run goes on."""
    plots = [f"plots/{name}.{kind}" for name in OF_RUN for kind in ("png", "svg")]
    return [f"{run.folder}/{name}" for name in ("steps.csv", *plots, "report/index.html")]


def jobs(run: Run) -> Iterator[tuple[list[str], str]]:
    """(files, wanted lineage) of every job of a run that leaves a file with one."""
    known: dict[tuple[str, int], str] = {}
    for stage, step in work(run):
        wanted = lineage(run.settings, stage, step, known)
        place = folder(run, stage, step)
        if STAGES[stage].leaves:
            yield [f"{place}/{name}" for name in STAGES[stage].leaves], wanted
        if stage in SHARDS_IN:
            count = shards(run.settings, stage)
            for k in range(count):
                yield [f"{place}/{SHARDS_IN[stage]}/{k}-of-{count}.parquet"], wanted
    for probe, step, lines in probed(run):
        place = f"{run.folder}/step{step}/{probe}"
        yield [f"{place}/answers/0-of-1.parquet"], lines["probe"]
        for stage in ("probe_grade", "probe_metrics"):
            yield [f"{place}/{name}" for name in STAGES[stage].leaves], lines[stage]
    for step in range(run.settings["steps"] + 1):
        for stage in (name for name in STAGES if STAGES[name].when == ON_DEMAND and step):
            files = [f"{folder(run, stage, step)}/{name}" for name in STAGES[stage].leaves]
            yield files, lineage(run.settings, stage, step, known)
        wanted = lineage(run.settings, "metrics", step, known)
        yield [f"{run.folder}/step{step}/best.json"], wanted
        yield [f"{run.folder}/step{step}/so_far.json"], wanted
    if not run.settings["early_stopping"]["patience"]:  # else the last step is not known yet
        yield [f"{run.folder}/best/best.json"], wanted


def stored(path: str) -> str | None:
    """The lineage in a file; None where there is no file, or none that can be read."""
    if not Path(path).is_file():
        return None
    reader = {".json": of_json, ".parquet": of_parquet}.get(Path(path).suffix)
    return reader(path).get("lineage") if reader else None


def of_json(path: str) -> Mapping[str, Any]:
    """A JSON object; {} where it is none. Whoever reads the file for its content says so."""
    try:
        found = json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def of_parquet(path: str) -> Mapping[str, str]:
    """The metadata of a Parquet file; {} where it is none."""
    import pyarrow as pa  # 0.3 s that a first run does not pay
    import pyarrow.parquet as pq

    try:
        found = pq.read_metadata(path).metadata or {}
        return {key.decode(): value.decode() for key, value in found.items()}
    except (OSError, ValueError, pa.ArrowException):
        return {}


def summarized_otherwise(run: Run) -> bool:
    """Whether a run's summary is there and is about other settings, as another number of steps."""
    found = of_json(f"{run.folder}/run.json")
    wanted = json.loads(json.dumps(scientific(run.settings)))
    return "settings" in found and found["settings"] != wanted


def mark_newer(marker: Path, than: Iterable[str]) -> None:
    """Make the marker newer than these files, if it is not.

    It is written only then, and with another text each time: Snakemake takes a small file with the
    text that it recorded for unchanged. With nothing to be newer than, it only has to be there.
    """
    there = [Path(path) for path in than if Path(path).exists()]
    newest = max((path.stat().st_mtime for path in there), default=0.0)
    if not marker.exists() or marker.stat().st_mtime <= newest:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(f"Input of jobs whose output has another lineage; {time.time()}\n")
