"""The exported folder: the policy as it is, beside a card with the run's numbers."""

import json
import os

import pytest
from huggingface_hub import ModelCard

from ei.model import folder
from helpers import DEMO, ROOT, miniature, script, snakemake
from summaries import evaluation, run

POLICY = DEMO / "policy"


@pytest.fixture
def exported(tmp_path):
    """Export the demo's policy as step 1 of a run; `sha256` is what the run says of its weights."""

    def export(sha256=None):
        sha256 = sha256 or folder.fingerprint(POLICY)
        main = run("main", [0.1, 0.375], best=1)
        main["evaluations"][1] |= evaluation(1, 0.375, policy=sha256)
        main["settings"] |= {"data": {"train": "train.jsonl", "validation": "validation.jsonl"}}
        (tmp_path / "run.json").write_text(json.dumps(main))
        output = tmp_path / "export"
        result = script(
            "export.py", "--run", tmp_path / "run.json", "--policy", POLICY, "--base", POLICY,
            "--prompt", ROOT / "workflow/prompts/demo.txt", "--output", output,
        )  # fmt: skip
        return result, output

    return export


def test_the_folder_loads_and_is_the_policy(exported):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    result, output = exported()
    assert result.returncode == 0, result.stderr
    assert folder.fingerprint(output) == folder.fingerprint(POLICY)
    assert AutoModelForCausalLM.from_pretrained(output).num_parameters() > 10**6
    assert AutoTokenizer.from_pretrained(output)("1 + 1").input_ids
    assert "**37.5 % [33.5, 41.5]**" in ModelCard.load(output / "README.md").text


def test_weights_are_linked_where_the_file_system_allows_it(exported):
    _, output = exported()
    if os.stat(POLICY).st_dev != os.stat(output).st_dev:
        pytest.skip("no hard links from the repository to the folder of temporary files")
    assert (output / "model.safetensors").samefile(POLICY / "model.safetensors")
    assert not (POLICY / "README.md").exists()


def test_weights_that_the_numbers_are_not_of_are_not_exported(exported):
    result, output = exported("another")
    assert result.returncode == 1
    assert f"error: {POLICY} is not the policy that step 1 of results/main was" in result.stderr
    assert not output.exists()


def test_every_run_has_a_target_that_exports_it(tmp_path):
    miniature(tmp_path, sweep={"G2": {"sample": {"rollouts": 2}}})
    told = snakemake(tmp_path, "export", "demo_export", "results/sweep/G2/export", "--dry-run")
    assert told.returncode == 0, told.stdout[-3000:]
    for name in ("results", "results/demo", "results/sweep/G2"):
        assert f"output: {name}/export\n" in told.stdout
    # With development questions the best policy is exported, without them the last one.
    assert "input: results/demo/run.json, results/demo/best/policy, " in told.stdout
    assert "input: results/run.json, results/step2/policy, " in told.stdout
