"""How a training fits into a GPU's memory: plans that cost time and leave the result as it is."""

import logging
from dataclasses import dataclass, replace

from ei.model.head import CHUNK_LOGITS
from ei.model.room import lowered, reachable
from ei.model.weights import Policy

log = logging.getLogger("sft")
GIB = 2**30
# Activations, in bytes for each token and each row of a layer's matrices. 1.5 billion parameters
# and rows of 16,384 tokens peaked at 54.5 GiB on an H200: 25.9 of weights, gradients and moments,
# 2 of logits, the rest activations of 28 layers whose matrices have 23,040 rows.
PER_OUTPUT = 2.7
PER_LOGIT = 8  # a chunk's fp32 logits, their bf16 gradient and what lies between, in bytes
SPARE = 1 * GIB  # for the optimizer's buffers, and for what the allocator cannot use


@dataclass(frozen=True)
class Plan:
    """What a training does without, so that it needs less memory.

    `recompute` keeps of every layer only its input for the backward pass, and runs the layer again
    there. `offload` keeps the optimizer's moments, 8 bytes a parameter, in the host's memory.
    """

    recompute: bool = False
    offload: bool = False

    def __str__(self) -> str:
        parts = [name for name in ("recompute", "offload") if getattr(self, name)]
        return " and ".join(parts) or "full"


@dataclass(frozen=True)
class Size:
    """What the memory of a training depends on: numbers of values, rows, tokens and layers.

    `parameters` are trained. `copied` are those of the layers' weights that are computed with in
    bf16, `outputs` the rows of the layers' matrices, `frozen` the bytes of weights that stay.
    """

    parameters: int
    copied: int
    outputs: int
    vocabulary: int
    width: int
    layers: int
    frozen: int = 0


FULL, RECOMPUTE, SMALL = Plan(), Plan(recompute=True), Plan(recompute=True, offload=True)


def choose(memory: str, policy: Policy, row_tokens: int) -> Plan:
    """The plan for a value of `sft.memory`; "auto" is the fastest that fits what is free.

    On a CPU "auto" is "full": its memory is the host's own.
    """
    if memory != "auto":
        return {"full": FULL, "small": SMALL}[memory]
    if policy.device.type != "cuda":
        return FULL
    return fitting(policy, row_tokens, reachable(policy.device))  # the weights are there already


def fitting(policy: Policy, row_tokens: int, free: int) -> Plan:
    """The fastest plan estimated to fit into `free` bytes, weights included; else the smallest."""
    needed = {plan: estimate(policy, row_tokens, plan) for plan in (FULL, RECOMPUTE, SMALL)}
    plan = next((plan for plan in needed if needed[plan] <= free), SMALL)
    log.info(
        "sft.memory auto: %s, estimated at %.1f of %.1f GiB (full: %.1f)",
        plan,
        needed[plan] / GIB,
        free / GIB,
        needed[FULL] / GIB,
    )
    return plan


def advice(memory: str, plan: Plan, row_tokens: int, longest: int) -> str:
    """What to set to what when a training runs out of memory.

    `memory` is `sft.memory`, and `plan` what came of it; both others are in tokens. No row can be
    shorter than the `longest` sequence.
    """
    if memory == "full":
        return "set sft.memory to auto"
    if row_tokens <= longest:
        rows = f"set filter.max_tokens to {longest // 2}, since the longest sequence has {longest}"
    else:
        rows = lowered("sft.row_tokens", row_tokens, longest)
    return rows if plan == SMALL else f"set sft.memory to small, or {rows}"


def estimate(policy: Policy, row_tokens: int, plan: Plan) -> int:
    """The memory, in bytes, that training with rows of `row_tokens` takes at its peak."""
    vocabulary, width = policy.output.shape
    matrices = [weight for weight in policy.layers.parameters() if weight.ndim > 1]
    size = Size(
        parameters=policy.bytes // 4,
        copied=sum(copy.numel() for copy in policy.copies.values()),
        outputs=sum(matrix.shape[0] for matrix in matrices),
        vocabulary=vocabulary,
        width=width,
        layers=max(1, len(policy.layers)),
    )
    return peak(size, row_tokens, plan)


def with_lora(size: Size, rank: int) -> Size:
    """About the size with low-rank matrices beside the layers', in bf16 then, and nothing else.

    Each has as many columns as rows, about: what is added to a row is two times `rank` values.
    """
    others = size.parameters - size.copied  # embeddings and norms, which stay in fp32
    return replace(
        size,
        parameters=2 * rank * size.outputs,
        copied=0,
        frozen=2 * size.copied + 4 * others,
    )


def peak(size: Size, row_tokens: int, plan: Plan) -> int:
    """The same for a model of this size."""
    activations = PER_OUTPUT * size.outputs * row_tokens
    if plan.recompute:  # every layer's fp32 input, and one layer's activations
        activations = activations / size.layers + 4 * size.layers * size.width * row_tokens
    logits = PER_LOGIT * min(row_tokens * size.vocabulary, CHUNK_LOGITS)
    copies = 2 * (size.copied + size.vocabulary * size.width)  # in bf16, as the output matrix
    states = (8 if plan.offload else 16) * size.parameters  # weights, gradients; two moments
    return int(states + copies + logits + activations) + size.frozen + SPARE
