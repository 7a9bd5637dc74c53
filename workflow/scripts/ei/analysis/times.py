"""Where the time went: Snakemake's benchmark records of the jobs that made a run's artifacts."""

import json
import os
import re
from pathlib import Path
from typing import Any

import polars as pl

from ei.files import read_columns, read_json

# The artifact of a job, which says by being a link that another run's job has made it. In the order of a step.
ARTIFACT = {
    "data": "data/train.parquet",
    "traces": "rollouts.parquet",
    "sample": "rollouts.parquet",
    "gather": "rollouts.parquet",
    "score": "scored.parquet",
    "filter": "filtered.parquet",
    "sft": "training.parquet",
    "eval": "answers.parquet",
    "gather_answers": "answers.parquet",
    "gather_development": "development_answers.parquet",
    "grade": "responses.parquet",
    "grade_development": "development_responses.parquet",
    "metrics": "eval.json",
    "metrics_development": "development.json",
}
TOKENS = pl.col("response_ids").list.len().alias("tokens")
RECORD = re.compile(r"(.+?)(?:-\d+-of-(\d+))?")


def stages(run: Path, steps: int, device: str) -> list[dict[str, Any]]:
    """Every stage of every step with its seconds; a stage without a record is left out.

    A stage of several shards took as long as its longest, and the GPU-seconds of all. Of a job that was killed and
    went on, the record has the last part.
    """
    found = of_folder(run, ".", 0, ("data",), device)
    for step in range(steps + 1):
        names = {**dict.fromkeys(ARTIFACT), **dict.fromkeys(records(run / f"step{step}"))}
        found += of_folder(
            run, f"step{step}", step, tuple(name for name in names if name != "data"), device
        )
    return found


def of_folder(
    run: Path, folder: str, step: int, names: tuple[str, ...], device: str
) -> list[dict[str, Any]]:
    """The named stages of one folder of the run, read where their artifacts were made."""
    found = []
    for name in names:
        maker = maker_of(run, folder, ARTIFACT.get(name))
        shards = records(maker / folder).get(name)
        if not shards:
            continue
        seconds, drawn = max(shards.values()), tokens(maker / folder, name, list(shards))
        gpus = gpus_of(maker / folder, name, device)
        found.append(
            {
                "step": step,
                "stage": name,
                "seconds": seconds,
                "gpus": gpus * len(shards),
                "gpu_seconds": gpus * sum(shards.values()),
                "tokens": drawn,
                "tokens_per_s": drawn / seconds if drawn is not None and seconds > 0 else None,
                "shared_from": None if maker == run else str(maker),
            }
        )
    return found


def maker_of(run: Path, folder: str, artifact: str | None) -> Path:
    """The run whose job made the artifact: this one, unless the artifact is a link into another run's folder."""
    if artifact is None or not (run / folder / artifact).is_symlink():
        return run
    made = (run / folder / artifact).resolve()
    for _ in Path(folder, artifact).parts:
        made = made.parent
    return Path(os.path.normpath(run / os.path.relpath(made, run.resolve())))


def records(folder: Path) -> dict[str, dict[str, float]]:
    """{stage: {shard or "": seconds}}; where numbers of shards differ, those that ran last."""
    sets: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(folder.glob("benchmarks/*.jsonl")):
        match = RECORD.fullmatch(path.stem)
        assert match is not None  # any name matches
        sets.setdefault(match[1], {}).setdefault(match[2] or "", []).append(path)
    found = {}
    for name, by_count in sets.items():
        newest = max(
            by_count.values(), key=lambda paths: max(path.stat().st_mtime for path in paths)
        )
        found[name] = {
            path.stem.removeprefix(name).removeprefix("-"): last_seconds(path) for path in newest
        }
    return found


def last_seconds(record: Path) -> float:
    """Wall time of the last run that the record tells of."""
    return float(json.loads(record.read_text().splitlines()[-1])["s"])


def gpus_of(folder: Path, stage: str, device: str) -> int:
    """The GPUs that one job of the stage had; how many trained one policy stands in training.json."""
    if device == "cpu":
        return 0
    if stage == "sft":
        return int(read_json(folder / "training.json")["processes"])
    return 1 if stage in ("sample", "eval") else 0


def tokens(folder: Path, stage: str, shards: list[str]) -> int | None:
    """Response tokens that the stage drew, or tokens that it trained on; None for the others."""
    if stage == "sample":
        tables = [folder / f"rollouts/{shard}.parquet" for shard in shards]
        drawn = [
            int(read_columns(table, TOKENS)["tokens"].sum()) for table in tables if table.exists()
        ]
        return sum(drawn) if len(drawn) == len(tables) else None
    if stage == "sft":
        return int(read_json(folder / "training.json")["tokens"])
    if stage == "eval":
        both = [
            read_json(path)
            for path in (folder / "eval.json", folder / "development.json")
            if path.exists()
        ]
        return sum(
            round((part["mean_response_tokens"] or 0.0) * part["responses"]) for part in both
        )
    return None
