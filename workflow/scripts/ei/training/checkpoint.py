"""The state after an epoch, kept on disk so that an interrupted training can resume."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ei.files import whole
from ei.model.packing import Sequence
from ei.model.weights import Policy, refresh
from ei.training.recipe import Recipe
from ei.training.sequences import identity

DISK_SPEED = 1e9  # bytes per second, roughly what a local disk writes
LARGEST_SHARE = 0.25  # of the training time that a checkpoint protects, spent on writing it


def key_of(policy: Policy, sequences: list[Sequence], recipe: Recipe) -> str:
    """A hash of everything that the training's result depends on: only that training can resume.

    Of each weight it takes the shape, the sum and the sum of magnitudes, which one pass computes.
    """
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for sequence in sorted(sequences, key=identity):
        content = [*identity(sequence), sequence.prompt, sequence.response]
        digest.update(json.dumps(content).encode())
    for name, weight in policy.weights.items():
        total = weight.detach().sum(dtype=torch.float64).item()
        size = weight.detach().abs().sum(dtype=torch.float64).item()
        digest.update(f"{name} {tuple(weight.shape)} {total!r} {size!r}".encode())
    return digest.hexdigest()


def worthwhile(policy: Policy, seconds: float) -> bool:
    """Whether `seconds` of training are worth a checkpoint.

    It holds the weights and two moments of each: 18.5 GB for 1.5 billion parameters.
    """
    return 3 * policy.bytes / DISK_SPEED < LARGEST_SHARE * seconds


def save(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    key: str,
    records: list[dict[str, Any]],
    path: Path,
) -> None:
    """Write weights, optimizer state and records; whole or not at all."""
    state = {
        "key": key,
        "weights": {name: weight.detach() for name, weight in policy.weights.items()},
        "optimizer": optimizer.state_dict(),
        "records": records,
    }
    with whole(path) as partial:
        torch.save(state, partial)


def restore(
    policy: Policy, optimizer: torch.optim.Optimizer, key: str, path: Path
) -> list[dict[str, Any]]:
    """The records up to the checkpoint, after putting its state in place.

    Of a checkpoint with another key nothing is used, and there are no records.
    """
    if not path.is_file():
        return []
    state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if state.get("key") != key:
        return []
    with torch.no_grad():
        for name, weight in policy.weights.items():
            weight.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    refresh(policy)
    records: list[dict[str, Any]] = state["records"]
    return records
