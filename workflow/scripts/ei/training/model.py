"""A policy in memory: fp32 weights that are trained, and the bf16 copies that a GPU computes with.

Shape suffixes: T tokens of a row, R response tokens, D model width, V vocabulary.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ei.stage import UserError
from ei.training import head
from ei.training.attention import NAME, packed_attention
from ei.training.packing import Row

UNSUPPORTED = ("attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "logits_scaling")


@dataclass
class Policy:
    """A causal language model and the weights that belong to it.

    In mixed precision every matrix of the decoder layers is replaced by a bf16 copy, whose gradients are summed in
    fp32 in the `.grad` of its fp32 original; the arithmetic is that of bf16 autocast, without its casts of every
    weight for every row. Otherwise nothing is copied, and all arithmetic is in the precision of the weights.
    """

    model: Any
    mixed: bool
    weights: dict[str, nn.Parameter]  # all trained tensors by their names in the model
    copies: dict[str, nn.Parameter] = field(default_factory=dict)
    head_VD: Tensor = field(
        default_factory=lambda: torch.empty(0)
    )  # the output matrix that logits are made with
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
    def bytes(self) -> int:
        """Size of the weights as they are trained."""
        return sum(weight.nbytes for weight in self.weights.values())


def load(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    mixed: bool | None = None,
) -> Policy:
    """The policy of a Hugging Face model folder, ready to be trained with packed rows; on a GPU in mixed precision."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a model folder: it has no config.json")
    _check_supported(AutoConfig.from_pretrained(folder), folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be loaded as a causal language model: {error}") from None
    model.to(device)  # type: ignore[arg-type]  # transformers wraps the method and loses its signature
    use_packed_attention(model)
    return prepare(model, device.type == "cuda" if mixed is None else mixed)


def use_packed_attention(model: Any) -> None:
    """Let a transformers model attend within the sequences of packed rows, by `attention.packed_attention`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
    model.set_attn_implementation(NAME)
    if model.config._attn_implementation != NAME:
        raise UserError(
            f"SFT cannot train {type(model).__name__}: its attention cannot be exchanged in transformers"
        )


def _check_supported(config: Any, folder: Path) -> None:
    """Refuse what the packed attention and the chunked head would compute wrongly."""
    wrong = [name for name in UNSUPPORTED if getattr(config, name, None) not in (None, 1, 1.0)]
    if any("full" not in kind for kind in getattr(config, "layer_types", None) or []):
        wrong.append("layer_types other than full_attention")
    if wrong:
        raise UserError(f"{folder}: SFT cannot train a model with {', '.join(wrong)}")


def prepare(model: Any, mixed: bool) -> Policy:
    """The policy around a transformers model whose weights are in the precision to train in.

    No dropout: the model stays in evaluation mode, so that a sequence's loss depends on nothing but the sequence.
    """
    model.eval()
    weights = dict(model.named_parameters())
    policy = Policy(model, mixed, weights, head_VD=model.get_output_embeddings().weight.detach())
    if mixed:
        inside = set(layers(model).modules())
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and module in inside:
                _copy_in_bf16(policy, module, f"{name}.")
        refresh(policy)
    return policy


def _copy_in_bf16(policy: Policy, module: nn.Linear, prefix: str) -> None:
    """Let `module` compute with bf16 copies of its weights; the originals stay in `policy.weights`."""
    for part, parameter in module.named_parameters(recurse=False):
        policy.weights[prefix + part] = nn.Parameter(parameter.data)
        parameter.data = parameter.data.to(torch.bfloat16)
        policy.copies[prefix + part] = parameter


def layers(model: Any) -> nn.ModuleList:
    """The decoder layers."""
    found: nn.ModuleList = model.base_model.layers
    return found


def refresh(policy: Policy) -> None:
    """Bring the bf16 copies up to date with the trained weights."""
    if not policy.mixed:
        return
    with torch.no_grad():
        for name, copy in policy.copies.items():
            copy.copy_(policy.weights[name])
        policy.head_VD = policy.output.detach().to(torch.bfloat16)


def collect(policy: Policy) -> None:
    """Add the copies' gradients to those of the weights, in fp32, and clear them."""
    for name, copy in policy.copies.items():
        grad = policy.weights[name].grad
        assert grad is not None
        assert copy.grad is not None
        grad.add_(copy.grad)
        copy.grad = None


def clear_gradients(policy: Policy) -> None:
    """Set the gradients of all weights to zero; the buffers stay where they are."""
    for weight in policy.weights.values():
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    torch._foreach_zero_(
        [weight.grad for weight in policy.weights.values() if weight.grad is not None]
    )


def compile_layers(policy: Policy) -> None:
    """Compile the decoder layers and the head's pointwise part, for rows of any length.

    All layers share one compiled graph. With static shapes every new row length would compile anew.
    """
    from torch._dynamo import config

    config.specialize_float = (
        True  # scales and epsilons never change; as variables they cost a second compilation
    )
    logging.getLogger("torch._inductor.utils").setLevel(
        logging.ERROR
    )  # advice to round fp32 products to TF32
    for layer in layers(policy.model):
        layer.compile(fullgraph=True, dynamic=True)
    policy.pointwise = compile_pointwise(head.nll_entropy_gradient)


def compile_pointwise(function: Callable[..., Any]) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """`function` of logits, targets and dtype, compiled for chunks of any length over one vocabulary."""
    from torch._dynamo import maybe_mark_dynamic

    compiled = torch.compile(function, fullgraph=True)

    def pointwise(
        logits_CV: Tensor, target_C: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, Tensor]:
        maybe_mark_dynamic(logits_CV, 0)
        maybe_mark_dynamic(target_C, 0)
        result: tuple[Tensor, Tensor, Tensor] = compiled(logits_CV, target_C, dtype)
        return result

    return pointwise


def hidden_states(policy: Policy, row: Row) -> Tensor:
    """Hidden states (R, D) that the next-token distributions of the row's response tokens are made from."""
    kernel = policy.mixed and policy.device.type == "cuda"
    with torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.mixed):
        hidden_1TD = policy.model.base_model(
            input_ids=row.ids_T[None],
            position_ids=row.position_T[None],
            use_cache=False,
            offset_N1=row.offset_N1,
            longest=row.longest,
            padded_NL=None if kernel else row.padded_NL,
        ).last_hidden_state
    return hidden_1TD[0].index_select(0, row.predicts_R)


def measure(policy: Policy, row: Row) -> head.Scores:
    """Loss and entropy of every response token of the row."""
    with torch.no_grad():
        return head.score(hidden_states(policy, row), policy.head_VD, row.target_R)


def backward(policy: Policy, row: Row, scale: float) -> head.Scores:
    """Loss and entropy of every response token; the gradient of `scale` x the summed loss is added to the weights'."""
    hidden_RD = hidden_states(policy, row)
    grad_VD = policy.output.grad
    assert grad_VD is not None
    scores = head.score(
        hidden_RD.detach(), policy.head_VD, row.target_R, grad_VD, scale, policy.pointwise
    )
    hidden_RD.backward(scores.grad_RD)
    collect(policy)
    return scores
