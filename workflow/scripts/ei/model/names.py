"""The tensors of a trained policy, under the names and in the shapes of the base model's folder.

transformers loads some checkpoints under other names (GPT-NeoX) or merges tensors (the experts of
Mixtral and Qwen3-MoE), and remembers how; its own reverse conversion leads back.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ei.stage import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from ei.model.weights import Policy

# What old checkpoints hold besides weights: masks and frequencies that follow from the config.
BUFFERS = (".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias",
           "rotary_emb.inv_freq", "position_ids")  # fmt: skip


def to_write(policy: "Policy", names: list[str]) -> "dict[str, Tensor]":
    """The tensors of these names in bf16 on the CPU; raises UserError at a name the model lacks.

    A folder may hold a tied tensor under both of its names. Both then lead to the one that is
    trained. What transformers computes from the config is left out.
    """
    found = as_in_folder(policy.model, _in_bf16(policy))
    names = [name for name in names if name in found or not name.endswith(BUFFERS)]
    refuse_lost(names, found)
    seen: set[int] = set()
    written: dict[str, Tensor] = {}
    for name in names:
        tensor, again = found[name], id(found[name]) in seen
        written[name] = tensor.clone() if again else tensor.contiguous()  # no file shares memory
        seen.add(id(tensor))
    return written


def refuse_lost(names: Collection[str], found: Collection[str]) -> None:
    """Raise UserError if a folder has tensors of other `names` than were `found`."""
    lost = [name for name in names if name not in found and not name.endswith(BUFFERS)]
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise UserError(
            f"transformers does not keep the tensor {lost[0]}{more} of the base model, so that a"
            " trained policy could not be written back"
        )


def _in_bf16(policy: "Policy") -> "dict[str, Tensor]":
    """All tensors of the model by its own names, in bf16 on the CPU; tied ones are one tensor.

    Buffers that are saved are among them.
    """
    trained = {id(parameter): name for name, parameter in policy.model.named_parameters()}
    written: dict[str, Tensor] = {}
    for name, tensor in policy.model.state_dict(keep_vars=True).items():
        original = trained.get(id(tensor), name)
        if original not in written:
            weight = policy.weights.get(original, tensor).detach()
            written[original] = _bf16(weight).cpu()
        written[name] = written[original]
    return written


def _bf16(tensor: "Tensor") -> "Tensor":
    import torch

    return tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor


def as_in_folder(model: Any, tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The model's `tensors` after the reverse of what transformers did when it loaded them.

    Where it did nothing they come back as they are. Names that it does not convert stay.
    """
    from transformers.core_model_loading import revert_weight_conversion

    if not getattr(model, "_weight_conversions", None):
        return tensors
    return tensors | revert_weight_conversion(model, dict(tensors))
