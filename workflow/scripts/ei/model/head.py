"""Next-token loss, its gradient, and exact entropy over a large vocabulary, in chunks of tokens.

Shape suffixes: R response tokens of a row, C tokens of a chunk, D model width, V vocabulary.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Logits of one chunk: 2^28 x 4 bytes = 1 GiB, that is 1,766 tokens of a vocabulary of 151,936.
CHUNK_LOGITS = 2**28


@dataclass(frozen=True)
class Scores:
    """Loss and entropy of each response token, in nats, and the gradient at the head's input."""

    nll_R: Tensor
    entropy_R: Tensor
    grad_RD: Tensor | None


@dataclass(frozen=True)
class Form:
    """What a model makes of the product x of hidden states and output matrix.

    The logits are c tanh(s (x + b) / c), with a bias b, a scale s and a soft cap c, or s (x + b)
    without a cap.
    """

    bias_V: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None


PLAIN = Form()  # most models': the product itself
# Settings by which configs scale all logits, by which they divide them, and cap them.
FACTORS = ("logit_scale", "lm_head_multiplier")
DIVISORS = ("logits_scaling",)
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
# Here it is the hidden states, before the output matrix, that are divided by `logits_scaling`.
SCALED_BEFORE = {"minicpm3"}


def form_of(model: Any) -> Form:
    """How a transformers model turns hidden states times output matrix into logits."""
    text = model.config.get_text_config(decoder=True)

    def number(name: str) -> float | None:
        value = getattr(text, name, None)
        return float(value) if isinstance(value, int | float) else None

    scale = 1.0
    if text.model_type not in SCALED_BEFORE:
        for name in FACTORS:
            scale *= number(name) or 1.0
        for name in DIVISORS:
            scale /= number(name) or 1.0
    cap = next((number(name) for name in CAPS if number(name)), None)
    return Form(model.get_output_embeddings().bias, scale, cap)


def score(
    hidden_RD: Tensor,
    weight_VD: Tensor,
    target_R: Tensor,
    grad_VD: Tensor | None = None,
    scale: float = 1.0,
    pointwise: Callable[..., tuple[Tensor, Tensor, Tensor]] | None = None,
    form: Form = PLAIN,
    frozen: bool = False,
) -> Scores:
    """Negative log-likelihood and entropy of each token; with `grad_VD`, gradients as well.

    The gradients are those of `scale` x the summed loss, and come from the same pass as the values,
    so no logits are kept: d loss / d logits = softmax(logits) - onehot(target). That of the weight
    is added to `grad_VD` in `grad_VD`'s own precision: rounding every chunk's share to bf16 makes
    the entropy drift downwards. Of a `frozen` weight there is none, only that at the input. The
    entropy is a measurement and has no gradient.
    """
    pointwise = pointwise or nll_entropy_gradient
    bias_V = None if form.bias_V is None else form.bias_V.detach()
    nll_R = torch.empty(len(target_R), dtype=_accurate(hidden_RD), device=hidden_RD.device)
    entropy_R = torch.empty_like(nll_R)
    wanted = frozen or grad_VD is not None
    grad_RD = torch.empty_like(hidden_RD) if wanted else None
    for chunk in _chunks(len(target_R), len(weight_VD)):
        hidden_CD = hidden_RD[chunk].to(weight_VD.dtype)
        logits_CV = _matmul(hidden_CD, weight_VD.T)
        nll_R[chunk], entropy_R[chunk], grad_CV = pointwise(
            logits_CV, target_R[chunk], weight_VD.dtype, bias_V, form.scale, form.softcap
        )
        del logits_CV  # 1 GiB that the products below can use
        if grad_RD is not None:
            grad_RD[chunk] = _matmul(grad_CV, weight_VD) * scale
        if grad_VD is not None:
            _add_product(grad_VD, grad_CV.T, hidden_CD, scale)
            if form.bias_V is not None and form.bias_V.grad is not None:
                form.bias_V.grad.add_(grad_CV.sum(0, dtype=form.bias_V.dtype), alpha=scale)
    return Scores(nll_R, entropy_R, grad_RD)


def _chunks(tokens: int, vocabulary: int) -> list[slice]:
    """Slices of about equal length, of at most `CHUNK_LOGITS` logits give or take a token."""
    count = max(1, -(-tokens * vocabulary // CHUNK_LOGITS))
    whole, longer = divmod(tokens, count)
    lengths = [whole + 1] * longer + [whole] * (count - longer)
    ends = list(itertools.accumulate(lengths))
    return [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def nll_entropy_gradient(
    product_CV: Tensor,
    target_C: Tensor,
    dtype: torch.dtype,
    bias_V: Tensor | None = None,
    scale: float = 1.0,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss (C), entropy (C) and d loss / d product (C, V) in `dtype`, for the `Form` of a model.

    H = -sum p log p = logsumexp(logits) - sum p logits. The first form is used: the second is a
    difference of two large numbers. The target's gradient, p - 1, is expm1(log p) for that reason.
    """
    logits_CV, slope_CV = _logits(product_CV, bias_V, scale, softcap)
    logp_CV = logits_CV - logits_CV.logsumexp(dim=-1, keepdim=True)
    nll_C = -logp_CV.gather(1, target_C[:, None]).squeeze(1)
    p_CV = logp_CV.exp()
    entropy_C = -(p_CV * logp_CV).sum(dim=-1)
    if slope_CV is None:
        grad_CV = p_CV.to(dtype)
        grad_CV = grad_CV.scatter(1, target_C[:, None], torch.expm1(-nll_C)[:, None].to(dtype))
    else:
        grad_CV = p_CV.scatter(1, target_C[:, None], torch.expm1(-nll_C)[:, None])
        grad_CV = (grad_CV * slope_CV).to(dtype)
    return nll_C, entropy_C, grad_CV


def _logits(
    product_CV: Tensor, bias_V: Tensor | None, scale: float, softcap: float | None
) -> tuple[Tensor, Tensor | float | None]:
    """The logits of a `Form`, and their derivative by the product; None where that is 1."""
    logits_CV = product_CV if bias_V is None else product_CV + bias_V
    if scale != 1:
        logits_CV = logits_CV * scale
    if softcap is None:
        return logits_CV, None if scale == 1 else scale
    tanh_CV = torch.tanh(logits_CV / softcap)
    return tanh_CV * softcap, (1 - tanh_CV**2) * scale


def _accurate(tensor: Tensor) -> torch.dtype:
    """The precision to keep losses in: fp32, or that of a float64 test."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _matmul(left: Tensor, right: Tensor) -> Tensor:
    """The product in fp32 where the factors are bf16, in their own precision elsewhere."""
    if left.dtype != torch.bfloat16:
        return left @ right
    if left.is_cuda:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()


def _add_product(total: Tensor, left: Tensor, right: Tensor, scale: float) -> None:
    """Add scale x left @ right to `total` in place, in its precision: bf16 factors sum in fp32."""
    if left.dtype == torch.bfloat16 and left.is_cuda:
        torch.addmm(total, left, right, alpha=scale, out_dtype=torch.float32, out=total)
    else:
        total.addmm_(left.to(total.dtype), right.to(total.dtype), alpha=scale)
