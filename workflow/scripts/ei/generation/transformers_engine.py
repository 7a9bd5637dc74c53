"""The transformers engine: responses on a CPU or a small GPU, the same ones however the work is split.

Shape suffixes: Q questions of a batch, R rollouts still running, S tokens of the longest prompt, V vocabulary.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging as transformers_logging

from ei.generation.draw import Request, Rollout, Sampling

COMPACT = 0.1  # share of finished rows at which the batch is closed up: less often copies less, more often computes less


def generate(
    policy: Path,
    batches: list[list[Request]],
    sampling: Sampling,
    device: str,
    ended: Callable[[list[int]], bool],
    end_ids: list[int],
) -> Iterator[list[Rollout]]:
    """The rollouts of one batch after the other.

    A batch is computed by itself, so its rollouts do not depend on which other batches this process draws.
    """
    transformers_logging.disable_progress_bar()  # of the weights; the rollouts have their own
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    model: Any = AutoModelForCausalLM.from_pretrained(policy, dtype=dtype)
    model.to(device).eval()
    for batch in batches:
        with torch.inference_mode():
            yield _draw_batch(model, batch, sampling, ended, end_ids)


def _draw_batch(
    model: Any,
    batch: list[Request],
    sampling: Sampling,
    ended: Callable[[list[int]], bool],
    end_ids: list[int],
) -> list[Rollout]:
    uniform_RT = _uniforms(batch, sampling)
    logits_RV, cache, mask_RS = _prefill(model, batch)
    ids: list[list[int]] = [[] for _ in range(len(uniform_RT))]
    reasons = ["length"] * len(ids)
    running = np.arange(len(ids))  # the rollout of each row of the cache
    alive = np.ones(len(ids), dtype=bool)
    for t in range(sampling.max_tokens):
        if t < sampling.min_tokens:
            logits_RV[:, end_ids] = -torch.inf
        token_R = _pick(logits_RV, torch.from_numpy(uniform_RT[running, t]), sampling)
        tokens = token_R.tolist()
        for row in np.flatnonzero(alive):
            mine = ids[running[row]]
            mine.append(tokens[row])
            if tokens[row] in end_ids or ended(mine):
                reasons[running[row]], alive[row] = "stop", False
        if not alive.any() or t + 1 == sampling.max_tokens:
            break
        if (~alive).sum() >= COMPACT * len(alive):
            keep = torch.from_numpy(np.flatnonzero(alive)).to(token_R.device)
            cache.batch_select_indices(keep)
            mask_RS, token_R, running, alive = (
                mask_RS[keep],
                token_R[keep],
                running[alive],
                alive[alive],
            )
        mask_RS = torch.cat([mask_RS, mask_RS.new_ones(len(mask_RS), 1)], dim=1)
        logits_RV = _forward(model, token_R[:, None], mask_RS, cache)
    return [
        Rollout(request.question_id, k, found, reason)
        for (request, k), found, reason in zip(_rollouts(batch), ids, reasons, strict=True)
    ]


def _rollouts(batch: list[Request]) -> list[tuple[Request, int]]:
    """(request, which of its rollouts) of each row."""
    return [(request, k) for request in batch for k in request.samples]


def _uniforms(batch: list[Request], sampling: Sampling) -> np.ndarray:
    """(R, max_tokens) numbers in [0, 1): each row is its rollout's own, by its seed."""
    return np.stack(
        [
            np.random.Generator(np.random.Philox(request.seed + k)).random(sampling.max_tokens)
            for request, k in _rollouts(batch)
        ]
    )


def _prefill(model: Any, batch: list[Request]) -> tuple[torch.Tensor, Any, torch.Tensor]:
    """Logits after the prompts, their keys and values, and the mask: a row for each rollout.

    Each prompt goes through the model once; what it leaves is then repeated for its rollouts.
    """
    longest = max(len(request.prompt_ids) for request in batch)
    ids_QS = torch.tensor(
        [[0] * (longest - len(r.prompt_ids)) + r.prompt_ids for r in batch], device=model.device
    )
    mask_QS = torch.tensor(
        [[0] * (longest - len(r.prompt_ids)) + [1] * len(r.prompt_ids) for r in batch],
        device=model.device,
    )
    cache = DynamicCache()
    logits_QV = _forward(model, ids_QS, mask_QS, cache)
    question_R = torch.tensor(
        [q for q, r in enumerate(batch) for _ in r.samples], device=model.device
    )
    cache.batch_select_indices(question_R)
    return logits_QV[question_R], cache, mask_QS[question_R]


def _forward(model: Any, ids: torch.Tensor, mask: torch.Tensor, cache: Any) -> torch.Tensor:
    """The logits (float32) after the last of `ids`; positions count the unmasked tokens."""
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1].float()


def _pick(logits_RV: torch.Tensor, uniform_R: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The token where the cumulative distribution passes the row's uniform number; at temperature 0 the likeliest."""
    if sampling.temperature == 0:
        return logits_RV.argmax(dim=-1)
    p_RV = (logits_RV.double() / sampling.temperature).softmax(dim=-1)
    if sampling.top_p < 1:
        sorted_RV, order_RV = p_RV.sort(dim=-1, descending=True)
        beyond_RV = sorted_RV.cumsum(dim=-1) - sorted_RV >= sampling.top_p
        p_RV = p_RV.masked_fill(beyond_RV.gather(1, order_RV.argsort(dim=-1)), 0)
    cdf_RV = p_RV.cumsum(dim=-1)
    threshold_R1 = uniform_R.to(cdf_RV)[:, None] * cdf_RV[:, -1:]
    return (
        torch.searchsorted(cdf_RV, threshold_R1, right=True)
        .squeeze(1)
        .clamp(max=cdf_RV.shape[1] - 1)
    )
