"""The training loop: every update has one denominator, one global gradient norm and one record.

Shape suffixes: R response tokens of a row, S sequences of a row.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ei.model import packing
from ei.model.head import Scores
from ei.model.packing import Row, Sequence
from ei.model.passes import backward
from ei.model.weights import Policy, clear_gradients, refresh
from ei.stage import UserError
from ei.training import checkpoint, schedule
from ei.training.memory import FULL, Plan
from ei.training.offload import HostAdamW
from ei.training.processes import World, add_up, gather
from ei.training.recipe import Recipe
from ei.training.schedule import Update

# The second as in most language-model training: with 0.999 the moments would average over 1,000
# updates, more than a step has.
BETAS = (0.9, 0.95)
NAMED = 8  # questions that an error message lists


@dataclass(frozen=True)
class Record:
    """One row of training.parquet, in the columns of `schema.UPDATES`.

    Losses and entropies are means over the update's response tokens, in nats.
    """

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
    kept: Path | None = None,
    report: Callable[[Record], None] = lambda record: None,
    plan: Plan = FULL,
) -> list[Record]:
    """The records of all updates; `policy` is trained in place.

    With `kept`, a file, the state after an epoch is saved there, and training resumes from it if it
    belongs to the same sequences, recipe and initial weights. `report` receives every record, those
    from before the checkpoint included. The layers of a `plan` that recomputes are the caller's.
    """
    updates = schedule.plan(sequences, recipe)
    optimizer = adamw(policy, recipe, plan)
    clear_gradients(policy)
    key = checkpoint.key_of(policy, sequences, recipe) if kept else ""
    saved = checkpoint.restore(policy, optimizer, key, kept) if kept else []
    records = [Record(**record) for record in saved]
    for record in records:
        report(record)
    since = time.perf_counter()
    for update in updates[len(records) :]:
        records.append(make_update(policy, optimizer, update, recipe, world))
        report(records[-1])
        epoch_ends = update.number < len(updates) and updates[update.number].epoch > update.epoch
        if kept and epoch_ends and checkpoint.worthwhile(policy, time.perf_counter() - since):
            if world.first:
                checkpoint.save(policy, optimizer, key, list(map(asdict, records)), kept)
            since = time.perf_counter()
    return records


def adamw(policy: Policy, recipe: Recipe, plan: Plan = FULL) -> torch.optim.AdamW:
    """The optimizer of all weights; every update sets its own learning rate."""
    settings: dict[str, Any] = {
        "lr": recipe.lr,
        "betas": BETAS,
        "weight_decay": recipe.weight_decay,
    }
    if plan.offload:
        return HostAdamW(policy.weights.values(), **settings)
    return torch.optim.AdamW(policy.weights.values(), fused=True, **settings)


def make_update(
    policy: Policy, optimizer: torch.optim.Optimizer, update: Update, recipe: Recipe, world: World
) -> Record:
    """Make one update and return its record.

    The loss of a token is divided by the response tokens of the whole update, on whichever row or
    device they are.
    """
    start = time.perf_counter()
    rows, row_tokens = _rows(update.sequences, recipe.row_tokens, world)
    response_tokens = sum(len(sequence.response) for sequence in update.sequences)
    clear_gradients(policy)
    scores = [backward(policy, row, 1 / response_tokens) for row in rows]
    grads = [weight.grad for weight in policy.weights.values() if weight.grad is not None]
    sums = _sums(scores, policy.device)
    add_up([*grads, sums], world)
    nll, entropy = sums.tolist()
    norm = float(torch.nn.utils.get_total_norm(grads))
    if not (math.isfinite(norm) and math.isfinite(nll)):
        raise UserError(_not_finite(update, rows, scores, norm, world))
    scale = recipe.clip / norm if norm > recipe.clip else 1.0
    _step(policy, optimizer, grads, update.lr, scale)
    seconds = time.perf_counter() - start
    tokens = sum(len(sequence) for sequence in update.sequences)
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
    """This process's rows, and the tokens of the rows of all processes, padding included."""
    multiple = packing.row_multiple(world.device)
    bins = packing.level_rows([len(sequence) for sequence in sequences], row_tokens, world.size)
    filled = [[sequences[item] for item in bin] for bin in bins]
    total = sum(-(-sum(map(len, row)) // multiple) * multiple for row in filled)
    own = filled[world.rank :: world.size]
    return [packing.build_row(row, multiple, world.device) for row in own], total


def _sums(scores: list[Scores], device: torch.device) -> Tensor:
    """Summed loss and entropy of all rows, in fp64."""
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for score in scores:
        nll, entropy = (each.sum(dtype=torch.float64) for each in (score.nll_R, score.entropy_R))
        sums += torch.stack([nll, entropy])
    return sums


def _step(
    policy: Policy, optimizer: torch.optim.Optimizer, grads: list[Tensor], lr: float, scale: float
) -> None:
    """Change the weights by the gradients, which are first multiplied by `scale`."""
    if scale < 1:
        torch._foreach_mul_(grads, scale)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    refresh(policy)


def _not_finite(
    update: Update, rows: list[Row], scores: list[Scores], norm: float, world: World
) -> str:
    """The error for an update that went wrong, with the questions whose loss is not finite.

    Where every loss is finite and only the gradient is not, all questions of the update are named.
    """
    bad: set[str] = set()
    for row, score in zip(rows, scores, strict=True):
        owners_S = row.owner_R[~score.nll_R.isfinite()].unique().tolist()
        bad |= {row.sequences[owner].question_id for owner in owners_S}
    bad = set().union(*gather(bad, world))
    what = "loss" if bad else "gradient norm"
    questions = sorted(bad or {sequence.question_id for sequence in update.sequences})
    more = f" and {len(questions) - NAMED} more" if len(questions) > NAMED else ""
    return (
        f"update {update.number}: the {what} is not finite (gradient norm {norm}); questions"
        f" {', '.join(questions[:NAMED])}{more}. The policy was left as it was. Try a lower sft.lr"
        " or a longer sft.warmup, and look at these rollouts"
    )
