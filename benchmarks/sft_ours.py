"""The sft stage's own path on a GPU: its loss and gradient against fp32, its speed, its kernels."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sft_trl import BATCH, WINDOWS, summary


def check(flags: argparse.Namespace) -> dict[str, Any]:
    """Compare a row in compiled mixed precision with fp32, and grouped heads with repeated ones."""
    import torch

    from ei.model import packing
    from ei.training.sequences import read_sequences

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sequences = read_sequences(flags.work / "filtered.parquet")
    chosen = packing.first_fit_decreasing([len(sequence) for sequence in sequences[:100]], 4096)[0]
    row = packing.build_row([sequences[item] for item in chosen], 128, device)
    model = flags.work / "model"
    loss, entropy, grads = one_pass(model, row, mixed=True, compiled=not flags.tiny)
    exact_loss, exact_entropy, exact = one_pass(model, row, mixed=False, compiled=False)
    cosine, norms = compare(*(flat(each) for each in (grads, exact)))
    cosines = {name: compare(grads[name].flatten(), exact[name].flatten())[0] for name in exact}
    worst = min(cosines, key=lambda name: cosines[name])
    close = abs(loss - exact_loss) < 1e-2 and abs(entropy / exact_entropy - 1) < 1e-2
    return {
        "loss": [loss, exact_loss],
        "entropy": [entropy, exact_entropy],
        "cosine": cosine,
        "worst_tensor": [worst, cosines[worst]],
        "norms": norms,
        **(grouped_heads(row) if device.type == "cuda" else {}),
        "passed": close and cosine > 0.999,
    }


def one_pass(
    folder: Path, row: Any, mixed: bool, compiled: bool
) -> tuple[float, float, dict[str, Any]]:
    """Mean loss and entropy of the row in nats, and the gradients by name, on the CPU."""
    from ei.model.load import compile_layers, load
    from ei.model.passes import backward
    from ei.model.weights import clear_gradients

    policy = load(folder, row.ids_T.device, mixed=mixed)
    if compiled:
        compile_layers(policy)
    clear_gradients(policy)
    scores = backward(policy, row, 1 / len(row.target_R))
    grads = {name: weight.grad.cpu() for name, weight in policy.weights.items()}  # type: ignore[union-attr]
    return float(scores.nll_R.mean()), float(scores.entropy_R.mean()), grads


def flat(grads: dict[str, Any]) -> Any:
    """All gradients as one vector, by name."""
    import torch

    return torch.cat([grads[name].flatten() for name in sorted(grads)])


def compare(one: Any, other: Any) -> tuple[float, list[float]]:
    """The cosine of the angle between two vectors, in fp64, and their norms."""
    one, other = one.double(), other.double()
    norms = [float(one.norm()), float(other.norm())]
    return float(one @ other) / (norms[0] * norms[1]), norms


def grouped_heads(row: Any) -> dict[str, Any]:
    """Relative differences of the kernel's output and gradients without and with repeated heads.

    The kernel reads grouped key and value heads as they are; repeating them first is the reference.
    """
    import torch

    from ei.model.attention import varlen

    torch.manual_seed(0)
    shapes = ((len(row.ids_T), heads, 128) for heads in (12, 2, 2))
    inputs = [
        torch.randn(*shape, device="cuda", dtype=torch.bfloat16, requires_grad=True)
        for shape in shapes
    ]
    results, milliseconds = [], []
    for repeats in (1, 6):
        for _ in range(3):  # the last one is timed: the first ones warm up
            torch.cuda.synchronize()
            start = time.perf_counter()
            query, key, value = inputs
            if repeats > 1:
                key, value = (heads.repeat_interleave(repeats, dim=1) for heads in (key, value))
            out = varlen(query, key, value, row.offset_N1, row.longest, 128**-0.5)
            grads = torch.autograd.grad(out, inputs, torch.ones_like(out))
            torch.cuda.synchronize()
            taken = time.perf_counter() - start
        results.append([out, *grads])
        milliseconds.append(taken * 1000)
    pairs = zip(*results, strict=True)
    errors = [float((one - two).float().norm() / two.float().norm()) for one, two in pairs]
    return {"grouped_heads_error": errors, "grouped_and_repeated_ms": milliseconds}


def ours(flags: argparse.Namespace) -> dict[str, Any]:
    """Updates of this project's loop: with entropy, without, at four times the batch; a profile."""
    from ei.training.report import peak_memory

    records, policy, without = loop(flags)
    exact, each = policy.pointwise, flags.updates // WINDOWS
    records(exact, 1)
    found: dict[str, Any] = {"first_update_s": time.perf_counter() - flags.started}
    records(without, 1)
    records(exact, 2)
    pairs = [(records(exact, each), records(without, each)) for _ in range(WINDOWS)]
    found["peak_gib"] = peak_memory(policy.device) / 2**30
    timed = {
        "speed": [record for pair in pairs for record in pair[0]],
        "ours_no_entropy": [record for pair in pairs for record in pair[1]],
        "ours_batch_256": records(exact, WINDOWS + 1, 4 * BATCH)[1:],
    }
    flop = json.loads((flags.work / "weights.json").read_text())["flop_per_token"]
    for name, updates in timed.items():
        tokens, seconds = [r.tokens for r in updates], [r.seconds for r in updates]
        found[name] = summary(tokens, seconds, flop)
    row_tokens = sum(record.row_tokens for record in timed["speed"])
    found["packing_share"] = sum(record.tokens for record in timed["speed"]) / row_tokens
    if policy.device.type == "cuda":
        found["kernels"] = profile(lambda: records(exact, 1))
    return found


def loop(flags: argparse.Namespace) -> tuple[Callable[..., list[Any]], Any, Callable[..., Any]]:
    """A function that makes so many updates and returns their records; policy; `no_entropy`.

    Its arguments are the head's pointwise function, the number of updates, and sequences of each.
    """
    import torch

    from ei.model.load import compile_layers, compile_pointwise, load
    from ei.training import schedule
    from ei.training.loop import adamw, make_update
    from ei.training.processes import World
    from ei.training.recipe import Recipe
    from ei.training.sequences import read_sequences

    world = World(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    policy = load(flags.work / "model", world.device)
    without: Callable[..., Any] = no_entropy
    if world.device.type == "cuda":
        compile_layers(policy)
        without = compile_pointwise(no_entropy)
    recipe = Recipe(lr=1e-6, epochs=50, row_tokens=flags.row_tokens)
    optimizer = adamw(policy, recipe)
    sequences = read_sequences(flags.work / "filtered.parquet")
    sizes = (BATCH, 4 * BATCH)
    updates = {n: iter(schedule.plan(sequences, replace(recipe, batch=n))) for n in sizes}

    def records(pointwise: Callable[..., Any], count: int, batch: int = BATCH) -> list[Any]:
        policy.pointwise = pointwise
        planned = [next(updates[batch]) for _ in range(count)]
        return [make_update(policy, optimizer, update, recipe, world) for update in planned]

    return records, policy, without


def no_entropy(logits_CV: Any, target_C: Any, dtype: Any) -> Any:
    """`ei.model.head.nll_entropy_gradient` without the entropy, to see what the entropy costs."""
    import torch

    logp_CV = logits_CV - logits_CV.logsumexp(dim=-1, keepdim=True)
    nll_C = -logp_CV.gather(1, target_C[:, None]).squeeze(1)
    grad_CV = (
        logp_CV.exp()
        .to(dtype)
        .scatter(1, target_C[:, None], torch.expm1(-nll_C)[:, None].to(dtype))
    )
    return nll_C, torch.zeros_like(nll_C), grad_CV


def profile(update: Callable[[], Any]) -> dict[str, float]:
    """GPU milliseconds of one update, in all kernels and in each of the twenty most expensive."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    with record(activities=[ProfilerActivity.CUDA]) as seen:
        start = time.perf_counter()
        update()
        wall = time.perf_counter() - start
    kernels = sorted(seen.key_averages(), key=lambda kernel: -kernel.self_device_time_total)
    spent = {kernel.key[:100]: kernel.self_device_time_total / 1000 for kernel in kernels}
    found = {
        "wall": wall * 1000,
        "all kernels": sum(spent.values()),
        **dict(list(spent.items())[:20]),
    }
    for name, milliseconds in found.items():
        print(f"{milliseconds:9.2f} ms  {name}")
    return found
