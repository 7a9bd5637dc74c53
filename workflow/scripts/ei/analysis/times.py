"""Where the time went: Snakemake's benchmark records of the jobs that made a run's artifacts."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ei.analysis.steps import TOKENS, training
from ei.files import read_columns, read_evaluation, read_text
from ei.runs.lineage import ON_DEMAND, STAGES
from ei.schema import ROUNDS, StageTime
from ei.stage import UserError

# In the order of a step. What is made on demand is no part of a run's time.
RULES = tuple(rule for stage in STAGES.values() if stage.when != ON_DEMAND for rule in stage.rules)
SHARD = re.compile(r"-\d+-of-\d+$")
STEP = re.compile(r"step(\d+)")
# Between two jobs of a run that goes on there are seconds. A longer gap is an interruption, or the
# turn of another run.
PAUSE_S = 60.0


class Record(NamedTuple):
    """The benchmark record of one job; `run` is the folder of the run whose job it was."""

    step: int
    stage: str
    run: Path
    seconds: float  # wall time
    ended: float  # Unix time


def read_record(path: Path) -> Record:
    """The record at RUN/stepN/benchmarks/STAGE[-K-of-N].jsonl or RUN/benchmarks/STAGE.jsonl.

    Those of a probe lie in a folder below. A stage without a step counts as part of step 0. Of a
    job that was killed and resumed the record holds the last attempt only. Snakemake records no
    times of the day; it writes the record when the job ends, so the file's own time is that end, as
    long as copies keep it (`cp -a`).
    """
    folder = next(parent for parent in path.parents if parent.name == "benchmarks").parent
    step = STEP.fullmatch(folder.name)
    run = folder.parent if step else folder
    stage = SHARD.sub("", path.stem)
    seconds = seconds_of_last_attempt(path)
    return Record(int(step[1]) if step else 0, stage, run, seconds, path.stat().st_mtime)


def seconds_of_last_attempt(path: Path) -> float:
    """The wall time that the last line of a benchmark record holds."""
    try:
        seconds = json.loads(read_text(path).splitlines()[-1])["s"]
        if math.isfinite(seconds):
            return float(seconds)
    except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
        pass  # it is none, whichever of these it is
    raise UserError(f"{path} is no benchmark record of Snakemake")


def stage_times(run: Path, benchmarks: Iterable[Path], device: str) -> list[StageTime]:
    """The time of every stage of every step that has a record, in the order of the run.

    `benchmarks` are the records of the jobs that made the run's artifacts; a record in another
    run's folder means that the artifact was shared from that run. `device` is "cuda" or "cpu".
    """
    records = sorted(map(read_record, benchmarks), key=_order)
    return [
        _stage_time(run, step, stage, list(jobs), device)
        for (step, _, stage), jobs in groupby(records, key=_order)
    ]


class Clock(NamedTuple):
    """The times of a run's own jobs, in seconds."""

    jobs: float  # of all jobs, one after another
    wall: float  # from the start of the first to the end of the last
    paused: float  # of these, while none of its jobs ran for longer than PAUSE_S


def clock(run: Path, benchmarks: Iterable[Path]) -> Clock:
    """The times of the jobs whose records are in the run's own folder; zeros where none is."""
    own = [record for record in map(read_record, benchmarks) if record.run == run]
    spans = sorted((record.ended - record.seconds, record.ended) for record in own)
    if not spans:
        return Clock(0.0, 0.0, 0.0)
    paused, busy_until = 0.0, spans[0][1]
    for began, ended in spans:
        gap = began - busy_until
        paused += gap if gap > PAUSE_S else 0.0
        busy_until = max(busy_until, ended)
    jobs = sum(record.seconds for record in own)
    return Clock(jobs, busy_until - spans[0][0], paused)


def _order(record: Record) -> tuple[int, int, str]:
    """The order of a record in its run; a rule that is in no stage comes last in its step."""
    known = record.stage in RULES
    return record.step, RULES.index(record.stage) if known else len(RULES), record.stage


def _stage_time(run: Path, step: int, stage: str, jobs: Sequence[Record], device: str) -> StageTime:
    """The time of one stage: as long as its longest job, and the GPU-seconds of all of them."""
    folder, made_by = run / f"step{step}", jobs[0].run
    seconds = max(job.seconds for job in jobs)
    gpus, processed = gpus_per_job(folder, stage, device), tokens(folder, stage)
    return {
        "step": step,
        "stage": stage,
        "seconds": seconds,
        "gpus": gpus * len(jobs),
        "gpu_seconds": gpus * sum(job.seconds for job in jobs),
        "tokens": processed,
        "tokens_per_s": processed / seconds if processed is not None and seconds > 0 else None,
        "shared_from": None if made_by == run else str(made_by),
    }


def gpus_per_job(folder: Path, stage: str, device: str) -> int:
    """The GPUs that one job of the stage had; training.json says how many trained one policy."""
    if device == "cpu":
        return 0
    if stage == "sft":
        return training(folder / "training.json")["processes"]
    return 1 if stage in ("eval", "probe") or stage.startswith("sample") else 0


def tokens(folder: Path, stage: str) -> int | None:
    """Response tokens that the stage sampled, or tokens that it trained on; None for the others."""
    drawn_in = {"sample": folder, **{f"sample_{name}": folder / name for name in ROUNDS}}
    if stage in drawn_in:
        return int(read_columns(drawn_in[stage] / "scored.parquet", TOKENS)["tokens"].sum())
    if stage == "sft":
        return training(folder / "training.json")["tokens"]
    if stage == "eval":
        return sum(map(evaluated_tokens, (folder / "eval.json", folder / "development.json")))
    return None


def evaluated_tokens(path: Path) -> int:
    """Response tokens of an evaluation, from their mean; 0 of no questions."""
    evaluation = read_evaluation(path)
    mean = evaluation["mean_response_tokens"] if evaluation["n"] else None
    return round(mean * evaluation["responses"]) if mean is not None else 0
