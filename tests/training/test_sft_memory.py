import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ei.model import packing
from ei.model.load import recompute_layers
from ei.model.passes import backward, hidden_states
from ei.model.weights import Policy, clear_gradients, prepare
from ei.training import memory, offload
from ei.training.loop import train
from ei.training.memory import FULL, GIB, RECOMPUTE, SMALL
from ei.training.processes import World
from ei.training.recipe import Recipe
from training import tiny

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=2, lr=1e-2, batch=8, min_updates=1, row_tokens=100, weight_decay=0.1)


def policy(mixed: bool = False) -> Policy:
    net = tiny.qwen2()
    return prepare(net, mixed=mixed)


def trained(plan: memory.Plan, **more: Any) -> dict[str, torch.Tensor]:
    own = policy()
    if plan.recompute:
        recompute_layers(own)
    train(own, tiny.sequences(20), RECIPE, World(CPU), plan=plan, **more)
    return {name: weight.detach() for name, weight in own.weights.items()}


@pytest.fixture
def cut_into_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "BATCH", 1000)  # the embedding has 3,072 weights, a norm has 32


@pytest.mark.usefixtures("cut_into_small_batches")
@pytest.mark.parametrize("plan", [RECOMPUTE, SMALL], ids=str)
def test_a_plan_that_saves_memory_trains_the_same_policy_to_the_bit(plan: memory.Plan) -> None:
    full, small = trained(FULL), trained(plan)
    assert all(torch.equal(full[name], small[name]) for name in full)


@pytest.mark.usefixtures("cut_into_small_batches")
@pytest.mark.parametrize("first", [FULL, SMALL], ids=str)
def test_a_checkpoint_of_one_plan_resumes_in_the_other(
    first: memory.Plan, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ei.training.checkpoint.worthwhile", lambda *_: True)
    then = {FULL: SMALL, SMALL: FULL}[first]

    class Killed(Exception):
        pass

    def kill(record: Any) -> None:
        if record.update == 5:  # of six; the first epoch has three
            raise Killed

    with contextlib.suppress(Killed):
        trained(first, kept=tmp_path / "checkpoint.pt", report=kill)
    shown: list[int] = []
    resumed = trained(
        then, kept=tmp_path / "checkpoint.pt", report=lambda record: shown.append(record.update)
    )
    assert shown == [1, 2, 3, 4, 5, 6]
    whole = trained(FULL)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_batches_cover_every_weight_once_and_cut_large_ones(
    cut_into_small_batches: None,
) -> None:
    own = policy()
    clear_gradients(own)
    made = list(offload.batches(list(own.weights.values())))
    total = sum(weight.numel() for weight in own.weights.values())
    assert [batch.start for batch in made] == list(range(0, total, 1000))
    assert [batch.size for batch in made[:-1]] == [1000] * (len(made) - 1)
    assert sum(sum(batch.lengths()) for batch in made) == total
    for batch in made:
        for flat in batch.weights:
            flat.zero_()
    assert all(not weight.any() for weight in own.weights.values())


@contextlib.contextmanager
def saved_bytes() -> Iterator[list[int]]:
    """The sizes of the tensors that autograd keeps for the backward pass."""
    sizes: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.nbytes)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield sizes


def test_recomputed_layers_keep_a_small_part_for_the_backward_pass() -> None:
    def kept(recompute: bool) -> int:
        own = policy()
        clear_gradients(own)
        if recompute:
            recompute_layers(own)
        row = packing.build_row(tiny.sequences(8), 1, CPU)
        with saved_bytes() as sizes:
            hidden = hidden_states(own, row)
        return sum(sizes) if hidden.requires_grad else 0

    assert kept(recompute=True) < 0.2 * kept(recompute=False)


def test_recomputing_gives_the_same_gradients() -> None:
    def gradients(recompute: bool) -> list[torch.Tensor]:
        own = policy()
        clear_gradients(own)
        if recompute:
            recompute_layers(own)
        backward(own, packing.build_row(tiny.sequences(8), 1, CPU), 0.1)
        return [weight.grad for weight in own.weights.values() if weight.grad is not None]

    for plain, again in zip(gradients(False), gradients(True), strict=True):
        assert torch.equal(plain, again)


def test_auto_takes_the_fastest_plan_that_fits() -> None:
    own = policy(mixed=True)
    needed = [memory.estimate(own, 10**6, plan) for plan in (FULL, RECOMPUTE, SMALL)]
    assert needed[0] > needed[1] > needed[2] > memory.SPARE
    found = [memory.fitting(own, 10**6, free) for free in (*needed, 0)]
    assert found == [FULL, RECOMPUTE, SMALL, SMALL]


def test_the_estimate_is_what_was_measured_for_a_billion_and_a_half() -> None:
    """54.5 GiB on an H200, at rows of 16,384 tokens."""
    from transformers import AutoModelForCausalLM, Qwen2Config

    config = Qwen2Config(
        vocab_size=151936,
        hidden_size=1536,
        intermediate_size=8960,
        num_hidden_layers=28,
        num_attention_heads=12,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        net = AutoModelForCausalLM.from_config(config)
    own = prepare(net, mixed=True)
    found = memory.estimate(own, 16384, FULL) - memory.SPARE
    assert found == pytest.approx(54.5 * GIB, rel=0.03)
    assert memory.estimate(own, 8192, SMALL) < 22 * GIB


@pytest.mark.parametrize(("memory_", "plan"), [("full", FULL), ("small", SMALL), ("auto", FULL)])
def test_on_a_cpu_auto_saves_nothing(memory_: str, plan: memory.Plan) -> None:
    assert memory.choose(memory_, policy(), 100) == plan
