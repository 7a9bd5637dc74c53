"""Which sequences every update trains on, and at what learning rate."""

import hashlib
import itertools
import math
from dataclasses import dataclass

from ei.training.packing import Sequence

FINAL_LR = 0.1  # the share of `lr` that is left at the last update


@dataclass(frozen=True)
class Recipe:
    """The settings of one training; their names are the flags of sft.py."""

    epochs: int = 2
    lr: float = 5e-5
    batch: int = 64
    min_updates: int = 8
    clip: float = 1.0
    warmup: float = 0.05
    weight_decay: float = 0.0
    row_tokens: int = 16384
    seed: str = "0"


@dataclass(frozen=True)
class Update:
    """One optimizer update: `number` counts from 1 over the whole training, `epoch` from 1."""

    number: int
    epoch: int
    lr: float
    sequences: list[Sequence]


def updates_per_epoch(sequences: int, recipe: Recipe) -> int:
    """Updates of one epoch: as few as `batch` allows, but enough for `min_updates` in all, one sequence each at most.

    1,000 sequences at batch 64 make 16 updates; 20 sequences at 2 epochs and 8 updates make 4 updates of 5.
    """
    return min(
        sequences,
        max(math.ceil(sequences / recipe.batch), math.ceil(recipe.min_updates / recipe.epochs)),
    )


def shuffled(sequences: list[Sequence], seed: str) -> list[Sequence]:
    """The sequences in an order that depends on `seed` and their identities alone, not on the order they came in."""

    def draw(sequence: Sequence) -> bytes:
        return hashlib.sha256(f"{seed}/{sequence.question_id}/{sequence.sample}".encode()).digest()

    return sorted(sequences, key=draw)


def split(sequences: list[Sequence], parts: int) -> list[list[Sequence]]:
    """`parts` runs of about equal length, so that no update is left with a handful of sequences."""
    edges = [len(sequences) * part // parts for part in range(parts + 1)]
    return [sequences[start:end] for start, end in itertools.pairwise(edges)]


def learning_rate(number: int, updates: int, recipe: Recipe) -> float:
    """The rate of update `number` of `updates`: linear warm-up, then linear decay to a tenth at the last update."""
    warm = math.ceil(recipe.warmup * updates)
    if number <= warm:
        return recipe.lr * number / (warm + 1)
    done = (number - warm - 1) / max(1, updates - warm - 1)
    return recipe.lr * (1 - (1 - FINAL_LR) * done)


def plan(sequences: list[Sequence], recipe: Recipe) -> list[Update]:
    """All updates of the training, in order."""
    each = updates_per_epoch(len(sequences), recipe)
    updates: list[Update] = []
    for epoch in range(1, recipe.epochs + 1):
        batches = split(shuffled(sequences, f"{recipe.seed}/{epoch}"), each)
        for batch in batches:
            number = len(updates) + 1
            lr = learning_rate(number, each * recipe.epochs, recipe)
            updates.append(
                Update(number, epoch, lr, sorted(batch, key=lambda s: (s.question_id, s.sample)))
            )
    return updates
