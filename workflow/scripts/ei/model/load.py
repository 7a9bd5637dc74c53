"""Loading a policy from its folder, to measure or to train with packed rows."""

import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ei.model import architecture, head
from ei.model import folder as folders
from ei.model.attention import NAME, packed_attention
from ei.model.weights import Policy, prepare
from ei.stage import UserError

# Settings of a model's config that would change its attention or its logits, unless None or 1.
UNSUPPORTED = ("attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "logits_scaling")


def load(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    mixed: bool | None = None,
) -> Policy:
    """The policy of a Hugging Face model folder, with its attention replaced by the packed one.

    On a GPU it computes in mixed precision, unless `mixed` says otherwise.
    """
    from transformers import AutoModelForCausalLM

    architecture.check(folder)
    check_supported(architecture.read_config(folder), folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be loaded as a causal language model: {error}") from None
    model.to(device)  # type: ignore[arg-type]  # transformers wraps it and loses its signature
    use_packed_attention(model)
    return prepare(model, device.type == "cuda" if mixed is None else mixed)


def load_checked(place: Path, device: torch.device) -> tuple[Policy, str]:
    """The policy in a folder and the fingerprint of its weights, computed while they are loaded.

    Raises UserError if a weight is not finite, or if the folder changes meanwhile.
    """
    folders.check(place)
    guard = folders.Guard(place)
    with ThreadPoolExecutor(1) as side:
        hashed = side.submit(folders.checked_fingerprint, place)
        policy = load(place, device)
        fingerprint = hashed.result()
    guard.refuse_change(fingerprint)
    return policy, fingerprint


def use_packed_attention(model: Any) -> None:
    """Let a transformers model attend only within the sequences of packed rows."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
    model.set_attn_implementation(NAME)
    if model.config._attn_implementation != NAME:
        raise UserError(
            f"SFT cannot train {type(model).__name__}: transformers cannot replace its attention"
        )


def check_supported(config: Any, folder: Path) -> None:
    """Raise UserError for what the packed attention and the chunked head would compute wrongly."""
    wrong = [name for name in UNSUPPORTED if getattr(config, name, None) not in (None, 1, 1.0)]
    if any("full" not in kind for kind in getattr(config, "layer_types", None) or []):
        wrong.append("layer_types other than full_attention")
    if wrong:
        raise UserError(f"{folder}: SFT cannot train a model with {', '.join(wrong)}")


def compile_layers(policy: Policy) -> None:
    """Compile the decoder layers and the head's pointwise part, for rows of any length.

    All layers share one compiled graph. With static shapes every new row length would be compiled.
    """
    from torch._dynamo import config

    # Scales and epsilons never change; as variables they would cost a second compilation.
    config.specialize_float = True
    # Inductor advises rounding fp32 products to TF32, which would change the loss.
    logging.getLogger("torch._inductor.utils").setLevel(logging.ERROR)
    for layer in policy.layers:
        layer.forward = torch.compile(layer.forward, fullgraph=True, dynamic=True)
    policy.pointwise = compile_pointwise(head.nll_entropy_gradient)


def recompute_layers(policy: Policy) -> None:
    """Let every decoder layer keep only its input for the backward pass, and run again there.

    Layers that are to be compiled must be so before. There is no dropout, so the second run's
    values are the first's.
    """
    for layer in policy.layers:
        layer.forward = functools.partial(
            checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False
        )


def compile_pointwise(function: Callable[..., Any]) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """`function` of logits, targets and dtype, compiled for chunks of any length."""
    from torch._dynamo import maybe_mark_dynamic

    compiled = torch.compile(function, fullgraph=True)

    def pointwise(
        logits_CV: Tensor, target_C: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, Tensor]:
        maybe_mark_dynamic(logits_CV, 0)  # the vocabulary, dimension 1, stays static
        maybe_mark_dynamic(target_C, 0)
        result: tuple[Tensor, Tensor, Tensor] = compiled(logits_CV, target_C, dtype)
        return result

    return pointwise
