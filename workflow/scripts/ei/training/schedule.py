"""Which sequences every update trains on, and at what learning rate."""

import hashlib
import itertools
import math
from dataclasses import dataclass

from ei.model.packing import Sequence
from ei.training.recipe import Recipe
from ei.training.sequences import identity

FINAL_LR = 0.1  # the share of `lr` that is left at the last update


@dataclass(frozen=True)
class Update:
    """One optimizer update: `number` counts from 1 over the whole training, `epoch` from 1."""

    number: int
    epoch: int
    lr: float
    sequences: list[Sequence]


def plan(sequences: list[Sequence], recipe: Recipe) -> list[Update]:
    """All updates of the training, in order. Within an update, sequences are sorted by identity."""
    each = updates_per_epoch(len(sequences), recipe)
    updates: list[Update] = []
    for epoch in range(1, recipe.epochs + 1):
        for batch in split(shuffled(sequences, f"{recipe.seed}/{epoch}"), each):
            number = len(updates) + 1
            lr = learning_rate(number, each * recipe.epochs, recipe)
            in_order = sorted(batch, key=identity)
            updates.append(Update(number, epoch, lr, in_order))
    return updates


def updates_per_epoch(sequences: int, recipe: Recipe) -> int:
    """Updates of one epoch, of at most `batch` and at least one sequence each.

    As few as `batch` allows, but enough for `min_updates` in all epochs together: 1,000 sequences
    at batch 64 make 16 updates; 20 sequences at 2 epochs and 8 updates make 4 updates of 5.
    """
    fewest = math.ceil(sequences / recipe.batch)
    return min(sequences, max(fewest, math.ceil(recipe.min_updates / recipe.epochs)))


def shuffled(sequences: list[Sequence], seed: str) -> list[Sequence]:
    """The sequences in an order that depends only on `seed` and their identities."""

    def key(sequence: Sequence) -> bytes:
        name = f"{seed}/{sequence.question_id}/{sequence.sample}"
        name += f"/{sequence.age}" if sequence.age else ""  # else every old order would change
        return hashlib.sha256(name.encode()).digest()

    return sorted(sequences, key=key)


def split(sequences: list[Sequence], count: int) -> list[list[Sequence]]:
    """`count` batches of about equal length, so that none is left with a handful of sequences."""
    edges = [len(sequences) * batch // count for batch in range(count + 1)]
    return [sequences[start:end] for start, end in itertools.pairwise(edges)]


def learning_rate(number: int, updates: int, recipe: Recipe) -> float:
    """The rate of update `number` of `updates`: linear warm-up, then linear decay to a tenth."""
    warm = math.ceil(recipe.warmup * updates)
    if number <= warm:
        return recipe.lr * number / (warm + 1)
    done = (number - warm - 1) / max(1, updates - warm - 1)
    return recipe.lr * (1 - (1 - FINAL_LR) * done)
