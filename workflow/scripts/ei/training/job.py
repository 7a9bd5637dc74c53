"""The whole sft stage in one process: read, measure the sampling policy, train, write."""

import contextlib
import functools
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import torch

from ei import schema
from ei.files import (
    forget_scratch,
    put,
    read_columns,
    remove,
    stamp,
    write_json,
    write_table,
    writing,
)
from ei.model import architecture, folder, names
from ei.model.entropy import entropy_sums
from ei.model.load import compile_layers, load_checked, recompute_layers
from ei.model.packing import Sequence
from ei.model.room import enough_or, lowered, weights_alone
from ei.model.tensors import not_finite
from ei.model.weights import Policy
from ei.stage import UserError
from ei.training import lora, memory, schedule, sequences
from ei.training.loop import Record, train
from ei.training.processes import World
from ei.training.recipe import Options, Recipe
from ei.training.report import peak_memory, reporting

log = logging.getLogger("sft")
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Job:
    """What sft.py was asked to do: the folders and files of one step, and how to train."""

    policy: Path  # policy n-1, which sampled the rollouts
    init: Path  # where training starts: policy n-1, or the base policy
    base: Path  # whose tokenizer and configuration the new policy gets
    filtered: Path
    rollouts: Path
    output: Path
    training: Path
    lineage: str
    step: int
    replayed: list[Path]  # filtered.parquet of every earlier step that is trained on again
    recipe: Recipe
    options: Options
    settings: dict[str, Any] = field(default_factory=dict)  # for the metadata of the outputs

    @property
    def scratch(self) -> Path:
        """The folder beside `output` that an interrupted training leaves; it outlives `output`."""
        return self.output.with_name(f".{self.output.name}.{self.lineage}")

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard events, beside training.parquet."""
        return self.training.with_name("tensorboard")


@dataclass
class Clock:
    """Seconds spent in each phase; `started` is `time.perf_counter()` at the first line."""

    started: float
    phases: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - start

    def total(self) -> float:
        return time.perf_counter() - self.started


def run_job(job: Job, started: float, world: World) -> None:
    """Write policy n with its reports: trained on what was kept, or policy n-1 if nothing was.

    Every process of `world` runs this; only the first one writes.
    """
    clock = Clock(started, {"import": time.perf_counter() - started})
    with clock.phase("read"):
        kept = read_kept(job)
    frozen = job.recipe.lora is not None
    with clock.phase("load"), enough_or(weights_alone):
        policy, fingerprint = load_checked(job.policy, world.device, frozen)
        refuse_other_policies(job, fingerprint)
        sequences.check(kept, job.recipe.row_tokens, len(policy.output))
    with clock.phase("sampling_entropy"), enough_or(lambda: fewer_tokens(job)):
        entropy = sampling_entropy(job, policy)
    if kept and job.init.resolve() != job.policy.resolve():
        with clock.phase("load"), enough_or(weights_alone):
            del policy  # before the next one is loaded: 4 bytes a parameter, 6 on a GPU
            policy, _ = load_checked(job.init, world.device, frozen)
    if world.first:
        check_base(job)
        open_scratch(job)
    records = train_on(kept, job, policy, world, clock) if kept else []
    if not world.first:
        return
    with clock.phase("save"), writing(job.output, at=job.scratch):
        warning = write_policy(kept, job, policy)
    replayed = sum(sequence.age > 0 for sequence in kept)
    found = {"step": job.step, **entropy, "sequences": len(kept), "replayed": replayed}
    found["warning"] = warning
    publish(job, records, found | summary(records, world, clock))


def fewer_tokens(job: Job) -> str:
    """The advice where only rows of tokens could be smaller."""
    return lowered("sft.row_tokens", job.recipe.row_tokens)


def refuse_other_policies(job: Job, fingerprint: str) -> None:
    """Raise UserError unless all rollouts are of the policy whose weights were loaded."""
    for table in (job.filtered, job.rollouts):
        named = set(read_columns(table, "policy")["policy"].unique())
        folder.refuse_other_policy(named, fingerprint, table, job.policy)


def check_base(job: Job) -> None:
    """Raise UserError if the new policy would get a config or a tokenizer that cannot be used."""
    if job.base.resolve() not in (job.policy.resolve(), job.init.resolve()):
        architecture.check(job.base)
    folder.load_tokenizer(job.base)


def read_kept(job: Job) -> list[Sequence]:
    """The filtered rollouts as sequences, each with an end-of-text token if `append_eos`.

    Where earlier steps are replayed, theirs as well (`sequences.union`).
    """
    kept = sequences.read_sequences(job.filtered)
    if job.replayed:
        newest_first = enumerate(reversed(job.replayed), start=1)
        earlier = (sequences.read_sequences(path, age) for age, path in newest_first)
        kept = sequences.union([kept, *earlier], job.options.replay_max)
    if not job.options.append_eos:
        return kept
    ends = folder.end_ids(job.base)
    if not ends:
        raise UserError(
            f"sft.append_eos is true, but {job.base / 'config.json'} names no eos_token_id"
        )
    return sequences.with_end(kept, ends[0])


def sampling_entropy(job: Job, policy: Policy) -> dict[str, Any]:
    """The mean entropy of the policy that sampled, over the response tokens of some rollouts.

    They are right and wrong ones. Rollouts without a prompt have no position that predicts their
    first token, and are left out.
    """
    sample = sequences.read_sample(job.rollouts, job.recipe.seed, job.options.entropy_rollouts)
    sample = [sequence for sequence in sample if sequence.prompt]
    tokens = sum(len(sequence.response) for sequence in sample)
    total = sum(entropy_sums(policy, sample, job.recipe.row_tokens))
    return {
        "sampling_entropy": total / tokens if tokens else None,
        "sampling_entropy_tokens": tokens,
        "sampling_entropy_rollouts": len(sample),
    }


def train_on(
    kept: list[Sequence], job: Job, policy: Policy, world: World, clock: Clock
) -> list[Record]:
    """The records of training `policy`, which resumes from a checkpoint in the scratch folder.

    With LoRA, what was trained is part of the policy's own weights in the end.
    """
    adapted = lora.add(policy, job.recipe.lora, job.recipe.seed) if job.recipe.lora else None
    row_tokens, longest = job.recipe.row_tokens, max(map(len, kept))
    plan = memory.choose(job.options.memory, policy, row_tokens)
    if world.device.type == "cuda":
        compile_layers(policy)
    if plan.recompute:
        recompute_layers(policy)
    updates = schedule.updates_per_epoch(len(kept), job.recipe) * job.recipe.epochs
    with contextlib.ExitStack() as stack:
        advice = functools.partial(memory.advice, job.options.memory, plan, row_tokens, longest)
        stack.enter_context(enough_or(advice))
        show = None
        if world.first:
            show = stack.enter_context(reporting(updates, job.tensorboard))
        stack.enter_context(clock.phase("train"))

        def note(record: Record) -> None:
            clock.phases.setdefault("to_first_update", clock.total())
            if show:
                show(record)

        records = train(policy, kept, job.recipe, world, job.scratch / CHECKPOINT, note, plan)
        if adapted:
            lora.merge(policy, adapted)
        return records


def write_policy(kept: list[Sequence], job: Job, policy: Policy) -> str | None:
    """Write policy n to the scratch folder; returns a warning if it is policy n-1 unchanged.

    It has the tensors of the folder that training started from, by their names there.
    """
    if kept:
        tensors = names.to_write(policy, folder.tensor_names(job.init))
        folder.write(tensors, job.base, job.scratch / "policy")
        refuse_not_finite(job.scratch / "policy", job.recipe)
        return None
    warning = f"{job.filtered} is empty: nothing to train on, so the policy stays as it was"
    log.warning("warning: %s", warning)
    folder.link_copy(job.policy, job.scratch / "policy")
    remove(job.tensorboard)
    job.tensorboard.mkdir(parents=True)
    return warning


def refuse_not_finite(written: Path, recipe: Recipe) -> None:
    """Raise UserError if the policy that was trained has a weight that is not finite."""
    bad = not_finite(written)
    if bad:
        raise UserError(
            "the training left weights that are not finite (NaN or infinity), the first of them in"
            f" {bad}; no policy was written. Try an sft.lr below {recipe.lr:g}, or a longer"
            " sft.warmup"
        )


def summary(records: list[Record], world: World, clock: Clock) -> dict[str, Any]:
    """The part of training.json that every training has: totals, memory, device and seconds."""
    on_gpu = world.device.type == "cuda"
    row_tokens = sum(record.row_tokens for record in records)
    tokens = sum(record.tokens for record in records)
    return {
        "updates": len(records),
        "tokens": tokens,
        "response_tokens": sum(record.response_tokens for record in records),
        "packing_share": tokens / row_tokens if row_tokens else None,
        "peak_memory_bytes": peak_memory(world.device),
        "device": torch.cuda.get_device_name(world.device) if on_gpu else "cpu",
        "processes": world.size,
        "seconds": {**clock.phases, "total": clock.total()},
    }


def publish(job: Job, records: list[Record], found: dict[str, Any]) -> None:
    """Write the tables, then rename the policy: its folder means that the whole step is there."""
    metadata = stamp(job.lineage, job.settings)
    table = pl.DataFrame([asdict(record) for record in records], schema=schema.UPDATES)
    write_table(table, job.training, metadata)
    write_json(found, job.training.with_suffix(".json"), metadata)
    remove(job.output)
    put(job.scratch / "policy", job.output)
    remove(job.scratch)


def open_scratch(job: Job) -> None:
    """Make the scratch folder, with at most a checkpoint in it; remove those of other lineages."""
    if job.scratch.is_file():
        remove(job.scratch)
    with writing(job.output, at=job.scratch):
        job.scratch.mkdir(parents=True, exist_ok=True)
    forget_scratch(job.output, keep=job.scratch)
    for left in job.scratch.iterdir():
        if left.name != CHECKPOINT:
            remove(left)
