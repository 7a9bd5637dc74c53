"""No response is ever another policy's: two policies in turn, in one work folder with one cache."""

import json
import shutil

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from ei.model import folder
from helpers import DEMO, ROOT, script

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
ENGINES = ["transformers", pytest.param("vllm", marks=[pytest.mark.gpu, NO_GPU])]


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The demo's policy, and one that differs only in the weights of its last norm."""
    other = tmp_path_factory.mktemp("other") / "policy"
    shutil.copytree(DEMO / "policy", other)
    weights = load_file(other / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] * 0.8
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    return DEMO / "policy", other


def drawn(work, name, weights, engine):
    """The rollouts of 12 questions by a policy, drawn in the work folder under one output name."""
    data = work / "train.parquet"
    if not data.exists():
        rows = [json.loads(line) for line in (DEMO / "train.jsonl").read_text().splitlines()[:12]]
        columns = {"question_id": [f"q{k}" for k in range(12)], "solution": [None] * 12}
        pl.DataFrame(rows).with_columns(
            **{key: pl.Series(value) for key, value in columns.items()}
        ).write_parquet(data)
    device = "cuda" if engine == "vllm" else "cpu"
    result = script(
        "sample.py", "--policy", weights, "--data", data, "--lineage", name,
        "--prompt", ROOT / "workflow/prompts/demo.txt", "--step", 1, "--seed", 0,
        "--engine", engine, "--device", device, "--questions", 12, "--rollouts", 4,
        "--max_tokens", 64, "--sequences", 16, "--memory_percent", 20,
        "--cache", work / ".cache", "--output", work / "0-of-1.parquet",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return pl.read_parquet(work / "0-of-1.parquet")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_policy_answers_as_it_does_alone_after_another_has_used_the_same_folder_and_cache(
    engine, policies, tmp_path
):
    first, second = policies
    before = drawn(tmp_path, "a", first, engine)
    after = drawn(tmp_path, "b", second, engine)
    (tmp_path / "alone").mkdir()
    alone = drawn(tmp_path / "alone", "b", second, engine)
    assert after["response_ids"].to_list() == alone["response_ids"].to_list()
    assert after["response_ids"].to_list() != before["response_ids"].to_list()
    assert before["policy"].unique().to_list() == [folder.fingerprint(first)]
    assert after["policy"].unique().to_list() == [folder.fingerprint(second)]


@pytest.mark.gpu
@NO_GPU
def test_how_much_kv_cache_fits_is_kept_for_each_share_of_the_memory(policies, tmp_path):
    drawn(tmp_path, "a", policies[0], "vllm")  # with 20 % of the GPU
    plans = list((tmp_path / ".cache").rglob("startup_plan_*.json"))
    assert [plan.stem.rpartition("-")[2] for plan in plans] == ["20"]
