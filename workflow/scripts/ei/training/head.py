"""Next-token loss, exact entropy and their gradients over a large vocabulary, a chunk of tokens at a time.

Shape suffixes: R response tokens of a row, C tokens of a chunk, D model width, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Logits of one chunk: 2^28 x 4 bytes = 1 GiB, that is 1,766 tokens of a vocabulary of 151,936.
CHUNK_LOGITS = 2**28


@dataclass(frozen=True)
class Scores:
    """What the head found, in nats for each response token, and the gradient with respect to its input."""

    nll_R: Tensor
    entropy_R: Tensor
    grad_RD: Tensor | None


def score(
    hidden_RD: Tensor,
    weight_VD: Tensor,
    target_R: Tensor,
    grad_VD: Tensor | None = None,
    scale: float = 1.0,
    pointwise: Callable[..., tuple[Tensor, Tensor, Tensor]] | None = None,
) -> Scores:
    """Negative log-likelihood and entropy of each token; with `grad_VD`, gradients of `scale` x the summed loss too.

    The loss is linear in its gradient, so the gradients are taken in the same pass as the values and no logits are
    kept: d loss / d logits = softmax(logits) - onehot(target). That of the weight is added to `grad_VD` in
    `grad_VD`'s own precision, since rounding every chunk's share to bf16 makes the entropy drift downwards.
    The entropy is a measurement and has no gradient.
    """
    pointwise = pointwise or nll_entropy_gradient
    nll_R, entropy_R = (
        torch.empty(len(target_R), dtype=_accurate(hidden_RD), device=hidden_RD.device)
        for _ in "ab"
    )
    grad_RD = None if grad_VD is None else torch.empty_like(hidden_RD)
    chunks = -(-target_R.numel() * len(weight_VD) // CHUNK_LOGITS)
    for part in torch.arange(len(target_R)).tensor_split(max(1, chunks)):
        chunk = slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0)
        hidden_CD = hidden_RD[chunk].to(weight_VD.dtype)
        logits_CV = _matmul(hidden_CD, weight_VD.T)
        nll_R[chunk], entropy_R[chunk], grad_CV = pointwise(
            logits_CV, target_R[chunk], weight_VD.dtype
        )
        del logits_CV
        if grad_VD is not None and grad_RD is not None:
            grad_RD[chunk] = _matmul(grad_CV, weight_VD) * scale
            _add_product(grad_VD, grad_CV.T, hidden_CD, scale)
    return Scores(nll_R, entropy_R, grad_RD)


def nll_entropy_gradient(
    logits_CV: Tensor, target_C: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss (C), entropy (C) and d loss / d logits (C, V) in `dtype`.

    H = -sum p log p = logsumexp(logits) - sum p logits; the first form has no cancellation.
    """
    logp_CV = logits_CV - logits_CV.logsumexp(dim=-1, keepdim=True)
    nll_C = -logp_CV.gather(1, target_C[:, None]).squeeze(1)
    p_CV = logp_CV.exp()
    entropy_C = -(p_CV * logp_CV).sum(dim=-1)
    grad_CV = p_CV.to(dtype)
    grad_CV = grad_CV.scatter(1, target_C[:, None], torch.expm1(-nll_C)[:, None].to(dtype))
    return nll_C, entropy_C, grad_CV


def _accurate(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _matmul(left: Tensor, right: Tensor) -> Tensor:
    """The product in fp32 where the factors are bf16, in their own precision elsewhere."""
    if left.dtype != torch.bfloat16:
        return left @ right
    if left.is_cuda:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()


def _add_product(total: Tensor, left: Tensor, right: Tensor, scale: float) -> None:
    """Add scale x left @ right to `total` in place, in `total`'s precision: bf16 factors are summed in fp32."""
    if left.dtype == torch.bfloat16 and left.is_cuda:
        torch.addmm(total, left, right, alpha=scale, out_dtype=torch.float32, out=total)
    else:
        total.addmm_(left.to(total.dtype), right.to(total.dtype), alpha=scale)
