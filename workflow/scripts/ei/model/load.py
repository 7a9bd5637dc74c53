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

from ei.model import architecture, head, selfcheck, support
from ei.model import folder as folders
from ei.model.room import available
from ei.model.weights import Policy, freeze, prepare, refresh, use_bf16
from ei.stage import UserError


def load(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    mixed: bool | None = None,
    frozen: bool = False,
) -> Policy:
    """The policy of a Hugging Face model folder, once its losses were seen to be the model's own.

    On a GPU it computes in mixed precision, unless `mixed` says otherwise. If it is `frozen`, no
    weight is to be trained: layers are then on the GPU in bf16 alone, 2 bytes a parameter. Where
    fp32 weights do not fit there, even for a while, the comparison in fp32 is made on the CPU.
    """
    from transformers import AutoModelForCausalLM

    architecture.check(folder)
    own = support.own_attention(architecture.read_config(folder))
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=own)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be loaded as a causal language model: {error}") from None
    to_device = functools.partial(model.to, device)  # type: ignore[arg-type]  # wrapped by theirs
    if not frozen or fits(model, device):
        to_device()
    policy = prepare(model, mixed=False)
    selfcheck.refuse_difference(policy, folder)
    mixed = device.type == "cuda" if mixed is None else mixed
    if frozen:
        freeze(policy)
    if mixed:
        use_bf16(policy)
    if frozen:
        to_device()
        refresh(policy)
    if mixed:
        selfcheck.refuse_difference(policy, folder)
    return policy


def fits(model: Any, device: torch.device) -> bool:
    """Whether a model's weights, as they are, and half as much again fit on the device."""
    if device.type != "cuda":
        return True
    needed = sum(weight.nbytes for weight in model.parameters())
    return 1.5 * needed < available(device)


def load_checked(place: Path, device: torch.device, frozen: bool = False) -> tuple[Policy, str]:
    """The policy in a folder and the fingerprint of its weights, computed while they are loaded.

    Raises UserError if a weight is not finite, or if the folder changes meanwhile.
    """
    folders.check(place)
    guard = folders.Guard(place)
    with ThreadPoolExecutor(1) as side:
        hashed = side.submit(folders.checked_fingerprint, place)
        try:
            policy = load(place, device, frozen=frozen)
        except UserError:
            hashed.result()  # what is wrong with the weights themselves says more
            raise
        fingerprint = hashed.result()
    guard.refuse_change(fingerprint)
    return policy, fingerprint


def compile_layers(policy: Policy) -> None:
    """Compile the decoder layers and the head's pointwise part, for rows of any length.

    All layers share one compiled graph. With static shapes every new row length would be compiled.
    Only packed rows are computed so, and only by models that transformers says can be compiled.
    """
    from torch._dynamo import config

    # Scales and epsilons never change; as variables they would cost a second compilation.
    config.specialize_float = True
    # Inductor advises rounding fp32 products to TF32, which would change the loss.
    logging.getLogger("torch._inductor.utils").setLevel(logging.ERROR)
    for layer in policy.layers if policy.packed and policy.model._can_compile_fullgraph else ():
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
    """`head.nll_entropy_gradient` or the like, compiled for chunks of any length."""
    from torch._dynamo import maybe_mark_dynamic

    compiled = torch.compile(function, fullgraph=True)

    def pointwise(logits_CV: Tensor, target_C: Tensor, *form: Any) -> tuple[Tensor, Tensor, Tensor]:
        maybe_mark_dynamic(logits_CV, 0)  # the vocabulary, dimension 1, stays static
        maybe_mark_dynamic(target_C, 0)
        result: tuple[Tensor, Tensor, Tensor] = compiled(logits_CV, target_C, *form)
        return result

    return pointwise
