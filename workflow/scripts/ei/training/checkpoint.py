"""The state after an epoch, kept on disk so that a killed training does not start over."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ei.files import whole
from ei.training import model
from ei.training.model import Policy
from ei.training.packing import Sequence
from ei.training.schedule import Recipe

WRITING = 1e9  # bytes a second that a disk takes, roughly
SHARE = 0.25  # of the time that a checkpoint protects, the most that writing it may take


def purpose(policy: Policy, sequences: list[Sequence], recipe: Recipe) -> str:
    """A hash of everything that the training's result depends on: a checkpoint serves that training alone."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for sequence in sorted(sequences, key=lambda s: (s.question_id, s.sample)):
        digest.update(
            json.dumps(
                [sequence.question_id, sequence.sample, sequence.prompt, sequence.response]
            ).encode()
        )
    for name, weight in policy.weights.items():
        total = weight.detach().sum(dtype=torch.float64)
        size = weight.detach().abs().sum(dtype=torch.float64)
        digest.update(f"{name} {tuple(weight.shape)} {total.item()!r} {size.item()!r}".encode())
    return digest.hexdigest()


def worthwhile(policy: Policy, seconds: float) -> bool:
    """Whether `seconds` of training are worth a checkpoint: weights and two moments of each, 18.5 GB for 1.5 B."""
    return 3 * policy.bytes / WRITING < SHARE * seconds


def save(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    purpose: str,
    records: list[dict[str, Any]],
    path: Path,
) -> None:
    """Write weights, optimizer state and records; whole or not at all."""
    state = {
        "purpose": purpose,
        "weights": {name: weight.detach() for name, weight in policy.weights.items()},
        "optimizer": optimizer.state_dict(),
        "records": records,
    }
    with whole(path) as partial:
        torch.save(state, partial)


def restore(
    policy: Policy, optimizer: torch.optim.Optimizer, purpose: str, path: Path
) -> list[dict[str, Any]]:
    """The records up to the checkpoint, its state put in place; none, and no change, if it is another training's."""
    if not path.is_file():
        return []
    state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if state["purpose"] != purpose:
        return []
    with torch.no_grad():
        for name, weight in policy.weights.items():
            weight.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    model.refresh(policy)
    records: list[dict[str, Any]] = state["records"]
    return records
