"""Causal attention of packed rows: no sequence sees another.

Shape suffixes: T tokens of a row, N sequences, L longest sequence, H query heads, K key and value heads, D head width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

NAME = "packed"  # under which transformers' models find `packed_attention`

# The kernel of `varlen_attn` reads grouped key and value heads as they are; True repeats them first, to compare.
REPEAT_HEADS = False


def packed_attention(
    module: nn.Module,
    query_1HTD: Tensor,
    key_1KTD: Tensor,
    value_1KTD: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    offset_N1: Tensor | None = None,
    longest: int = 0,
    padded_NL: Tensor | None = None,
    **unused: Any,
) -> tuple[Tensor, None]:
    """Attention output (1, T, H, D) of one row, in the form that transformers' attention modules ask for.

    `offset_N1`, `longest` and `padded_NL` are those of `packing.Row`; they come through the model's forward unchanged.
    Without `padded_NL` the kernel for variable lengths is used, which runs on GPUs alone.
    """
    assert offset_N1 is not None
    query_THD, key_TKD, value_TKD = (
        tensor[0].transpose(0, 1) for tensor in (query_1HTD, key_1KTD, value_1KTD)
    )
    if padded_NL is None:
        out_THD = varlen(query_THD, key_TKD, value_TKD, offset_N1, longest, scaling)
    else:
        out_THD = padded(query_THD, key_TKD, value_TKD, padded_NL, scaling)
    return out_THD[None], None


def varlen(
    query_THD: Tensor,
    key_TKD: Tensor,
    value_TKD: Tensor,
    offset_N1: Tensor,
    longest: int,
    scaling: float | None,
) -> Tensor:
    """Attention output (T, H, D) in bf16, from the FlashAttention kernel, which knows bf16 and fp16 alone."""
    from torch.nn.attention.varlen import varlen_attn

    if REPEAT_HEADS:
        groups = query_THD.shape[1] // key_TKD.shape[1]
        key_TKD, value_TKD = (
            tensor.repeat_interleave(groups, dim=1) for tensor in (key_TKD, value_TKD)
        )
    query, key, value = (
        tensor.to(torch.bfloat16).contiguous() for tensor in (query_THD, key_TKD, value_TKD)
    )
    causal = (-1, 0)
    out = varlen_attn(
        query, key, value, offset_N1, offset_N1, longest, longest, scale=scaling, window_size=causal
    )
    assert isinstance(out, Tensor)
    return out


def padded(
    query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor, padded_NL: Tensor, scaling: float | None
) -> Tensor:
    """Attention output (T, H, D), from a padded batch of the row's sequences.

    Padding is on the right, where causal attention of real tokens never looks.
    """
    tokens = len(query_THD)
    place_T = torch.empty(tokens + 1, dtype=torch.long, device=padded_NL.device)
    place_T[padded_NL.flatten()] = torch.arange(padded_NL.numel(), device=padded_NL.device)
    place_T = place_T[:tokens]
    query, key, value = (
        _Gather.apply(tensor.flatten(1), padded_NL.flatten(), place_T)
        .view(*padded_NL.shape, tensor.shape[1], -1)
        .transpose(1, 2)
        for tensor in (query_THD, key_TKD, value_TKD)
    )
    grouped = query.shape[1] != key.shape[1]
    out_NHLD = scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
    )
    out_flat = out_NHLD.transpose(1, 2).flatten(0, 1).flatten(1)
    packed: Tensor = _Gather.apply(out_flat, place_T, padded_NL.flatten())
    return packed.view(query_THD.shape)


class _Gather(torch.autograd.Function):
    """Rows of `source` by number, zeros past its end; `inverse` is the way back, so backward is a gather as well.

    Autograd's own backward would be an `index_add`, many times slower on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, source: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return _take(source, index)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return _take(grads[0], inverse), None, None


def _take(source: Tensor, index: Tensor) -> Tensor:
    return torch.cat([source, source.new_zeros(1, source.shape[1])]).index_select(0, index)
