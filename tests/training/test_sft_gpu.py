"""The GPU path against fp32; benchmarks/sft.py compares them on the shape of a 1.5B model."""

import functools
import time
from pathlib import Path

import pytest
import torch

from ei.model import attention, head
from ei.model.load import compile_layers, load, recompute_layers
from ei.model.packing import build_row
from ei.model.passes import backward
from ei.model.weights import Policy, clear_gradients
from ei.training import offload
from ei.training.job import run_job
from ei.training.loop import train
from ei.training.processes import World, launch
from ei.training.recipe import Recipe
from training import tiny

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
GPU = torch.device("cuda")


@pytest.fixture
def both(tmp_path: Path) -> tuple[Policy, Policy]:
    """A policy in mixed precision and the same in fp32 throughout, with gradients at zero."""
    folder = tiny.model_folder(tmp_path / "policy")
    policies = load(folder, GPU), load(folder, GPU, mixed=False)
    for policy in policies:
        clear_gradients(policy)
    return policies


def gradient(policy: Policy, names: list[str]) -> torch.Tensor:
    grads = [policy.weights[name].grad for name in names]
    return torch.cat([grad.flatten() for grad in grads if grad is not None])


@pytest.mark.parametrize("compiled", [False, True])
def test_mixed_precision_agrees_with_fp32(both: tuple[Policy, Policy], compiled: bool) -> None:
    if compiled:
        compile_layers(both[0])
    for count in (10, 25, 7):  # rows of several lengths, through one compiled graph
        row = build_row(tiny.sequences(count, seed=count), 128, GPU)
        mixed, exact = (backward(policy, row, 1 / len(row.target_R)) for policy in both)
        assert float(mixed.nll_R.mean()) == pytest.approx(float(exact.nll_R.mean()), rel=1e-2)
        assert float(mixed.entropy_R.mean()) == pytest.approx(
            float(exact.entropy_R.mean()), rel=1e-2
        )
    names = sorted(both[1].weights)
    assert (
        float(torch.cosine_similarity(gradient(both[0], names), gradient(both[1], names), dim=0))
        > 0.998
    )


def test_the_kernel_reads_grouped_heads_as_if_they_were_repeated() -> None:
    torch.manual_seed(0)
    row = build_row(tiny.sequences(30), 128, GPU)
    shapes = [(len(row.ids_T), heads, 128) for heads in (12, 2, 2)]
    inputs = [
        torch.randn(*shape, device=GPU, dtype=torch.bfloat16, requires_grad=True)
        for shape in shapes
    ]
    results = []
    for repeats in (1, 6):
        query, key, value = inputs
        key, value = (heads.repeat_interleave(repeats, dim=1) for heads in (key, value))
        out = attention.varlen(query, key, value, row.offset_N1, row.longest, 128**-0.5)
        results.append([out, *torch.autograd.grad(out, inputs, torch.ones_like(out))])
    for grouped, repeated in zip(*results, strict=True):
        assert float((grouped - repeated).float().norm()) < 1e-2 * float(repeated.float().norm())


def test_the_kernel_agrees_with_the_padded_batch() -> None:
    torch.manual_seed(0)
    row = build_row(tiny.sequences(30), 128, GPU)
    query, key, value = (
        torch.randn(len(row.ids_T), heads, 64, device=GPU, dtype=torch.bfloat16)
        for heads in (4, 2, 2)
    )
    kernel = attention.varlen(query, key, value, row.offset_N1, row.longest, 0.125)
    plain = attention.padded(query.float(), key.float(), value.float(), row.padded_NL, 0.125)
    assert float((kernel - plain).norm()) < 1e-2 * float(plain.norm())


def test_the_heads_gradient_is_summed_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(head, "CHUNK_LOGITS", 512 * 64)  # eight chunks
    hidden, target = torch.randn(512, 128, device=GPU), torch.randint(512, (512,), device=GPU)
    weight = torch.randn(512, 128, device=GPU)
    rough, exact = torch.zeros_like(weight), torch.zeros_like(weight)
    scores = head.score(hidden, weight.bfloat16(), target, rough, 0.1)
    best = head.score(hidden.double(), weight.double(), target, exact.double(), 0.1)
    head.score(hidden, weight, target, exact, 0.1)
    assert rough.dtype == torch.float32
    assert float(scores.entropy_R.mean()) == pytest.approx(float(best.entropy_R.mean()), rel=1e-2)
    assert float((rough - exact).norm()) < 1e-2 * float(exact.norm())


def test_the_loss_falls_on_a_gpu_and_the_copies_follow_the_weights(tmp_path: Path) -> None:
    policy = load(tiny.model_folder(tmp_path / "policy"), GPU)
    records = train(
        policy, tiny.sequences(20), Recipe(epochs=5, lr=1e-2, batch=8, row_tokens=256), World(GPU)
    )
    assert records[-1].loss < 0.8 * records[0].loss
    for name, copy in policy.copies.items():
        assert torch.equal(copy, policy.weights[name].bfloat16())


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_equal_one(tmp_path: Path) -> None:
    step = tiny.step_folder(tmp_path)
    recipe = {"lr": 1e-3, "row_tokens": 256}
    tables = []
    for gpus in (1, 2):
        work = tiny.job(step, f"gpus{gpus}", recipe=recipe)
        launch(functools.partial(run_job, work, time.perf_counter()), gpus)
        _, table, summary = tiny.results(work)
        assert summary["processes"] == gpus
        tables.append(table)
    for column in ("loss", "entropy", "grad_norm"):
        assert tables[1][column].to_list() == pytest.approx(tables[0][column].to_list(), rel=2e-2)


def test_moments_in_the_hosts_memory_train_the_same_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three updates of given gradients, in batches that cut the largest weight."""
    monkeypatch.setattr(offload, "BATCH", 100_000)
    torch.manual_seed(0)
    made = [torch.randn(size, device=GPU) for size in (70_000, 300_001, 5)]
    results = []
    for kind in (functools.partial(torch.optim.AdamW, fused=True), offload.HostAdamW):
        weights = [torch.nn.Parameter(weight.clone()) for weight in made]
        optimizer = kind(weights, lr=1e-2, betas=(0.9, 0.95), weight_decay=0.1)
        draw = torch.Generator(GPU).manual_seed(1)
        for _ in range(3):
            for weight in weights:
                weight.grad = torch.randn(weight.shape, device=GPU, generator=draw)
            optimizer.step()
        results.append(weights)
    for full, small in zip(*results, strict=True):
        assert torch.equal(full, small)


def test_recomputed_compiled_layers_have_the_same_gradients_and_a_lower_peak(
    tmp_path: Path,
) -> None:
    folder = tiny.model_folder(tmp_path / "policy")
    row = build_row(tiny.sequences(4000), 128, GPU)
    found, peaks = [], []
    for recompute in (False, True):
        policy = load(folder, GPU)
        clear_gradients(policy)
        compile_layers(policy)
        if recompute:
            recompute_layers(policy)
        backward(policy, row, 1e-3)  # compiles
        clear_gradients(policy)
        torch.cuda.reset_peak_memory_stats()
        backward(policy, row, 1e-3)
        peaks.append(torch.cuda.max_memory_allocated())
        found.append(gradient(policy, sorted(policy.weights)))
    assert float(torch.cosine_similarity(*found, dim=0)) > 0.9999
    assert peaks[1] < peaks[0]
