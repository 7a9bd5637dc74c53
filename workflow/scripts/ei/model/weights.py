"""A policy in memory: fp32 weights that are trained, and bf16 copies that a GPU computes with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ei.model import head
from ei.stage import UserError


@dataclass
class Policy:
    """A causal language model and its weights.

    In mixed precision every matrix of the decoder layers is replaced by a bf16 copy, whose
    gradients are summed in fp32 in the `.grad` of its fp32 original. The arithmetic is that of bf16
    autocast, without casting every weight for every row. Otherwise nothing is copied, and all
    arithmetic is in the precision of the weights.
    """

    model: Any
    mixed: bool
    weights: dict[str, nn.Parameter]  # all trained tensors by their names in the model
    head_VD: Tensor  # the output matrix that logits are computed with; bf16 in mixed precision
    copies: dict[str, nn.Parameter] = field(default_factory=dict)  # bf16, by the original's name
    pointwise: Callable[..., tuple[Tensor, Tensor, Tensor]] = head.nll_entropy_gradient

    @property
    def device(self) -> torch.device:
        return self.output.device

    @property
    def output(self) -> nn.Parameter:
        """The output matrix (V, D) that is trained; the embedding itself where the two are tied."""
        weight: nn.Parameter = self.model.get_output_embeddings().weight
        return weight

    @property
    def layers(self) -> nn.ModuleList:
        """The decoder layers."""
        found: nn.ModuleList = self.model.base_model.layers
        return found

    @property
    def bytes(self) -> int:
        """Size of the weights in the precision in which they are trained."""
        return sum(weight.nbytes for weight in self.weights.values())


def prepare(model: Any, mixed: bool) -> Policy:
    """The policy around a transformers model whose weights are in the precision to train in.

    There is no dropout: the model stays in evaluation mode, so that a sequence's loss depends on
    nothing but the sequence.
    """
    model.eval()
    weights = dict(model.named_parameters())
    policy = Policy(model, mixed, weights, head_VD=model.get_output_embeddings().weight.detach())
    if mixed:
        inside = set(policy.layers.modules())
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and module in inside:
                _copy_in_bf16(policy, module, f"{name}.")
        refresh(policy)
    return policy


def _copy_in_bf16(policy: Policy, module: nn.Linear, prefix: str) -> None:
    """Let `module` compute with bf16 copies; the originals stay in `policy.weights`."""
    for name, parameter in module.named_parameters(recurse=False):
        policy.weights[prefix + name] = nn.Parameter(parameter.data)
        parameter.data = parameter.data.to(torch.bfloat16)
        policy.copies[prefix + name] = parameter


def refresh(policy: Policy) -> None:
    """Bring the bf16 copies up to date with the trained weights."""
    if not policy.mixed:
        return
    with torch.no_grad():
        for name, copy in policy.copies.items():
            copy.copy_(policy.weights[name])
        policy.head_VD = policy.output.detach().to(torch.bfloat16)


def collect_gradients(policy: Policy) -> None:
    """Add the copies' gradients to those of the weights, in fp32, and clear them."""
    for name, copy in policy.copies.items():
        grad = policy.weights[name].grad
        assert grad is not None
        assert copy.grad is not None
        grad.add_(copy.grad)
        copy.grad = None


def clear_gradients(policy: Policy) -> None:
    """Set the gradients of all weights to zero; their buffers stay, 4 bytes a parameter."""
    for weight in policy.weights.values():
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    torch._foreach_zero_(
        [weight.grad for weight in policy.weights.values() if weight.grad is not None]
    )


def to_write(policy: Policy, names: list[str]) -> dict[str, Tensor]:
    """The weights of these names in bf16 on the CPU; raises UserError at a name the model lacks.

    A folder may hold a tied tensor under both of its names. Both then lead to the one that is
    trained.
    """
    trained = {id(parameter): name for name, parameter in policy.model.named_parameters()}
    originals = {
        name: trained[id(tensor)]
        for name, tensor in policy.model.named_parameters(remove_duplicate=False)
    }
    missing = [name for name in names if name not in originals]
    if missing:
        raise UserError(
            f"transformers loads {missing[0]} under another name, so the policy cannot be written"
            " back"
        )
    return {
        name: policy.weights[originals[name]].detach().to(torch.bfloat16).cpu().contiguous()
        for name in names
    }
