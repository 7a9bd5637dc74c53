"""What cannot be is refused in one sentence, before any job."""

import pytest

import gpurun
from helpers import ROOT, miniature, snakemake


def test_an_unknown_setting_is_refused_before_any_job(tmp_path):
    path = miniature(tmp_path)
    path.write_text(path.read_text().replace("temperature:", "temprature:"))
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode != 0
    assert (
        "config.yaml: sample.temprature is no setting; did you mean temperature?" in refused.stdout
    )
    assert len(refused.stdout.splitlines()) < 15


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sample": {"rollouts": 0}}, "sample.rollouts: 0 is less than the minimum of 1"),
        ({"sft": {"lr": "fast"}}, "sft.lr: 'fast' is not of type 'number'"),
        ({"engine": "sglang"}, "engine: 'sglang' is not one of ['vllm', 'transformers']"),
        ({"sweep": {"G2": {"sample": {"rollout": 2}}}}, "sweep.G2.sample.rollout is no setting"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path, changes, sentence):
    miniature(tmp_path, **changes)
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode != 0
    assert f"config.yaml: {sentence}" in refused.stdout


def test_traces_that_are_not_there_are_named(tmp_path):
    miniature(tmp_path, baseline={"traces": "no/such.jsonl"})
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode != 0
    assert "baseline.traces: the file no/such.jsonl does not exist" in refused.stdout


def test_a_model_that_is_neither_folder_nor_hub_id_is_named(tmp_path):
    miniature(tmp_path, model="no/such/folder")
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode != 0
    assert "'no/such/folder' is neither a folder nor a hub id" in refused.stdout


def test_a_dry_run_lists_all_that_local_files_tell(tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"questio": "1+1?", "answer": "2"}\n')
    miniature(tmp_path, prompt="chat", data={"train": "mine.jsonl"}, sample={"max_tokens": 512})
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode != 0
    for number, sentence in enumerate(
        (
            "sample.max_tokens is 512, which leaves no room for a prompt",
            "the prompt is a chat, and the model's tokenizer has no chat template",
            "data.train: mine.jsonl, line 1: no question",
        ),
        start=1,
    ):
        assert f"{number}. {sentence}" in refused.stdout


@pytest.mark.skipif(bool(gpurun.visible()), reason="this machine has a GPU")
def test_without_a_gpu_the_main_run_stops_at_once_and_names_the_demo(tmp_path):
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    refused = snakemake(tmp_path, "--resources=gpu=2")
    assert refused.returncode != 0
    assert "snakemake demo --cores all" in refused.stdout
    assert not (tmp_path / "results/data").exists()
    assert not (tmp_path / "models").exists()
