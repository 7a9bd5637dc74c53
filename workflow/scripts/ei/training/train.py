"""The training loop: updates with one denominator, one global gradient norm and one row of records each.

Shape suffixes: R response tokens of a row, S sequences of a row.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ei.stage import UserError
from ei.training import checkpoint, model, packing, schedule
from ei.training.head import Scores
from ei.training.model import Policy
from ei.training.packing import Row, Sequence
from ei.training.schedule import Recipe, Update
from ei.training.world import World, add_up, gather

BETAS = (
    0.9,
    0.95,
)  # the second as in most language-model training: 0.999 would remember longer than a step lasts
KERNEL_TOKENS = 128  # on a GPU rows end at a multiple of the attention kernel's block


@dataclass(frozen=True)
class Record:
    """One row of training.parquet. Losses and entropies are means over the update's response tokens, in nats."""

    update: int
    epoch: int
    loss: float
    entropy: float
    grad_norm: float
    lr: float
    sequences: int
    tokens: int
    response_tokens: int
    row_tokens: int
    seconds: float
    tokens_per_s: float


def train(
    policy: Policy,
    sequences: list[Sequence],
    recipe: Recipe,
    world: World,
    keep: Path | None = None,
    report: Callable[[Record], None] = lambda record: None,
) -> list[Record]:
    """The records of all updates; `policy` is trained in place.

    With `keep`, a file, the state after an epoch is kept there, and training goes on from it if it belongs to the
    same sequences, recipe and first weights. `report` sees every record, those of the time before as well.
    """
    updates = schedule.plan(sequences, recipe)
    optimizer = torch.optim.AdamW(
        policy.weights.values(),
        lr=recipe.lr,
        betas=BETAS,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    model.clear_gradients(policy)
    purpose = checkpoint.purpose(policy, sequences, recipe) if keep else ""
    records = (
        [Record(**record) for record in checkpoint.restore(policy, optimizer, purpose, keep)]
        if keep
        else []
    )
    for record in records:
        report(record)
    since = time.perf_counter()
    for update in updates[len(records) :]:
        records.append(take(policy, optimizer, update, recipe, world))
        report(records[-1])
        ends = update.number < len(updates) and updates[update.number].epoch > update.epoch
        if keep and ends and checkpoint.worthwhile(policy, time.perf_counter() - since):
            if world.first:
                checkpoint.save(
                    policy, optimizer, purpose, [asdict(record) for record in records], keep
                )
            since = time.perf_counter()
    return records


def take(
    policy: Policy, optimizer: torch.optim.Optimizer, update: Update, recipe: Recipe, world: World
) -> Record:
    """Make one update and return its record. The denominator is the number of response tokens of the whole update."""
    start = time.perf_counter()
    rows, row_tokens = _rows(update.sequences, recipe.row_tokens, world)
    response_tokens = sum(len(sequence.response) for sequence in update.sequences)
    model.clear_gradients(policy)
    scores = [model.backward(policy, row, 1 / response_tokens) for row in rows]
    grads = [weight.grad for weight in policy.weights.values() if weight.grad is not None]
    add_up(grads, world)
    sums = _sums(scores, policy.device)
    add_up([sums], world)
    norm = float(torch.nn.utils.get_total_norm(grads))
    nll, entropy = sums.tolist()
    if not (math.isfinite(norm) and math.isfinite(nll)):
        raise UserError(_not_finite(update, rows, scores, norm, world))
    if norm > recipe.clip:
        torch._foreach_mul_(grads, recipe.clip / norm)
    for group in optimizer.param_groups:
        group["lr"] = update.lr
    optimizer.step()
    model.refresh(policy)
    tokens = sum(len(sequence) for sequence in update.sequences)
    seconds = time.perf_counter() - start
    return Record(
        update=update.number,
        epoch=update.epoch,
        loss=nll / response_tokens,
        entropy=entropy / response_tokens,
        grad_norm=norm,
        lr=update.lr,
        sequences=len(update.sequences),
        tokens=tokens,
        response_tokens=response_tokens,
        row_tokens=row_tokens,
        seconds=seconds,
        tokens_per_s=tokens / seconds,
    )


def _rows(sequences: list[Sequence], row_tokens: int, world: World) -> tuple[list[Row], int]:
    """This process's rows, and the number of tokens of all rows of all processes, padding included."""
    multiple = KERNEL_TOKENS if world.device.type == "cuda" else 1
    bins = packing.level_rows([len(sequence) for sequence in sequences], row_tokens, world.size)
    filled = [[sequences[item] for item in bin] for bin in bins]
    total = sum(-(-sum(map(len, row)) // multiple) * multiple for row in filled)
    return [
        packing.build_row(row, multiple, world.device) for row in filled[world.rank :: world.size]
    ], total


def _sums(scores: list[Scores], device: torch.device) -> Tensor:
    """Summed loss and entropy of all rows."""
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for score in scores:
        sums += torch.stack(
            [score.nll_R.sum(dtype=torch.float64), score.entropy_R.sum(dtype=torch.float64)]
        )
    return sums


def _not_finite(
    update: Update, rows: list[Row], scores: list[Scores], norm: float, world: World
) -> str:
    """The error for an update that went wrong, with the questions whose loss is not finite, or else all of it."""
    bad = set()
    for row, score in zip(rows, scores, strict=True):
        owners_S = row.owner_R[~score.nll_R.isfinite()].unique().tolist()
        bad |= {row.sequences[owner].question_id for owner in owners_S}
    bad = set().union(*gather(bad, world))
    what, where = (
        ("loss", bad)
        if bad
        else ("gradient norm", {sequence.question_id for sequence in update.sequences})
    )
    named = ", ".join(sorted(where)[:8]) + (f" and {len(where) - 8} more" if len(where) > 8 else "")
    return (
        f"update {update.number}: the {what} is not finite (gradient norm {norm}); questions {named}. "
        f"The policy was left as it was. Try a lower sft.lr or a longer sft.warmup, and look at these rollouts"
    )
