#!/usr/bin/env python3
"""Run snakemake as a user would, and write down where every second went.

    python benchmarks/main_run.py --output main_run.json --name "default, one H200" --gpus 1 -- \\
        snakemake --cores all --resources gpu=1
    python benchmarks/main_run.py --output main_run.json --gantt main_run.svg

The first form runs the command in the current folder, asks nvidia-smi and the system once a second
what is busy, and adds a run to the output: `card`, `gpus`, `wall_s`, its `jobs` (rule, run, step,
start and end in seconds since the command began, phases) and the samples. The second draws the runs
as a Gantt chart. A job's end is the time at which Snakemake wrote its benchmark record, its start
that time less the record's seconds; jobs of earlier commands in the same folder are left out.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SAMPLE_S = 1.0
SAVE_S = 30.0
RECORD = re.compile(r"(?P<rule>[a-z_]+?)(-(?P<shard>\d+)-of-\d+)?\.jsonl")

# What a job's log says of it: seconds, and tokens drawn.
IN_LOG = {
    "engine_start": r"the engine was ready after ([\d.]+) s",
    "draw_and_start": r"\d+ rollouts, \d+ tokens in ([\d.]+) s",
    "draw": r"the engine drew for ([\d.]+) s",
    "tokens": r"\d+ rollouts, (\d+) tokens in",
    "entropy": r"entropy of \d+ responses in ([\d.]+) s",
}


def main() -> None:
    flags = read_flags()
    runs = json.loads(flags.output.read_text())["runs"] if flags.output.exists() else []
    if flags.command:
        for run in measure(flags.name, flags.gpus, flags.command):
            flags.output.write_text(json.dumps({"runs": [*runs, run]}, indent=1) + "\n")
        runs.append(run)
        print(summary(run))
    if flags.gantt:
        draw(runs, flags.gantt)


def read_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="the JSON file of all runs")
    parser.add_argument("--name", default="", help="what this run is")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that the command may use")
    parser.add_argument("--gantt", type=Path, help="the chart to draw, SVG or PNG")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command")
    flags = parser.parse_args()
    flags.command = [word for word in flags.command if word != "--"]
    return flags


def measure(name: str, gpus: int, command: list[str]) -> Iterator[dict[str, Any]]:
    """One run of the command so far, every `SAVE_S` seconds and at its end.

    Its jobs, and a sample of the machine for every second; `status` is None until the end.
    """
    begun = time.time()
    samples: list[dict[str, Any]] = []
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(samples, begun, over))
    watcher.start()
    process, status = subprocess.Popen(command), None
    try:
        while status is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(SAVE_S)
            yield {
                "name": name,
                "command": " ".join(command),
                "status": status,
                "card": card(),
                "gpus": gpus,
                "wall_s": round(time.time() - begun, 1),
                "jobs": sorted(jobs(Path("results"), begun), key=lambda job: job["start"]),
                "samples": list(samples),
            }
    finally:  # else the thread would keep an interrupted measurement alive
        over.set()
        watcher.join()


def watch(samples: list[dict[str, Any]], begun: float, over: threading.Event) -> None:
    """Sample the machine until `over`.

    GPU use in % and memory in MiB of each card; CPU in %; memory and disk in GB.
    """
    import psutil

    psutil.cpu_percent()
    while not over.wait(SAMPLE_S):
        samples.append(
            {
                "t": round(time.time() - begun, 1),
                "gpu": gpu_use(),
                "cpu": psutil.cpu_percent(),
                "memory_gb": round(psutil.virtual_memory().used / 1e9, 1),
                "disk_gb": round(psutil.disk_usage(".").used / 1e9, 1),
            }
        )


def gpu_use() -> list[list[int]]:
    """[utilization in %, memory in MiB] of each card; empty without nvidia-smi."""
    return [[int(v) for v in row.split(", ")] for row in cards("utilization.gpu,memory.used")]


def card() -> str:
    """The name of the first GPU, or of none."""
    return next(iter(cards("name")), "no GPU")


def cards(fields: str) -> list[str]:
    """What nvidia-smi says of these fields, a row for each visible GPU; nothing without it."""
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    if allowed := os.environ.get("CUDA_VISIBLE_DEVICES"):
        command.append(f"--id={allowed}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return done.stdout.splitlines()


def jobs(results: Path, begun: float) -> Iterator[dict[str, Any]]:
    """Every job that ended since `begun`, from the benchmark records below `results`."""
    for path in sorted(results.rglob("benchmarks/*.jsonl")):
        found, end = RECORD.fullmatch(path.name), path.stat().st_mtime
        if found is None or end < begun:
            continue
        folder = path.parent.parent
        step = int(folder.name[4:]) if re.fullmatch(r"step\d+", folder.name) else None
        seconds = json.loads(path.read_text().splitlines()[-1])["s"]
        yield {
            "rule": found["rule"],
            "run": str(folder.parent if step is not None else folder),
            "step": step,
            "shard": found["shard"],
            "start": round(end - seconds - begun, 2),
            "end": round(end - begun, 2),
            "phases": phases(folder, path.stem),
        }


def phases(folder: Path, job: str) -> dict[str, float]:
    """Seconds of the job's phases: SFT writes them down, an engine's start is in the log."""
    if job == "sft" and (folder / "training.json").exists():
        return dict(json.loads((folder / "training.json").read_text())["seconds"])
    log = folder / "logs" / f"{job}.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    found = {name: re.search(pattern, text) for name, pattern in IN_LOG.items()}
    return {name: float(match[1]) for name, match in found.items() if match}


def summary(run: dict[str, Any]) -> str:
    """The run in a few lines: wall-clock time, GPU use, and the seconds of each rule."""
    lines = [f"{run['name']}: {run['wall_s']:.0f} s on {run['gpus']} x {run['card']}"]
    busy = [[use for use, _ in sample["gpu"]] for sample in run["samples"] if sample["gpu"]]
    if busy:
        each = [sum(uses) / len(uses) for uses in zip(*busy, strict=True)]
        lines.append(f"GPU use: {', '.join(f'{use:.0f} %' for use in each)}")
    seconds: dict[str, list[float]] = {}
    for job in run["jobs"]:
        seconds.setdefault(job["rule"], []).append(job["end"] - job["start"])
    lines += [f"{rule:16} {len(s):3} jobs {sum(s):8.1f} s" for rule, s in seconds.items()]
    return "\n".join(lines)


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """The jobs of each run as bars over time, a line for each rule."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(runs), 1, figsize=(11, 3.2 * len(runs)), squeeze=False, layout="constrained"
    )
    for axis, run in zip(axes[:, 0], runs, strict=True):
        rules = list(dict.fromkeys(job["rule"] for job in run["jobs"]))
        for job in run["jobs"]:
            level = len(rules) - 1 - rules.index(job["rule"])
            color = f"C{(job['step'] or 0) % 10}"
            axis.barh(level, job["end"] - job["start"], left=job["start"], height=0.7, color=color)
        axis.set_yticks(range(len(rules)), rules[::-1])
        axis.set_xlabel("seconds since the command")
        axis.set_title(f"{run['name']}: {run['wall_s']:.0f} s on {run['gpus']} x {run['card']}")
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
