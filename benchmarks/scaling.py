#!/usr/bin/env python3
"""How long a main run and a sweep take on more GPUs: a simulation with measured job times.

    python benchmarks/scaling.py docs/benchmarks/main_run.json

The jobs of the first run in a file of benchmarks/main_run.py, each of which had one GPU, are laid
out again on 1 to 8 GPUs as Snakemake does it: a job starts when its inputs are there and its GPUs
are free, one of higher priority first. As in workflow/rules, scoring and SFT come before sampling,
and evaluations before all three with one shard, after them with more.

A job's fixed part (start, reading, writing) stays; drawing rollouts is divided by `shards`, and
training by `sft.gpus`, where several processes start later. It is assumed that both divide evenly,
that CPU jobs never wait, and that every step is like the median one. The engines that start first
find nothing compiled, side by side as well. Runs of a sweep share the base policy's evaluation, and
equal rollouts of the first step. The time ends with the last evaluation, before its grading.
"""

import argparse
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

STEPS = 5
FIRST_UPDATE = 3.0  # seconds of `train` that compiling takes, whatever the number of GPUs
# Seconds more until the first update where SFT has several processes: 33.6, measured once, on two
# H200s in a first step (which compiles as well), against 10.1 of a warm one. They were cold then;
# forks of the warm job, as they are now, were not measured.
COLD_PROCESSES = 23.5
SCORING, TRAINING, SAMPLING = 20, 20, 10  # priorities, as in workflow/rules


@dataclass(frozen=True)
class Costs:
    """Seconds of one step's jobs on one GPU: fixed parts, and what more GPUs divide."""

    sample: float
    draw: float  # of 1,024 x 8 rollouts
    between: float  # gathering, scoring and filter, on the CPU
    sft: float
    train: float  # two epochs
    evaluate: float
    cold: float  # what the first engine takes more, with nothing compiled or in the page cache


@dataclass(frozen=True)
class Setting:
    """A run: its rollouts and epochs as multiples of the main run's, and how it uses GPUs."""

    drawn: float = 1.0
    epochs: float = 1.0
    shards: int = 1
    sft_gpus: int = 1

    @property
    def evaluating(self) -> int:
        """The priority of its evaluations."""
        return 30 if self.shards == 1 else 5


@dataclass(order=True)
class Job:
    """A job in the queue; the order in which waiting jobs get GPUs."""

    rank: int  # the negative priority
    name: tuple[str, int, str, int]
    seconds: float = field(compare=False)
    gpus: int = field(compare=False)
    after: list[Any] = field(compare=False, default_factory=list)


SWEEP = {
    "main": Setting(),
    "G4": Setting(drawn=0.5),
    "G16": Setting(drawn=2),
    "epochs1": Setting(epochs=0.5),
    "epochs4": Setting(epochs=2),
    "D512": Setting(drawn=0.5),
    "D2048": Setting(drawn=2),
}


def costs_of(jobs: list[dict[str, Any]]) -> Costs:
    """Medians over the steps of a measured run, the first of which compiles and is left out."""

    def times(rule: str) -> list[dict[str, Any]]:
        return [
            {**job, "all": job["end"] - job["start"], **job["phases"]}
            for job in jobs
            if job["rule"] == rule and job["step"] and job["step"] > 1
        ]

    def whole(rule: str) -> float:
        return median(job["all"] for job in times(rule))

    draw = median(job["draw"] for job in times("sample"))
    train = median(job["train"] for job in times("sft")) - FIRST_UPDATE
    base = next(job for job in jobs if job["rule"] == "eval" and job["step"] == 0)
    return Costs(
        sample=whole("sample") - draw,
        draw=draw,
        between=sum(map(whole, ("gather", "score", "filter"))),
        sft=whole("sft") - train,
        train=train,
        evaluate=whole("eval"),
        cold=base["end"] - base["start"] - whole("eval"),
    )


def run_of(name: str, costs: Costs, setting: Setting) -> Iterator[Job]:
    """The jobs of a run that its GPUs wait for."""
    yield Job(-setting.evaluating, ("main", 0, "eval", 0), costs.evaluate, 1)
    for step in range(1, STEPS + 1):
        before = [(name, step - 1, "sft", 0)] if step > 1 else []
        owner = "main" if step == 1 and setting.drawn == 1 else name
        seconds = costs.sample + costs.draw * setting.drawn / setting.shards
        drawn = [(owner, step, "sample", shard) for shard in range(setting.shards)]
        for sampling in drawn:
            yield Job(-SAMPLING, sampling, seconds, 1, before)
        scored, trained = (name, step, "score", 0), (name, step, "sft", 0)
        yield Job(-SCORING, scored, costs.between, 0, drawn)
        seconds = costs.sft + costs.train * setting.drawn * setting.epochs / setting.sft_gpus
        seconds += COLD_PROCESSES if setting.sft_gpus > 1 else 0
        yield Job(-TRAINING, trained, seconds, setting.sft_gpus, [scored])
        yield Job(-setting.evaluating, (name, step, "eval", 0), costs.evaluate, 1, [trained])


def wall(jobs: Iterable[Job], gpus: int, cold: float) -> float:
    """Seconds until the last job ends; the first to start take `cold` seconds more."""
    waiting, running, done = sorted({job.name: job for job in jobs}.values()), [], set()
    now, free = 0.0, gpus
    while waiting or running:
        for job in list(waiting):
            if job.gpus <= free and done.issuperset(job.after):
                waiting.remove(job)
                free -= job.gpus
                seconds = job.seconds + (0 if now else cold)
                heapq.heappush(running, (now + seconds, job.name, job.gpus))
        now, name, released = heapq.heappop(running)
        done.add(name)
        free += released
    return now


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="the JSON of benchmarks/main_run.py")
    costs = costs_of(json.loads(parser.parse_args().run.read_text())["runs"][0]["jobs"])
    print({name: round(value, 1) for name, value in vars(costs).items()})
    print("| GPUs | main run, as shipped | best setting | minutes | sweep of seven runs |")
    print("|---|---|---|---|---|")
    choices = [Setting(shards=s, sft_gpus=g) for s in (1, 2, 4, 8) for g in (1, 2, 4, 8)]
    every = []
    for gpus in (1, 2, 4, 8):
        walls = {
            choice: wall(run_of("main", costs, choice), gpus, costs.cold)
            for choice in choices
            if max(choice.shards, choice.sft_gpus) <= gpus
        }
        every += [
            f"{gpus} {choice.shards} {choice.sft_gpus} {minutes(seconds)}"
            for choice, seconds in walls.items()
        ]
        best = min(walls, key=walls.__getitem__)
        runs = [job for name, one in SWEEP.items() for job in run_of(name, costs, one)]
        print(
            f"| {gpus} | {minutes(walls[Setting()])} |"
            f" `shards: {best.shards}`, `sft.gpus: {best.sft_gpus}` | {minutes(walls[best])} |"
            f" {minutes(wall(runs, gpus, costs.cold))} |"
        )
    print("GPUs, shards, sft.gpus and the main run's minutes:", *every, sep="\n")


if __name__ == "__main__":
    main()
