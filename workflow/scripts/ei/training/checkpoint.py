"""The state after an epoch, kept on disk so that an interrupted training can resume."""

import hashlib
import json
import logging
import pickle
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ei.files import remove, whole
from ei.model.packing import Sequence
from ei.model.weights import Policy, refresh
from ei.stage import UserError
from ei.training.recipe import Recipe
from ei.training.sequences import identity

log = logging.getLogger("sft")
# What the readers of a damaged file raise: no archive, an archive without its end, other bytes.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    pickle.UnpicklingError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    NotImplementedError,
)
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
    parameters = policy.model.named_parameters()
    frozen = {name: weight for name, weight in parameters if not weight.requires_grad}
    for name, weight in [*frozen.items(), *policy.weights.items()]:
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
    """Write weights, optimizer state and records; whole or not at all.

    Where that is not possible, as on a full disk, training goes on without a checkpoint.
    """
    state = {
        "key": key,
        "weights": {name: weight.detach() for name, weight in policy.weights.items()},
        "optimizer": optimizer.state_dict(),
        "records": records,
    }
    try:
        # Through Python's own file, which tells what the system refuses.
        with whole(path) as partial, partial.open("wb") as stream:
            torch.save(state, stream)
    except UserError as error:
        log.warning("warning: %s. Training goes on without this checkpoint", error)


def restore(
    policy: Policy, optimizer: torch.optim.Optimizer, key: str, path: Path
) -> list[dict[str, Any]]:
    """The records up to the checkpoint, after putting its state in place.

    A damaged checkpoint, as a power cut leaves it, and one of another training are discarded, and
    there are no records.
    """
    if not path.exists():
        return []
    try:
        state = intact(path, key)
    except DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        log.warning("warning: %s is discarded, and training starts over: %s", path, reason)
        remove(path)
        return []
    with torch.no_grad():
        for name, weight in policy.weights.items():
            weight.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    refresh(policy)
    records: list[dict[str, Any]] = state["records"]
    return records


def intact(path: Path, key: str) -> dict[str, Any]:
    """What `save` wrote; raises one of DAMAGED where it is not all there, or has another key.

    The file is a zip archive with a checksum for every tensor, which torch itself does not read.
    """
    with zipfile.ZipFile(path) as archive:
        if (broken := archive.testzip()) is not None:
            raise ValueError(f"the checksum of {broken} does not hold")
    state: dict[str, Any] = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if not isinstance(state, dict) or state.get("key") != key:
        raise ValueError("it belongs to another training")
    return state
