import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ei.model.load import load
from ei.model.packing import build_row
from ei.model.passes import backward, measure
from ei.model.weights import clear_gradients
from ei.stage import UserError
from ei.training import lora
from ei.training.job import run_job
from ei.training.processes import World
from ei.training.recipe import Lora
from helpers import SCRIPTS
from training import tiny

CPU = torch.device("cpu")
RANK = Lora(rank=3, alpha=6.0)


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.step_folder(tmp_path_factory.mktemp("lora"))


def trained(step: Path, name: str, **changes: object) -> dict[str, torch.Tensor]:
    work = tiny.job(step, name, recipe={"lora": RANK, "lr": 3e-2, **changes})
    run_job(work, time.perf_counter(), World(CPU))
    return load_file(work.output / "model.safetensors")


def test_only_the_layers_matrices_change_and_by_no_more_than_the_rank(step: Path) -> None:
    before, after = load_file(step / "policy0/model.safetensors"), trained(step, "rank")
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    inside = {name for name in before if "layers" in name and before[name].ndim == 2}
    assert changed == inside
    # The policy is written in bf16; beside the three largest singular values is only its rounding.
    for name in changed:
        sizes = torch.linalg.svdvals(after[name].float() - before[name].float())
        assert sizes[3] < 0.1 * sizes[0]


def test_the_loss_falls(step: Path) -> None:
    trained(step, "loss", epochs=6)
    _, records, _ = tiny.results(tiny.job(step, "loss"))
    assert records["loss"][-1] < 0.9 * records["loss"][0]


def test_the_same_seed_gives_the_same_policy_and_another_seed_another(step: Path) -> None:
    one, same, other = (
        trained(step, name, seed=seed) for name, seed in (("a", "0/1"), ("b", "0/1"), ("c", "1/1"))
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_matrices_that_begin_at_nothing_change_no_loss_and_merged_ones_keep_it(step: Path) -> None:
    policy = load(step / "policy0", CPU, frozen=True)
    row = build_row(tiny.sequences(6), 1, CPU)
    plain = measure(policy, row).nll_R
    adapted = lora.add(policy, RANK, "0")
    assert torch.equal(measure(policy, row).nll_R, plain)
    with torch.no_grad():
        for weight in policy.weights.values():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    beside = measure(policy, row).nll_R
    lora.merge(policy, adapted)
    merged = measure(policy, row).nll_R
    assert not torch.allclose(beside, plain, rtol=1e-2)
    torch.testing.assert_close(merged, beside, rtol=1e-4, atol=1e-4)


def test_a_frozen_policy_gives_the_gradient_of_what_is_beside_its_weights_alone(step: Path) -> None:
    policy = load(step / "policy0", CPU, frozen=True)
    lora.add(policy, RANK, "0")
    clear_gradients(policy)
    backward(policy, build_row(tiny.sequences(6), 1, CPU), 0.1)
    assert len(policy.weights) == 2 * 2 * 7  # two for each of seven matrices in two layers
    assert any(weight.grad is not None and weight.grad.any() for weight in policy.weights.values())
    assert policy.output.grad is None


def test_a_frozen_policy_in_mixed_precision_holds_its_layers_in_bf16_alone(step: Path) -> None:
    frozen, full = (load(step / "policy0", CPU, mixed=True, frozen=f) for f in (True, False))
    kinds = {weight.dtype for weight in frozen.layers.parameters() if weight.ndim == 2}
    assert kinds == {torch.bfloat16}
    assert frozen.bytes == 0
    assert not frozen.copies
    row = build_row(tiny.sequences(6), 1, CPU)
    assert torch.equal(measure(frozen, row).nll_R, measure(full, row).nll_R)


def test_a_checkpoint_of_other_base_weights_is_not_resumed(step: Path) -> None:
    from ei.training.checkpoint import key_of

    recipe = dataclasses.replace(tiny.job(step).recipe, lora=RANK)
    keys = []
    for name in ("policy0", "base"):
        policy = load(step / name, CPU, frozen=True)
        lora.add(policy, RANK, "0")
        keys.append(key_of(policy, tiny.sequences(3), recipe))
    assert keys[0] != keys[1]


def test_the_flag_is_json(step: Path, tmp_path: Path) -> None:
    work = tiny.job(step, "flag")
    flags = {name: getattr(work, name) for name in ("policy", "init", "base", "filtered")}
    flags |= {"rollouts": work.rollouts, "output": tmp_path / "policy", "seed": 0, "step": 1}
    flags |= {"training": tmp_path / "training.parquet", "gpus": 0, "row_tokens": 100}
    given = [str(text) for name, value in flags.items() for text in (f"--{name}", value)]
    settings = json.dumps({"rank": 2, "alpha": 4})
    done = subprocess.run(
        [sys.executable, SCRIPTS / "sft.py", *given, "--lora", settings],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "LoRA: 0.0 million parameters beside 14 matrices" in done.stderr


def test_a_model_without_matrices_is_refused(step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lora, "matrices", lambda policy: [])
    with pytest.raises(UserError, match="have no matrices"):
        trained(step, "none")
