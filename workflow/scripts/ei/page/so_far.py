"""What is there of an experiment that still runs: the newest summary of each run, and its state."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ei.files import whole
from ei.runs.stale import of_json, stored
from ei.schema import RunSummary

SHOWN = "shown.json"  # beside the page


@dataclass(frozen=True)
class SoFar:
    """What marks a page as one of an experiment that still runs, and when it was made."""

    made: datetime
    states: list[str]  # of every unfinished run, as "main: step 2 of 5"

    @property
    def made_at(self) -> str:
        """The time for people, in UTC: 2026-11-25 17:40:03 UTC."""
        return f"{self.made.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shown(folder: Path) -> Mapping[str, int]:
    """What `times_of` said of the summaries that the page in a folder shows; {} without a page."""
    return of_json(str(folder / SHOWN)) if (folder / "index.html").exists() else {}


def note_shown(folder: Path, times: Mapping[str, int]) -> None:
    """Write down that the page in a folder shows these now."""
    with whole(folder / SHOWN) as partial:
        partial.write_text(json.dumps(times, indent=2))


def times_of(summaries: Iterable[Path]) -> dict[str, int]:
    """{summary: when it was written, in ns since 1970}."""
    return {str(path): path.stat().st_mtime_ns for path in summaries}


def folders(experiment: Path) -> list[Path]:
    """Where the runs of an experiment may lie (`ei.runs.experiment`), the main run's first."""
    return [experiment, *sorted([*experiment.glob("sft*"), *experiment.glob("sweep/*")])]


def newest(folders: Iterable[Path]) -> dict[Path, Path]:
    """{run's folder: its newest summary}; runs without one are left out.

    A run's summaries are run.json and the so_far.json of its steps. One counts if it is about the
    evaluations that are there; of those it is the one that knows most of them, or else the latest.
    """
    found = {folder: summaries(folder) for folder in folders}
    return {
        folder: max(paths, key=lambda path: (evaluations(path), path.stat().st_mtime))
        for folder, paths in found.items()
        if paths
    }


def summaries(folder: Path) -> list[Path]:
    """The summaries of a run that are about the evaluations on disk."""
    paths = [folder / "run.json", *folder.glob("step*/so_far.json")]
    return [path for path in paths if path.is_file() and is_current(path, folder)]


def is_current(path: Path, folder: Path) -> bool:
    """Whether a summary tells of the very evaluations that lie in the run's folder.

    A changed setting makes other evaluations, step by step; what older summaries tell of the same
    steps is no longer true. Lineages tell the two apart.
    """
    told = of_json(str(path)).get("evaluations") or []
    return bool(told) and all(
        one.get("lineage") == stored(f"{folder}/step{one.get('step')}/eval.json") for one in told
    )


def evaluations(path: Path) -> int:
    """How many evaluations a summary knows."""
    return len(of_json(str(path))["evaluations"])


def is_finished(run: RunSummary) -> bool:
    """Whether the summary is that of a run whose last step is evaluated, or which ended early."""
    done: int = run["evaluations"][-1]["step"]
    return run["stopped_after"] is not None or done >= run["settings"]["steps"]


def state(run: RunSummary) -> str:
    """`main: step 2 of 5`."""
    return f"{run['name']}: step {run['evaluations'][-1]['step']} of {run['settings']['steps']}"


def mark(runs: Iterable[RunSummary], now: datetime) -> SoFar:
    """The mark of a page that shows these runs."""
    return SoFar(now, [state(run) for run in runs if not is_finished(run)])
