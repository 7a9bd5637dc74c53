"""One pass of a packed row through the model: forward to measure it, forward and backward to train.

Shape suffixes: T tokens of a row, R response tokens, N sequences, D model width, V vocabulary.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ei.model import head
from ei.model.attention import index_in_batch
from ei.model.packing import Row
from ei.model.weights import Policy, collect_gradients


def measure(policy: Policy, row: Row) -> head.Scores:
    """Loss and entropy of every response token of the row."""
    with torch.no_grad():
        hidden_RD = hidden_states(policy, row)
        return head.score(hidden_RD, policy.head_VD, row.target_R, form=policy.form)


def backward(policy: Policy, row: Row, scale: float) -> head.Scores:
    """Loss and entropy of every response token, after adding the gradient of `scale` x summed loss.

    The head computes its own gradient in the forward pass, so autograd starts at the hidden states.
    """
    hidden_RD = hidden_states(policy, row)
    scores = head.score(
        hidden_RD.detach(),
        policy.head_VD,
        row.target_R,
        policy.output.grad,
        scale,
        policy.pointwise,
        policy.form,
        frozen=not policy.output.requires_grad,
    )
    hidden_RD.backward(scores.grad_RD)
    collect_gradients(policy)
    return scores


def hidden_states(policy: Policy, row: Row) -> Tensor:
    """Hidden states (R, D) from which the response tokens of the row are predicted.

    They are what the model hands to its output matrix, whatever it does to them before.
    """
    head_module = policy.model.get_output_embeddings()
    with (
        torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.mixed),
        tapped(head_module, len(policy.head_VD)) as found,
    ):
        if policy.packed:
            _run_packed(policy, row)
        else:
            _run_padded(policy, row)
    (hidden,) = found
    predicts_R = row.predicts_R
    if not policy.packed:
        predicts_R = index_in_batch(row.padded_NL, len(row.ids_T))[predicts_R]
    return hidden.flatten(0, 1).index_select(0, predicts_R)


def _run_packed(policy: Policy, row: Row) -> None:
    """What `attention.packed_attention` needs goes through the forward as extra arguments.

    With the varlen kernel, which needs bf16 on a GPU, the padded positions are left out.
    """
    kernel = policy.mixed and policy.device.type == "cuda"
    policy.model(
        input_ids=row.ids_T[None],
        position_ids=row.position_T[None],
        use_cache=False,
        offset_N1=row.offset_N1,
        longest=row.longest,
        padded_NL=None if kernel else row.padded_NL,
    )


def _run_padded(policy: Policy, row: Row) -> None:
    """A batch (N, L), padded on the right, where no causal model looks, through the own attention.

    So no mask is needed; what comes out at the padding is not used.
    """
    ids_NL = torch.cat([row.ids_T, row.ids_T.new_zeros(1)])[row.padded_NL]
    policy.model(input_ids=ids_NL, use_cache=False)


@contextlib.contextmanager
def tapped(output: nn.Module, vocabulary: int) -> Iterator[list[Tensor]]:
    """A list that receives the hidden states (N, L, D) that reach the output matrix.

    The matrix is not applied: what follows it in the model gets logits of no token at all.
    """
    found: list[Tensor] = []

    def forward(hidden: Tensor) -> Tensor:
        found.append(hidden)
        return hidden.new_empty(*hidden.shape[:-2], 0, vocabulary)

    output.forward = forward  # an attribute of this one module, in front of its class's method
    try:
        yield found
    finally:
        del output.forward
