"""Causal attention of packed rows: no sequence sees another.

Shape suffixes: T tokens of a row, N sequences, L longest sequence, H query heads, K key and value
heads, D head width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from ei.stage import UserError

NAME = "packed"  # under which transformers' models find `packed_attention`
WATCHED = "packed_watched"  # and `watched_attention`
# What some models hand to their attention, and no packed row can have: soft-capping of the scores,
# attention sinks, and biases of positions. Their rows become padded batches (ei.model.passes).
BEYOND = ("softcap", "s_aux", "position_bias")


def use(model: Any, name: str) -> None:
    """Let a transformers model compute with the attention of this name, ours or one of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, packed_attention)
    AttentionInterface.register(WATCHED, watched_attention)
    AttentionMaskInterface.register(WATCHED, _marked_mask)
    model.set_attn_implementation(name)
    if model.config._attn_implementation != name:
        raise UserError(
            f"SFT cannot train {type(model).__name__}: transformers cannot replace its attention"
        )


def watched_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **others: Any,
) -> tuple[Tensor, None]:
    """`packed_attention`, after a look at whether the model tells it of the window in its mask."""
    masked = getattr(attention_mask, "window", None)
    told = others.get("sliding_window")
    if attention_mask is not None and masked != told:
        raise UserError(
            f"SFT cannot train {type(module).__name__}: its mask has a window of {masked} tokens,"
            f" and its attention one of {told}"
        )
    return packed_attention(module, query, key, value, None, **others)


def _marked_mask(
    batch_size: int, q_length: int, kv_length: int, local_size: int | None = None, **others: Any
) -> Tensor:
    """A mask that only says how wide its window is; transformers asks for one of every kind."""
    mask = torch.ones(batch_size, 1, q_length, kv_length, dtype=torch.bool)
    mask.window = local_size  # type: ignore[attr-defined]
    return mask


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    offset_N1: Tensor | None = None,
    longest: int = 0,
    padded_NL: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention output (1, T, H, D) of one row, as transformers' attention modules expect it.

    Query, key and value are (1, heads, T, D), under the names by which some models pass them.
    `offset_N1`, `longest` and `padded_NL` are those of `packing.Row`; the model's forward hands
    them on unchanged. Without `padded_NL` the kernel for variable lengths is used, which needs a
    GPU. With a window, a token sees itself and the `sliding_window - 1` tokens before it.
    """
    assert offset_N1 is not None
    assert all(others.get(name) is None for name in BEYOND), "ei.model.support should refuse it"
    query_THD, key_TKD, value_TKD = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
    if padded_NL is None:
        sizes = offset_N1, longest
        out_THD = varlen(query_THD, key_TKD, value_TKD, *sizes, scaling, sliding_window)
    else:
        out_THD = padded(query_THD, key_TKD, value_TKD, padded_NL, scaling, sliding_window)
    return out_THD[None], None


def varlen(
    query_THD: Tensor,
    key_TKD: Tensor,
    value_TKD: Tensor,
    offset_N1: Tensor,
    longest: int,
    scaling: float | None,
    window: int | None = None,
) -> Tensor:
    """Attention output (T, H, D) in bf16: the FlashAttention kernel takes only bf16 and fp16.

    It reads grouped key and value heads as they are, without repeating them for every query head.
    """
    from torch.nn.attention.varlen import varlen_attn

    width = value_TKD.shape[-1]
    if scaling is None:
        scaling = query_THD.shape[-1] ** -0.5
    query, key, value = (
        tensor.to(torch.bfloat16).contiguous()
        for tensor in _same_width(query_THD, key_TKD, value_TKD)
    )
    # Tokens that are seen to the left, all or so many, and to the right, none.
    seen = (-1 if window is None else window - 1, 0)
    out = varlen_attn(
        query, key, value, offset_N1, offset_N1, longest, longest, scale=scaling, window_size=seen
    )
    assert isinstance(out, Tensor)
    return out[..., :width]


def _same_width(*heads: Tensor) -> tuple[Tensor, ...]:
    """Query, key and value with zeros up to one width, a multiple of 8, as the kernel demands.

    Zeros change no product. Most models need none, and their tensors come back as they are.
    """
    width = -(-max(tensor.shape[-1] for tensor in heads) // 8) * 8
    return tuple(
        tensor if tensor.shape[-1] == width else pad(tensor, (0, width - tensor.shape[-1]))
        for tensor in heads
    )


def padded(
    query_THD: Tensor,
    key_TKD: Tensor,
    value_TKD: Tensor,
    padded_NL: Tensor,
    scaling: float | None,
    window: int | None = None,
) -> Tensor:
    """Attention output (T, H, D), from a padded batch of the row's sequences.

    Padding is on the right, where causal attention of real tokens never looks.
    """
    index_T = index_in_batch(padded_NL, len(query_THD))
    query, key, value = (
        gather(tensor.flatten(1), padded_NL.flatten(), index_T)
        .view(*padded_NL.shape, tensor.shape[1], -1)
        .transpose(1, 2)
        for tensor in (query_THD, key_TKD, value_TKD)
    )
    seen_LL = None if window is None else _in_window(padded_NL.shape[1], window, padded_NL.device)
    out_NHLD = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=seen_LL,
        is_causal=seen_LL is None,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    out_flat = out_NHLD.transpose(1, 2).flatten(0, 1).flatten(1)
    packed = gather(out_flat, index_T, padded_NL.flatten())
    return packed.view(*query_THD.shape[:2], -1)


def _in_window(length: int, window: int, device: torch.device) -> Tensor:
    """Which keys (columns) each query (row) sees: itself and the `window - 1` before it."""
    position = torch.arange(length, device=device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < window)


def index_in_batch(padded_NL: Tensor, tokens: int) -> Tensor:
    """Where each of the row's `tokens` tokens lies in the flattened batch (N x L)."""
    # All padding writes to one more entry.
    index_T = torch.empty(tokens + 1, dtype=torch.long, device=padded_NL.device)
    index_T[padded_NL.flatten()] = torch.arange(padded_NL.numel(), device=padded_NL.device)
    return index_T[:tokens]


def gather(source: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
    """Rows of `source` by number, zeros past its end; `inverse` leads back."""
    taken: Tensor = _Gather.apply(source, index, inverse)
    return taken


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
