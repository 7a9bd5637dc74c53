"""Whether a GPU's memory holds what SFT and vLLM need: an estimate that refuses the impossible."""

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from ei.model.folder import read_config_json
from ei.model.tensors import stored_tensors
from ei.preflight.finding import GIB, Finding
from ei.training.memory import FULL, SMALL, SPARE, Size, advice, peak, with_lora

IN_LAYER = re.compile(r"\.\d+\.")  # as in model.layers.0.mlp.up_proj.weight
HALF = 2  # bytes of a value in bf16


def size_of(folder: Path) -> Size:
    """The size of a model folder's model, from the headers of its weights."""
    shapes = {name: tensor.shape for name, tensor in stored_tensors(folder).items()}
    return size_from(shapes, read_config_json(folder))


def size_from(shapes: Mapping[str, tuple[int, ...]], config: Mapping[str, Any]) -> Size:
    """The same from the tensors' shapes by name, and the config."""
    matrices = [shape for name, shape in shapes.items() if IN_LAYER.search(name) and len(shape) > 1]
    vocabulary, width = max(
        (shape for name, shape in shapes.items() if len(shape) == 2 and not IN_LAYER.search(name)),
        default=(0, 0),
    )
    return Size(
        parameters=sum(map(prod, shapes.values())),
        copied=sum(map(prod, matrices)),
        outputs=sum(prod(shape) // shape[-1] for shape in matrices),
        vocabulary=vocabulary,
        width=width,
        layers=int(config.get("num_hidden_layers") or config.get("n_layer") or 1),
    )


def of_sft(size: Size, sft: Mapping[str, Any], gpu_gib: float) -> list[Finding]:
    """What is to be said of SFT, with the settings of that section, on such a GPU."""
    if sft.get("lora"):
        size = with_lora(size, sft["lora"]["rank"])
    plan = FULL if sft["memory"] == "full" else SMALL
    least = peak(size, 0, plan) - SPARE
    if least > gpu_gib * GIB:
        wider = "set sft.memory to small, or " if plan is FULL else ""
        wider += "" if sft.get("lora") else "set sft.lora, or "
        return [
            Finding(
                f"sft needs {least / GIB:.1f} GiB of GPU memory for weights, gradients and what"
                f" goes with them, and the GPU has {gpu_gib:.1f}: {wider}use a smaller model or a"
                " larger GPU"
            )
        ]
    likely = peak(size, sft["row_tokens"], plan)
    if likely > gpu_gib * GIB:
        return [
            Finding(
                f"sft may need {likely / GIB:.1f} GiB of GPU memory, and the GPU has {gpu_gib:.1f}:"
                f" if it runs out, {advice(sft['memory'], plan, sft['row_tokens'], 1)}",
                fatal=False,
            )
        ]
    return []


def of_vllm(
    size: Size, config: Mapping[str, Any], context: int, percent: int, gpu_gib: float
) -> list[Finding]:
    """What is to be said of vLLM with `percent` of such a GPU's memory."""
    share = gpu_gib * percent / 100
    weights = HALF * size.parameters / GIB
    if weights > share:
        return [
            Finding(
                f"vLLM needs {weights:.1f} GiB of GPU memory for the weights, and has {share:.1f}"
                f" ({percent} % of {gpu_gib:.1f}): raise vllm.memory_percent, or use a larger GPU"
            )
        ]
    cache = context * cache_bytes(config) / GIB
    if weights + cache > share:
        return [
            Finding(
                f"vLLM may not start: weights ({weights:.1f} GiB) and the KV cache of one sequence"
                f" of the model's longest length, {context} tokens ({cache:.1f} GiB), exceed its"
                f" {share:.1f} GiB; raise vllm.memory_percent, or lower max_position_embeddings in"
                " the model's config.json",
                fatal=False,
            )
        ]
    return []


def cache_bytes(config: Mapping[str, Any]) -> int:
    """Keys and values of one token in all layers, in bytes; 0 where the config does not say."""
    heads = config.get("num_attention_heads") or 0
    width = config.get("head_dim") or (config.get("hidden_size") or 0) // max(1, heads)
    shared = config.get("num_key_value_heads") or heads
    return int(2 * HALF * (config.get("num_hidden_layers") or 0) * shared * width)
