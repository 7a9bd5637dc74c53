"""A policy in memory: fp32 weights that are trained, and bf16 copies that a GPU computes with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ei.model import attention, head, support


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
    packed: bool = True  # whether a row goes through the model as it is, or as a padded batch
    form: head.Form = head.PLAIN  # of the logits
    own_attention: str = "sdpa"  # that transformers chose before `attention` replaced it
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
        """The decoder layers: of all lists of modules, the one with the most parameters."""
        lists = [module for module in self.model.modules() if isinstance(module, nn.ModuleList)]
        return max(lists, key=lambda each: sum(weight.numel() for weight in each.parameters()))

    @property
    def bytes(self) -> int:
        """Size of the weights in the precision in which they are trained."""
        return sum(weight.nbytes for weight in self.weights.values())


def prepare(model: Any, mixed: bool) -> Policy:
    """The policy around a transformers model whose weights are in the precision to train in.

    Its attention becomes the packed one where `support.packs` says so. There is no dropout: the
    model stays in evaluation mode, so that a sequence's loss depends on nothing but the sequence.
    """
    model.eval()
    policy = Policy(
        model,
        mixed=False,
        weights=dict(model.named_parameters()),
        head_VD=model.get_output_embeddings().weight.detach(),
        packed=support.packs(model.config),
        form=head.form_of(model),
        own_attention=model.config._attn_implementation,
    )
    if policy.packed:
        attention.use(model, attention.NAME)
    if mixed:
        use_bf16(policy)
    return policy


def freeze(policy: Policy) -> None:
    """Let no weight be trained."""
    policy.model.requires_grad_(False)
    policy.weights.clear()


def use_bf16(policy: Policy) -> None:
    """From now on let the policy compute with bf16 copies of its layers' matrices."""
    policy.mixed = True
    inside = set(policy.layers.modules())
    for name, module in policy.model.named_modules():
        if module in inside and _is_matrix(module):
            _copy_in_bf16(policy, module, f"{name}.")
    refresh(policy)


def _is_matrix(module: nn.Module) -> bool:
    """Whether this is a linear layer, GPT-2's too, or the merged matrices of a layer's experts.

    The experts' grouped product takes the precision of the matrices, whatever autocast says.
    """
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, nn.Linear | Conv1D) or type(module).__name__.endswith("Experts")


def _copy_in_bf16(policy: Policy, module: nn.Module, prefix: str) -> None:
    """Let `module` compute in bf16; originals that are trained stay in `policy.weights`."""
    for name, parameter in module.named_parameters(recurse=False):
        trained = prefix + name in policy.weights
        if trained:
            policy.weights[prefix + name] = nn.Parameter(parameter.data)
            policy.copies[prefix + name] = parameter
        parameter.data = parameter.data.to(torch.bfloat16)


def refresh(policy: Policy) -> None:
    """Bring the bf16 copies, and the output matrix, up to date with the weights."""
    with torch.no_grad():
        for name, copy in policy.copies.items():
            copy.copy_(policy.weights[name])
    output = policy.output.detach()
    policy.head_VD = output.to(torch.bfloat16) if policy.mixed else output


def collect_gradients(policy: Policy) -> None:
    """Add the copies' gradients to those of the weights, in fp32, and clear them."""
    for name, copy in policy.copies.items():
        grad = policy.weights[name].grad
        assert grad is not None
        if copy.grad is not None:  # an expert has none that no token of the row was sent to
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
