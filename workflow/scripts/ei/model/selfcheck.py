"""A few tokens through our path and through the model's own forward pass: both must agree.

It costs three forward passes of a few tokens, before anything is drawn or trained. What it cannot
see, a window longer than its sequences, `attention.watched_attention` compares as a number.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ei.model import attention
from ei.model.packing import Sequence, build_row, row_multiple
from ei.model.passes import measure
from ei.model.weights import Policy
from ei.stage import UserError

REASON = 250  # characters of an error of the model's own code that ours quotes
LENGTHS = ((2, 3), (4, 5), (1, 2))  # tokens of prompt and response
# The largest difference of any token's loss or entropy, as a share of the largest, or in nats if
# that is below 1. Over all architectures, with 2 layers, we found up to 1.3e-6 in fp32 and 4.2e-3
# in mixed precision (Gemma 3 270M: 3.0e-5 and 1.2e-2); a forgotten bias of Phi's output matrix made
# 2e-2.
TOLERANCE = 1e-3
TOLERANCE_MIXED = 0.1  # here it is only to see whether the kernel computes at all


def refuse_difference(policy: Policy, folder: Path) -> None:
    """Raise UserError unless losses and entropies of a row are those of each sequence alone."""
    name = type(policy.model).__name__
    try:
        found = difference(policy)
    except (RuntimeError, TypeError, IndexError, AttributeError) as error:  # of its own code
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        reason = " ".join(str(error).split())[:REASON]
        raise UserError(f"{folder}: {name} cannot compute a few tokens ({reason})") from None
    allowed = TOLERANCE_MIXED if policy.mixed else TOLERANCE
    if not found <= allowed:  # nor is NaN
        raise UserError(
            f"{folder}: SFT would compute other losses than {name} itself (off by {found:.1e},"
            f" allowed is {allowed:.0e}), so it cannot be trained"
        )


def difference(policy: Policy) -> float:
    """The largest difference of a token's loss or entropy from the model's own forward pass.

    As a share of the largest loss, or entropy, of the row if that is above 1 nat.
    """
    row = build_row(_sequences(len(policy.output)), row_multiple(policy.device), policy.device)
    with computing_with(policy, attention.WATCHED if policy.packed else policy.own_attention):
        ours = measure(policy, row)
    with computing_with(policy, policy.own_attention):
        own = [torch.cat(parts) for parts in zip(*_own_scores(policy, row.sequences), strict=True)]
    return max(
        float((mine - theirs).abs().max() / theirs.max().clamp(min=1))
        for mine, theirs in zip((ours.nll_R, ours.entropy_R), own, strict=True)
    )


def _sequences(vocabulary: int) -> list[Sequence]:
    """Sequences of unlike lengths, with ids from the second quarter of the vocabulary.

    Special tokens are usually at its ends.
    """
    first, count = vocabulary // 4, max(1, vocabulary // 4)
    ids = iter(first + number * 7919 % count for number in range(sum(map(sum, LENGTHS))))
    return [
        Sequence("check", number, [next(ids) for _ in range(prompt)], [next(ids) for _ in range(r)])
        for number, (prompt, r) in enumerate(LENGTHS)
    ]


@contextmanager
def computing_with(policy: Policy, name: str) -> Iterator[None]:
    """Let the model compute with another attention for a while."""
    before = policy.model.config._attn_implementation
    if before == name:
        yield
        return
    attention.use(policy.model, name)
    try:
        yield
    finally:
        attention.use(policy.model, before)


def _own_scores(policy: Policy, sequences: list[Sequence]) -> Iterator[tuple[Tensor, Tensor]]:
    """Loss and entropy of each response token, from the model's logits for one sequence alone."""
    for sequence in sequences:
        ids_T = torch.tensor(sequence.prompt + sequence.response, device=policy.device)
        with (
            torch.no_grad(),
            torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.mixed),
        ):
            logits_1TV = policy.model(input_ids=ids_T[None], use_cache=False).logits
        logits_RV = logits_1TV[0, len(sequence.prompt) - 1 : -1]
        logp_RV = logits_RV.to(torch.promote_types(logits_RV.dtype, torch.float32)).log_softmax(-1)
        target_R = ids_T[len(sequence.prompt) :]
        yield -logp_RV.gather(1, target_R[:, None])[:, 0], -(logp_RV.exp() * logp_RV).sum(-1)
