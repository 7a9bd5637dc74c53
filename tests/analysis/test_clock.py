"""The wall time of a run: from the start of its first job to the end of its last."""

import json
import os
from pathlib import Path

from ei.analysis.times import clock
from ei.page.tables import wall_time
from summaries import run

NOON = 1_000_000.0  # a Unix time


def job(folder: Path, name: str, began: float, ended: float) -> Path:
    """The benchmark record of a job that ran between these times, in seconds after NOON."""
    path = folder / f"step1/benchmarks/{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"s": ended - began}) + "\n")
    os.utime(path, (NOON + ended, NOON + ended))
    return path


def test_jobs_side_by_side_take_wall_time_once(tmp_path: Path) -> None:
    records = [job(tmp_path, "sample-0-of-2", 0, 100), job(tmp_path, "sample-1-of-2", 10, 90)]
    assert clock(tmp_path, records) == (180, 100, 0)


def test_seconds_between_two_jobs_are_part_of_a_run(tmp_path: Path) -> None:
    records = [job(tmp_path, "sample", 0, 100), job(tmp_path, "score", 103, 110)]
    assert clock(tmp_path, records) == (107, 110, 0)


def test_the_hours_of_an_interruption_are_told_apart(tmp_path: Path) -> None:
    records = [
        job(tmp_path, "sft", 7300, 7400),  # in any order
        job(tmp_path, "sample", 0, 100),
        job(tmp_path, "eval", 20, 90),  # it ended before `sample`: there is no gap after it
    ]
    assert clock(tmp_path, records) == (270, 7400, 7200)


def test_a_job_of_another_run_is_not_this_runs_time(tmp_path: Path) -> None:
    own, main = tmp_path / "results/sweep/G4", tmp_path / "results"
    records = [job(main, "sample", 0, 100), job(own, "score", 500, 510)]
    assert clock(own, records) == (10, 10, 0)
    assert clock(own, records[:1]) == (0, 0, 0)


def test_the_page_names_the_pause() -> None:
    short, long = run("main", [0.1]), run("main", [0.1])
    short |= {"wall_seconds": 90.0, "paused_seconds": 0.0}
    long |= {"wall_seconds": 7400.0, "paused_seconds": 7200.0}
    told = [wall_time(one).text for one in (short, long)]  # type: ignore[arg-type]
    assert told == ["90 s", "2.1 h, 2.0 h of it paused"]
