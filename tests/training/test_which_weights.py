"""SFT trains the weights that sampled, and writes none that are not finite."""

import time
from pathlib import Path

import polars as pl
import pytest
import torch

from ei.model.folder import checked_fingerprint, fingerprint
from ei.stage import UserError
from ei.training.job import Job, run_job
from ei.training.processes import World
from training import tiny


@pytest.fixture
def step(tmp_path: Path) -> Path:
    return tiny.step_folder(tmp_path)


def run(work: Job) -> None:
    run_job(work, time.perf_counter(), World(torch.device("cpu")))


@pytest.mark.parametrize("table", ["filtered", "rollouts"])
def test_rollouts_of_other_weights_are_not_trained_on(step: Path, table: str) -> None:
    tiny.table(tiny.sequences(8), step / "other.parquet", fingerprint(step / "base"))
    with pytest.raises(UserError, match=r"other\.parquet was drawn from other weights than those"):
        run(tiny.job(step, **{table: "other.parquet"}))
    assert not (step / "step1").exists()


def test_one_rollout_without_a_policy_is_enough_to_refuse(step: Path) -> None:
    table = pl.read_parquet(step / "rollouts.parquet")
    first = pl.int_range(pl.len()) == 0
    table.with_columns(policy=pl.when(~first).then("policy")).write_parquet(step / "one.parquet")
    with pytest.raises(UserError, match=r"one\.parquet was drawn from other weights .*\(None, not"):
        run(tiny.job(step, rollouts="one.parquet"))


def test_a_policy_carries_the_hash_that_its_rollouts_will_have(step: Path) -> None:
    work = tiny.job(step)
    run(work)
    assert (work.output / "weights.sha256").read_text().strip() == checked_fingerprint(work.output)


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        (1, r"the training left weights that are not finite .* an sft\.lr below 1e\+300"),
        (2, r"update 2: the loss is not finite .* Try a lower sft\.lr"),
    ],
)
def test_a_learning_rate_beyond_all_bounds_writes_no_policy(
    step: Path, epochs: int, sentence: str
) -> None:
    recipe = {"lr": 1e300, "batch": 20, "min_updates": 1, "epochs": epochs}
    work = tiny.job(step, recipe=recipe)
    with pytest.raises(UserError, match=sentence):
        run(work)
    assert not work.output.exists()
    assert not work.training.exists()


def test_a_policy_with_a_weight_that_is_not_finite_is_not_loaded(step: Path) -> None:
    weights = step / "policy0/model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-2] + b"\xc0\x7f")  # NaN in bf16
    with pytest.raises(UserError, match="weights that are not finite"):
        run(tiny.job(step))
