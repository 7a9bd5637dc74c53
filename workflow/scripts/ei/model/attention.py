"""Causal attention of packed rows: no sequence sees another.

Shape suffixes: T tokens of a row, N sequences, L longest sequence, H query heads, K key and value
heads, D head width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

NAME = "packed"  # under which transformers' models find `packed_attention`


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
    """Attention output (1, T, H, D) of one row, as transformers' attention modules expect it.

    `offset_N1`, `longest` and `padded_NL` are those of `packing.Row`; the model's forward hands
    them on unchanged. Without `padded_NL` the kernel for variable lengths is used, which needs a
    GPU.
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
    """Attention output (T, H, D) in bf16: the FlashAttention kernel takes only bf16 and fp16.

    It reads grouped key and value heads as they are, without repeating them for every query head.
    """
    from torch.nn.attention.varlen import varlen_attn

    query, key, value = (
        tensor.to(torch.bfloat16).contiguous() for tensor in (query_THD, key_TKD, value_TKD)
    )
    causal = (-1, 0)  # the window: any number of tokens to the left, none to the right
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
    # Where each token of the row lies in the flattened batch. All padding writes to one more entry.
    index_T = torch.empty(tokens + 1, dtype=torch.long, device=padded_NL.device)
    index_T[padded_NL.flatten()] = torch.arange(padded_NL.numel(), device=padded_NL.device)
    index_T = index_T[:tokens]
    query, key, value = (
        _Gather.apply(tensor.flatten(1), padded_NL.flatten(), index_T)
        .view(*padded_NL.shape, tensor.shape[1], -1)
        .transpose(1, 2)
        for tensor in (query_THD, key_TKD, value_TKD)
    )
    grouped = query.shape[1] != key.shape[1]
    out_NHLD = scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
    )
    out_flat = out_NHLD.transpose(1, 2).flatten(0, 1).flatten(1)
    packed: Tensor = _Gather.apply(out_flat, index_T, padded_NL.flatten())
    return packed.view(query_THD.shape)


class _Gather(torch.autograd.Function):
    """Rows of `source` by number, zeros past its end.

    `inverse` leads back, so that backward is a gather as well. Autograd's own backward would be an
    `index_add`, many times slower on a CPU.
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
