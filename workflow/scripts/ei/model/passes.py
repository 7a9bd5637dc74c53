"""One pass of a packed row through the model: forward to measure it, forward and backward to train.

Shape suffixes: T tokens of a row, R response tokens, N sequences, D model width, V vocabulary.
"""

import torch
from torch import Tensor

from ei.model import head
from ei.model.packing import Row
from ei.model.weights import Policy, collect_gradients


def measure(policy: Policy, row: Row) -> head.Scores:
    """Loss and entropy of every response token of the row."""
    with torch.no_grad():
        return head.score(hidden_states(policy, row), policy.head_VD, row.target_R)


def backward(policy: Policy, row: Row, scale: float) -> head.Scores:
    """Loss and entropy of every response token, after adding the gradient of `scale` x summed loss.

    The head computes its own gradient in the forward pass, so autograd starts at the hidden states.
    """
    hidden_RD = hidden_states(policy, row)
    grad_VD = policy.output.grad
    assert grad_VD is not None
    scores = head.score(
        hidden_RD.detach(), policy.head_VD, row.target_R, grad_VD, scale, policy.pointwise
    )
    hidden_RD.backward(scores.grad_RD)
    collect_gradients(policy)
    return scores


def hidden_states(policy: Policy, row: Row) -> Tensor:
    """Hidden states (R, D) from which the response tokens of the row are predicted.

    What `attention.packed_attention` needs goes through the model's forward as extra arguments.
    With the varlen kernel, which needs bf16 on a GPU, the padded positions are left out.
    """
    kernel = policy.mixed and policy.device.type == "cuda"
    with torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.mixed):
        hidden_1TD = policy.model.base_model(
            input_ids=row.ids_T[None],
            position_ids=row.position_T[None],
            use_cache=False,
            offset_N1=row.offset_N1,
            longest=row.longest,
            padded_NL=None if kernel else row.padded_NL,
        ).last_hidden_state
    return hidden_1TD[0].index_select(0, row.predicts_R)
