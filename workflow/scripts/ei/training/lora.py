"""LoRA: matrices of a low rank are trained beside the layers' own, which stay as they are.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021, arXiv 2106.09685; the
matrices and their arithmetic are those of the library peft. Trained, they are added to the weights,
so that a policy is a whole model for every later stage.
"""

import hashlib
import logging
from typing import Any

import torch

from ei.model.weights import Policy
from ei.stage import UserError
from ei.training.recipe import Lora

log = logging.getLogger("sft")


def add(policy: Policy, lora: Lora, seed: str) -> Any:
    """Put low-rank matrices, all that is trained, beside the matrices of a frozen policy's layers.

    Returns peft's model, for `merge`. They begin as a change of nothing: one of each two is zero,
    and `seed` decides on the other.
    """
    from peft import LoraConfig, get_peft_model

    names = matrices(policy)
    if not names:
        raise UserError(f"sft.lora: the layers of {type(policy.model).__name__} have no matrices")
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=names)  # type: ignore[arg-type]  # a float will do
    with torch.random.fork_rng(devices=[policy.device] if policy.device.type == "cuda" else []):
        torch.manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
        adapted = get_peft_model(policy.model, config)
    policy.weights = {
        name: weight for name, weight in policy.model.named_parameters() if weight.requires_grad
    }
    trained = sum(weight.numel() for weight in policy.weights.values())
    log.info("LoRA: %.1f million parameters beside %d matrices", trained / 1e6, len(names))
    return adapted


def matrices(policy: Policy) -> list[str]:
    """The names of the layers' linear modules; GPT-2's are called Conv1D."""
    from transformers.pytorch_utils import Conv1D

    inside = set(policy.layers.modules())
    return [
        name
        for name, module in policy.model.named_modules()
        if module in inside and isinstance(module, torch.nn.Linear | Conv1D)
    ]


@torch.no_grad()
def merge(policy: Policy, adapted: Any) -> None:
    """Add what was trained to the weights, in fp32, and take the matrices away again.

    Each weight is rounded once, to the precision that it is kept in.
    """
    from peft.tuners.lora import LoraLayer

    for module in adapted.modules():
        if isinstance(module, LoraLayer):
            base: Any = module.get_base_layer()
            kind = base.weight.dtype
            base.to(torch.promote_types(kind, torch.float32))
            module.merge()
            base.to(kind)
    adapted.unload()
    policy.weights = dict(policy.model.named_parameters())
