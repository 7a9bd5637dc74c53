"""The transformers engine: responses on a CPU or a small GPU, the same however the work is split.

Shape suffixes: Q questions of a batch, R rows of the cache (rollouts, some of which may have
ended), S tokens so far from the start of the longest prompt, V vocabulary.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging as transformers_logging

from ei.model.architecture import read_config
from ei.model.room import enough_or, lowered, weights_alone
from ei.model.support import own_attention
from ei.sampling.requests import Request, Rollout, Work, batches
from ei.sampling.settings import Sampling
from ei.sampling.stop import stop_test

# Share of ended rows at which they are dropped from the cache. Dropping them more often copies
# more; less often wastes more computation.
COMPACT = 0.1
Ended = Callable[[Sequence[int]], bool]


def generate(policy: Path, tokenizer: Any, device: str, work: Work) -> Iterator[list[Rollout]]:
    """The rollouts of one batch of questions after the other.

    A batch is computed by itself, so its rollouts do not depend on which others this process draws.
    """
    transformers_logging.disable_progress_bar()  # of the weights; the rollouts have their own
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    own = own_attention(read_config(policy))
    model: Any = AutoModelForCausalLM.from_pretrained(policy, dtype=dtype, attn_implementation=own)
    with enough_or(weights_alone):
        model.to(device).eval()
    sampling = work.sampling
    setting = f"{Path(sys.argv[0]).stem}.batch"  # of the section that is named for the script
    ended = stop_test(tokenizer, sampling.stop, sampling.min_tokens, work.closers)
    for batch in batches(work.requests, sampling.batch):
        with torch.inference_mode(), enough_or(lambda: lowered(setting, sampling.batch)):
            drawn = _draw_batch(model, batch, sampling, ended, work.end_ids)
        yield drawn


def _draw_batch(
    model: Any, batch: list[Request], sampling: Sampling, ended: Ended, end_ids: list[int]
) -> list[Rollout]:
    uniform_RT = _uniforms(batch, sampling)
    logits_RV, cache, mask_RS = _prefill(model, batch)
    ids: list[list[int]] = [[] for _ in range(len(uniform_RT))]
    reasons = ["length"] * len(ids)
    rollout_R = np.arange(len(ids))  # which of `ids` each row of the cache continues
    alive_R = np.ones(len(ids), dtype=bool)
    for t in range(sampling.max_tokens):
        if t < sampling.min_tokens:
            logits_RV[:, end_ids] = -torch.inf
        token_R = _pick(logits_RV, torch.from_numpy(uniform_RT[rollout_R, t]), sampling)
        tokens = token_R.tolist()
        for row in np.flatnonzero(alive_R):
            response = ids[rollout_R[row]]
            response.append(tokens[row])
            if tokens[row] in end_ids or ended(response):
                reasons[rollout_R[row]], alive_R[row] = "stop", False
        if not alive_R.any() or t + 1 == sampling.max_tokens:
            break
        if (~alive_R).sum() >= COMPACT * len(alive_R):
            keep = torch.from_numpy(np.flatnonzero(alive_R)).to(token_R.device)
            cache.batch_select_indices(keep)
            mask_RS, token_R = mask_RS[keep], token_R[keep]
            rollout_R, alive_R = rollout_R[alive_R], alive_R[alive_R]
        mask_RS = torch.cat([mask_RS, mask_RS.new_ones(len(mask_RS), 1)], dim=1)
        logits_RV = _forward(model, token_R[:, None], mask_RS, cache)
    return [
        Rollout(request.question_id, k, response, reason)
        for (request, k), response, reason in zip(_rollouts(batch), ids, reasons, strict=True)
    ]


def _rollouts(batch: list[Request]) -> list[tuple[Request, int]]:
    """(request, number of the rollout) of each row, before any is dropped."""
    return [(request, k) for request in batch for k in request.samples]


def _uniforms(batch: list[Request], sampling: Sampling) -> np.ndarray:
    """Numbers in [0, 1) of shape (R, max_tokens); each row depends only on its rollout's seed."""
    return np.stack(
        [
            np.random.Generator(np.random.Philox(request.seed + k)).random(sampling.max_tokens)
            for request, k in _rollouts(batch)
        ]
    )


def _prefill(model: Any, batch: list[Request]) -> tuple[torch.Tensor, Any, torch.Tensor]:
    """Logits after the prompts, their keys and values, and the mask: a row for each rollout.

    Each prompt goes through the model once, padded on the left; its keys and values are then
    repeated for its rollouts.
    """
    longest = max(len(request.prompt_ids) for request in batch)
    padding = [[0] * (longest - len(request.prompt_ids)) for request in batch]
    prompts = [request.prompt_ids for request in batch]
    ids = [left + prompt for left, prompt in zip(padding, prompts, strict=True)]
    mask = [left + [1] * len(prompt) for left, prompt in zip(padding, prompts, strict=True)]
    ids_QS = torch.tensor(ids, device=model.device)
    mask_QS = torch.tensor(mask, device=model.device)
    cache = DynamicCache()
    logits_QV = _forward(model, ids_QS, mask_QS, cache)
    question_R = torch.tensor(
        [q for q, r in enumerate(batch) for _ in r.samples], device=model.device
    )
    cache.batch_select_indices(question_R)
    return logits_QV[question_R], cache, mask_QS[question_R]


def _forward(model: Any, ids: torch.Tensor, mask: torch.Tensor, cache: Any) -> torch.Tensor:
    """The logits (rows, V) in fp32 after the last of `ids`; positions count the unmasked tokens."""
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
    """The token at which the cumulative distribution passes the row's uniform number.

    At temperature 0 it is the likeliest one.
    """
    if sampling.temperature == 0:
        return logits_RV.argmax(dim=-1)
    # In fp64: a cumulative sum in fp32 moves in steps of 6e-8 near 1, and would lose rarer tokens.
    p_RV = (logits_RV.double() / sampling.temperature).softmax(dim=-1)
    if sampling.top_p < 1:
        sorted_RV, order_RV = p_RV.sort(dim=-1, descending=True)
        beyond_RV = sorted_RV.cumsum(dim=-1) - sorted_RV >= sampling.top_p
        p_RV = p_RV.masked_fill(beyond_RV.gather(1, order_RV.argsort(dim=-1)), 0)
    cdf_RV = p_RV.cumsum(dim=-1)
    threshold_R1 = uniform_R.to(cdf_RV)[:, None] * cdf_RV[:, -1:]
    token_R1 = torch.searchsorted(cdf_RV, threshold_R1, right=True)
    return token_R1.squeeze(1).clamp(max=cdf_RV.shape[1] - 1)
