"""Whether the disk has room for what a run will write."""

import shutil
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from ei.model.tensors import stored_tensors
from ei.preflight.finding import GIB, Finding
from ei.runs.settings import at_step

POLICY = 2  # bytes for each parameter of a policy, which is written in bf16
CHECKPOINT = 12  # weights and two moments, in fp32
# Bytes for each token of a rollout, its id and its letters, compressed: 2 for 6,000 recorded
# responses, in each of rollouts.parquet, scored.parquet and filtered.parquet.
TOKEN = 3 * 2


def findings(
    settings: Mapping[str, Any], parameters: int, missing: Sequence[int], free: int
) -> list[Finding]:
    """What is to be said of the `missing` steps, whose policies are still to be written.

    `free` is in bytes. Less room than for the policies alone is fatal; less than for a checkpoint
    and all rollouts is a warning.
    """
    policies = len(missing) * POLICY * parameters
    checkpoint = CHECKPOINT * parameters if missing else 0
    rollouts = sum(rollout_bytes(at_step(settings, step)) for step in missing)
    everything = policies + checkpoint + rollouts
    text = (
        f"the disk has {shown(free)} GiB free, and the run may need {shown(everything)}:"
        f" {shown(policies)} for {len(missing)} policies, {shown(checkpoint)} for a checkpoint"
        f" while it trains, {shown(rollouts)} for rollouts; free some, or run in another folder"
        " (snakemake --directory)"
    )
    return [Finding(text, fatal=free < policies)] if free < everything else []


def of_run(settings: Mapping[str, Any], model: Path, run: Path) -> list[Finding]:
    """The findings for the steps of a run whose policies are not in its folder yet."""
    steps = range(1, settings["steps"] + 1)
    missing = [step for step in steps if not (run / f"step{step}/policy").exists()]
    parameters = sum(prod(tensor.shape) for tensor in stored_tensors(model).values())
    there = next(folder for folder in (run, *run.absolute().parents) if folder.is_dir())
    return findings(settings, parameters, missing, shutil.disk_usage(there).free)


def rollout_bytes(settings: Mapping[str, Any]) -> int:
    """What a step's rollouts take at most, in bytes."""
    sample = settings["sample"]
    return int(TOKEN * sample["questions"] * sample["rollouts"] * sample["max_tokens"])


def shown(size: int) -> str:
    """A size in GiB."""
    return f"{size / GIB:.1f}"
