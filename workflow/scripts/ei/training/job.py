"""The whole sft stage in one process: read, measure the sampling policy, train, write."""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ei.files import forget_scratch, remove, stamp, write_json, write_table
from ei.stage import UserError
from ei.training import data, entropy, folder, model, report, schedule
from ei.training.model import Policy
from ei.training.packing import Sequence
from ei.training.schedule import Recipe
from ei.training.train import Record, train
from ei.training.world import World


@dataclass(frozen=True)
class Job:
    """The flags of sft.py."""

    policy: Path
    init: Path
    base: Path
    filtered: Path
    rollouts: Path
    output: Path
    training: Path
    lineage: str
    step: int
    recipe: Recipe
    append_eos: bool
    entropy_rollouts: int
    settings: dict[str, Any] = field(
        default_factory=dict
    )  # all of them, for the metadata of the outputs


@dataclass
class Clock:
    """Seconds spent in each phase; `started` is the `time.perf_counter()` of the process's first line."""

    started: float
    phases: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - start

    def total(self) -> float:
        return time.perf_counter() - self.started


def run_job(job: Job, world: World, started: float) -> None:
    """Write the trained policy, training.parquet and training.json, or the policy before it if nothing was kept."""
    with memory_named(job.recipe.row_tokens):
        _run(job, world, Clock(started, {"import": time.perf_counter() - started}))


def _run(job: Job, world: World, clock: Clock) -> None:
    with clock.phase("read"):
        sequences = _sequences(job)
    with clock.phase("load"):
        policy = model.load(job.policy, world.device)
        data.check(sequences, job.recipe.row_tokens, len(policy.output))
    with clock.phase("sampling_entropy"):
        summary = {"step": job.step, **sampling_entropy(job, policy)}
    if not sequences:
        if world.first:
            _hand_on(job, summary, clock, world)
        return
    if job.init.resolve() != job.policy.resolve():
        with clock.phase("load"):
            del policy
            policy = model.load(job.init, world.device)
    if world.device.type == "cuda":
        model.compile_layers(policy)
    scratch = (
        open_scratch(job.output, job.lineage)
        if world.first
        else scratch_of(job.output, job.lineage)
    )
    records = _train(job, policy, sequences, world, clock, scratch)
    if world.first:
        with clock.phase("save"):
            names = folder.tensor_names(job.init)
            folder.write_policy(policy, names, job.base, scratch / "policy")
            summary |= {"sequences": len(sequences), "warning": None}
        _publish(job, records, summary, clock, world, scratch)


def _sequences(job: Job) -> list[Sequence]:
    sequences = data.read_sequences(job.filtered)
    return data.with_end(sequences, data.end_of_text(job.base)) if job.append_eos else sequences


def sampling_entropy(job: Job, policy: Policy) -> dict[str, Any]:
    """The mean entropy of the policy that sampled, over the response tokens of some of its rollouts, right or wrong."""
    sample = [
        s for s in data.read_sample(job.rollouts, job.recipe.seed, job.entropy_rollouts) if s.prompt
    ]
    tokens = sum(len(sequence.response) for sequence in sample)
    total = sum(entropy.entropy_sums(policy, sample, job.recipe.row_tokens))
    return {
        "sampling_entropy": total / tokens if tokens else None,
        "sampling_entropy_tokens": tokens,
        "sampling_entropy_rollouts": len(sample),
    }


def _train(
    job: Job, policy: Policy, sequences: list[Sequence], world: World, clock: Clock, scratch: Path
) -> list[Record]:
    updates = schedule.updates_per_epoch(len(sequences), job.recipe) * job.recipe.epochs
    events = job.training.with_name("tensorboard") if world.first else None
    with report.reporting(updates, events) as show, clock.phase("train"):

        def note(record: Record) -> None:
            clock.phases.setdefault("to_first_update", clock.total())
            show(record)

        return train(policy, sequences, job.recipe, world, scratch / "checkpoint.pt", note)


@contextlib.contextmanager
def memory_named(row_tokens: int) -> Iterator[None]:
    """Turn running out of memory into an error that names the setting to lower."""
    try:
        yield
    except RuntimeError as error:  # on a CPU the allocator has no exception of its own
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise UserError(
            f"out of memory: lower sft.row_tokens, now {row_tokens}; memory grows with it. {str(error).splitlines()[0]}"
        ) from None


def scratch_of(output: Path, lineage: str) -> Path:
    """The folder beside `output` that holds what a killed training leaves behind; it survives a deleted output."""
    return output.with_name(f".{output.name}.{lineage}")


def open_scratch(output: Path, lineage: str) -> Path:
    """The scratch folder with nothing in it but a checkpoint; those of other settings are removed."""
    scratch = scratch_of(output, lineage)
    scratch.mkdir(parents=True, exist_ok=True)
    forget_scratch(output, keep=scratch)
    for left in scratch.iterdir():
        if left.name != "checkpoint.pt":
            remove(left)
    return scratch


def _hand_on(job: Job, summary: dict[str, Any], clock: Clock, world: World) -> None:
    warning = f"{job.filtered} is empty: nothing to train on, so the policy of the step before is handed on unchanged"
    logging.warning("warning: %s", warning)
    scratch = open_scratch(job.output, job.lineage)
    remove(job.training.with_name("tensorboard"))
    with clock.phase("save"):
        folder.hand_on(job.policy, scratch / "policy")
    _publish(job, [], {**summary, "sequences": 0, "warning": warning}, clock, world, scratch)


def _publish(
    job: Job,
    records: list[Record],
    summary: dict[str, Any],
    clock: Clock,
    world: World,
    scratch: Path,
) -> None:
    """Write the tables, then give the policy its name: a policy folder means that all of the step is there."""
    metadata = stamp(job.lineage, job.settings)
    row_tokens = sum(record.row_tokens for record in records)
    tokens = sum(record.tokens for record in records)
    summary |= {
        "updates": len(records),
        "tokens": tokens,
        "response_tokens": sum(record.response_tokens for record in records),
        "packing_share": tokens / row_tokens if row_tokens else None,
        "peak_memory_bytes": report.peak_memory(world.device),
        "device": torch.cuda.get_device_name(world.device)
        if world.device.type == "cuda"
        else "cpu",
        "processes": world.size,
        "seconds": {**clock.phases, "total": clock.total()},
    }
    write_table(report.table(records), job.training, metadata)
    write_json(summary, job.training.with_suffix(".json"), metadata)
    remove(job.output)
    os.replace(scratch / "policy", job.output)
    remove(scratch)
