import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import AutoModelForCausalLM

from ei.files import read_metadata
from ei.stage import UserError
from ei.training.job import Job, run_job
from ei.training.processes import World, launch, spawn
from training import tiny

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/sft.py"


@pytest.fixture
def step(tmp_path: Path) -> Path:
    return tiny.step_folder(tmp_path)


def done(work: Job) -> tuple[dict[str, torch.Tensor], pl.DataFrame, dict[str, Any]]:
    """The policy's weights, training.parquet and training.json that the job makes."""
    run_job(work, time.perf_counter(), World(torch.device("cpu")))
    return tiny.results(work)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_policy_folder_is_complete_and_loads(step: Path) -> None:
    work = tiny.job(step)
    weights, table, summary = done(work)
    assert sorted(file.name for file in work.output.iterdir()) == [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "weights.sha256",
    ]  # fmt: skip
    for name in ("config.json", "tokenizer.json", "generation_config.json"):
        assert (work.output / name).read_bytes() == (step / "base" / name).read_bytes()
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert weights.keys() == load_file(step / "policy0/model.safetensors").keys()
    assert not same(weights, load_file(step / "policy0/model.safetensors"))
    net = AutoModelForCausalLM.from_pretrained(work.output)
    assert torch.equal(
        net.state_dict()["model.norm.weight"].bfloat16(), weights["model.norm.weight"]
    )
    assert len(table) == summary["updates"] == 8
    assert [file.name for file in work.output.parent.iterdir() if file.name.startswith(".")] == []


def test_training_parquet_has_a_row_for_every_update_and_says_where_it_comes_from(
    step: Path,
) -> None:
    work = tiny.job(step)
    _, table, summary = done(work)
    assert table.schema["update"] == table.schema["tokens"] == pl.Int64
    assert (
        table.schema["loss"] == table.schema["entropy"] == table.schema["grad_norm"] == pl.Float64
    )
    columns = [
        "update",
        "epoch",
        "loss",
        "entropy",
        "grad_norm",
        "lr",
        "sequences",
        "tokens",
        "seconds",
        "tokens_per_s",
    ]
    assert set(columns) < set(table.columns)
    assert table["update"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert table["epoch"].to_list() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert table["sequences"].sum() == 40
    assert read_metadata(work.training)["lineage"] == "abc"
    assert summary["lineage"] == "abc"
    assert summary["settings"] == {"lr": 1e-2}
    events = EventAccumulator(str(work.training.with_name("tensorboard"))).Reload()
    assert [round(event.value, 4) for event in events.Scalars("sft/loss")] == table["loss"].round(
        4
    ).to_list()


def test_equal_inputs_give_equal_policies_in_any_order_of_the_file(step: Path) -> None:
    pl.read_parquet(step / "filtered.parquet").reverse().write_parquet(step / "reversed.parquet")
    one, other = done(tiny.job(step)), done(tiny.job(step, "again", filtered="reversed.parquet"))
    assert same(one[0], other[0])
    assert one[1]["loss"].to_list() == other[1]["loss"].to_list()


def test_the_sampling_entropy_is_that_of_the_policy_before_not_of_the_start(step: Path) -> None:
    previous = done(tiny.job(step))
    base = done(tiny.job(step, "base1", init="base"))
    assert previous[2]["sampling_entropy"] == base[2]["sampling_entropy"]
    assert previous[2]["sampling_entropy_rollouts"] == 16
    assert previous[1]["loss"][0] != base[1]["loss"][0]
    assert done(tiny.job(step, "more", entropy_rollouts=99))[2]["sampling_entropy_rollouts"] == 60


def test_nothing_to_train_on_hands_the_policy_on_without_a_copy(
    step: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = tiny.job(step, filtered="empty.parquet")
    weights, table, summary = done(work)
    assert "nothing to train on" in caplog.text
    assert same(weights, load_file(step / "policy0/model.safetensors"))
    assert (work.output / "model.safetensors").samefile(step / "policy0/model.safetensors")
    assert not work.output.is_symlink()
    assert not (work.output / ".snakemake_timestamp").exists()
    assert list(work.training.with_name("tensorboard").iterdir()) == []
    assert len(table) == summary["updates"] == 0
    assert table.schema == done(tiny.job(step, "full"))[1].schema
    assert summary["sampling_entropy"] > 0
    assert "nothing to train on" in summary["warning"]


def test_an_end_of_text_token_is_trained_only_when_asked_for(step: Path) -> None:
    plain, ended = done(tiny.job(step))[1], done(tiny.job(step, "eos", append_eos=True))[1]
    assert sum(ended["response_tokens"]) == sum(plain["response_tokens"]) + sum(plain["sequences"])


def test_a_sequence_longer_than_a_row_stops_the_stage_and_leaves_nothing(step: Path) -> None:
    work = tiny.job(step, recipe={"row_tokens": 20})
    with pytest.raises(
        UserError, match=r"question q\d, sample \d has \d+ tokens, more than a row of 20"
    ):
        done(work)
    assert not work.output.parent.exists()


def test_a_killed_training_leaves_no_output_and_resumes_to_the_same_policy(step: Path) -> None:
    undisturbed = done(tiny.job(step, recipe={"epochs": 2, "batch": 1}))[0]
    work = tiny.job(step, "killed", recipe={"epochs": 2, "batch": 1})
    kept = work.output.with_name(".policy.abc") / "checkpoint.pt"
    process = subprocess.Popen(
        command(work), env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL
    )
    while not kept.exists() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not work.output.exists()
    first = [record["seconds"] for record in torch.load(kept, weights_only=True)["records"]]
    weights, table, _ = done(work)
    assert same(weights, undisturbed)
    assert table["seconds"].to_list()[:20] == first
    assert not kept.parent.exists()


def command(work: Job) -> list[str]:
    """The command line of the job."""
    line = [
        sys.executable,
        str(SCRIPT),
        "--lineage",
        work.lineage,
        "--seed",
        "0",
        "--step",
        "1",
        "--gpus",
        "0",
    ]
    for name in (
        "policy",
        "init",
        "base",
        "filtered",
        "rollouts",
        "output",
        "training",
    ):
        line += [f"--{name}", str(getattr(work, name))]
    line += ["--entropy_rollouts", str(work.options.entropy_rollouts)]
    for name in ("epochs", "lr", "batch", "row_tokens"):
        line += [f"--{name}", str(getattr(work.recipe, name))]
    return line


def test_two_processes_equal_one(step: Path) -> None:
    alone = done(tiny.job(step, recipe={"lr": 1e-3}))
    work = tiny.job(step, "both", recipe={"lr": 1e-3})
    spawn(functools.partial(run_job, work, time.perf_counter()), "cpu", 2)
    weights, table, summary = tiny.results(work)
    assert summary["processes"] == 2
    for column in ("loss", "entropy", "grad_norm"):
        assert table[column].to_list() == pytest.approx(alone[1][column].to_list(), rel=1e-4)
    for name, weight in weights.items():
        torch.testing.assert_close(weight.float(), alone[0][name].float(), rtol=2**-7, atol=1e-3)


def test_an_error_in_one_of_several_processes_is_one_sentence(step: Path) -> None:
    with pytest.raises(UserError, match=r"more than a row of 20"):
        work = tiny.job(step, recipe={"row_tokens": 20})
        spawn(functools.partial(run_job, work, time.perf_counter()), "cpu", 2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_asking_for_a_gpu_that_is_not_there_says_how_many_there_are(step: Path) -> None:
    with pytest.raises(UserError, match="is 1, but torch sees 0"):
        launch(functools.partial(run_job, tiny.job(step), time.perf_counter()), 1)


def test_a_user_s_error_on_the_command_line_is_one_sentence_and_status_1(step: Path) -> None:
    work = tiny.job(step, policy="nowhere")
    ended = subprocess.run(command(work), capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines() == [
        f"error: the policy {step / 'nowhere'} is not a folder"
    ]


def test_earlier_steps_are_trained_on_again_and_counted(step: Path) -> None:
    tiny.table(tiny.sequences(30, seed=5), step / "before.parquet")
    work = tiny.job(step, replayed=["filtered.parquet", "before.parquet"])
    _, table, summary = done(work)
    assert (summary["sequences"], summary["replayed"]) == (50, 30)
    assert table.filter(pl.col("epoch") == 1)["sequences"].sum() == 50
