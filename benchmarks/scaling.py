#!/usr/bin/env python3
"""How long a main run and a sweep take on more GPUs: a simulation with measured job times.

    python benchmarks/scaling.py docs/benchmarks/main_run.json

The jobs of a run that benchmarks/main_run.py timed on one GPU are laid out again on 1 to 8 GPUs, as
Snakemake does it: a job starts when its inputs are there and its GPUs are free, sampling and SFT
before evaluations. A job's fixed part (start, reading, writing) stays; drawing is divided by
`shards`, training by `sft.gpus`. That both divide evenly is assumed, and that CPU jobs never wait.
Runs of a sweep share the base policy's evaluation, and equal rollouts of the first step.
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


@dataclass(frozen=True)
class Costs:
    """Seconds of one step's jobs on one GPU: fixed parts, and what more GPUs divide."""

    sample: float
    draw: float  # of 1,024 x 8 rollouts
    between: float  # scoring and filter, on the CPU
    sft: float
    train: float  # two epochs
    evaluate: float
    answer: float  # the validation questions
    base: float  # what the first engine takes more, with nothing compiled


@dataclass(frozen=True)
class Setting:
    """A run: its rollouts and epochs as multiples of the main run's, and how it uses GPUs."""

    drawn: float = 1.0
    epochs: float = 1.0
    shards: int = 1
    sft_gpus: int = 1


@dataclass(order=True)
class Job:
    """A job in the queue; the order in which waiting jobs get GPUs."""

    late: bool  # evaluations wait
    name: tuple[str, int, str, int]
    seconds: float = field(compare=False)
    gpus: int = field(compare=False)
    after: list[Any] = field(compare=False, default_factory=list)


def costs_of(jobs: list[dict[str, Any]]) -> Costs:
    """Medians over the steps of a measured run, the first of which compiles and is left out."""

    def times(rule: str) -> list[dict[str, Any]]:
        return [
            {**job, "all": job["end"] - job["start"], **job["phases"]}
            for job in jobs
            if job["rule"] == rule and job["step"] and job["step"] > 1
        ]

    def drawing(rule: str) -> tuple[float, float]:
        parts = [(j["all"], j["draw_and_start"] - j["engine_start"]) for j in times(rule)]
        drawn = median(part for _, part in parts)
        return median(whole for whole, _ in parts) - drawn, drawn

    sample, draw = drawing("sample")
    evaluate, answer = drawing("eval")
    training = median(job["train"] for job in times("sft")) - FIRST_UPDATE
    base = next(job for job in jobs if job["rule"] == "eval" and job["step"] == 0)
    small = ("gather", "score", "filter")
    return Costs(
        sample=sample,
        draw=draw,
        between=sum(median(job["all"] for job in times(rule)) for rule in small),
        sft=median(job["all"] for job in times("sft")) - training,
        train=training,
        evaluate=evaluate,
        answer=answer,
        base=base["phases"]["engine_start"] - median(j["engine_start"] for j in times("eval")),
    )


def run_of(name: str, costs: Costs, setting: Setting) -> Iterator[Job]:
    """The GPU jobs of a run; CPU jobs are added to those that wait for them."""
    part = range(setting.shards)

    def evaluation(step: int, after: list[Any]) -> Iterator[Job]:
        seconds = costs.evaluate + costs.answer / setting.shards + (0 if step else costs.base)
        for shard in part:
            yield Job(True, (name if step else "main", step, "eval", shard), seconds, 1, after)

    yield from evaluation(0, [])
    for step in range(1, STEPS + 1):
        before = [(name, step - 1, "sft", 0)] if step > 1 else []
        owner = "main" if step == 1 and setting.drawn == 1 else name
        seconds = costs.sample + costs.draw * setting.drawn / setting.shards
        drawn = [(owner, step, "sample", shard) for shard in part]
        for sampling in drawn:
            yield Job(False, sampling, seconds, 1, before)
        trained = costs.train * setting.drawn * setting.epochs / setting.sft_gpus
        whole = costs.between + costs.sft + trained
        yield Job(False, (name, step, "sft", 0), whole, setting.sft_gpus, drawn)
        yield from evaluation(step, [(name, step, "sft", 0)])


def wall(jobs: Iterable[Job], gpus: int) -> float:
    """Seconds until the last job ends."""
    waiting, running, done = sorted({job.name: job for job in jobs}.values()), [], set()
    now, free = 0.0, gpus
    while waiting or running:
        for job in list(waiting):
            if job.gpus <= free and done.issuperset(job.after):
                waiting.remove(job)
                free -= job.gpus
                heapq.heappush(running, (now + job.seconds, job.name, job.gpus))
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
    sweep = {
        "main": Setting(),
        "G4": Setting(drawn=0.5),
        "G16": Setting(drawn=2),
        "epochs1": Setting(epochs=0.5),
        "epochs4": Setting(epochs=2),
        "D512": Setting(drawn=0.5),
        "D2048": Setting(drawn=2),
    }
    choices = [Setting(shards=s, sft_gpus=g) for s in (1, 2, 4, 8) for g in (1, 2, 4, 8)]
    every = []
    for gpus in (1, 2, 4, 8):
        walls = {
            choice: wall(run_of("main", costs, choice), gpus)
            for choice in choices
            if max(choice.shards, choice.sft_gpus) <= gpus
        }
        every += [
            f"{gpus} {choice.shards} {choice.sft_gpus} {minutes(seconds)}"
            for choice, seconds in walls.items()
        ]
        best = min(walls, key=walls.__getitem__)
        runs = [job for name, one in sweep.items() for job in run_of(name, costs, one)]
        print(
            f"| {gpus} | {minutes(walls[Setting()])} |"
            f" `shards: {best.shards}`, `sft.gpus: {best.sft_gpus}` | {minutes(walls[best])} |"
            f" {minutes(wall(runs, gpus))} |"
        )
    print("GPUs, shards, sft.gpus and the main run's minutes:", *every, sep="\n")


if __name__ == "__main__":
    main()
