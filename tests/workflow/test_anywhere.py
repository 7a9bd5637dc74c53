"""The workflow runs from anywhere: odd paths, as a module, without an activated environment."""

import shutil

import polars as pl
import pytest

from helpers import DEMO, ROOT, miniature, snakemake

ODD = "a b'c\"$(touch hacked){d}"


def checkout(folder):
    """A copy of the workflow's files in `folder`."""
    ignore = shutil.ignore_patterns("__pycache__", "demo")
    shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=ignore)
    (folder / "workflow/demo").mkdir()
    for name in ("train.jsonl", "validation.jsonl", "traces.jsonl"):
        shutil.copy(DEMO / name, folder / "workflow/demo")
    shutil.copytree(DEMO / "policy", folder / "workflow/demo/policy")
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder / "Snakefile"


def succeeded(run):
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


@pytest.mark.slow
def test_odd_letters_in_every_path_are_letters(tmp_path):
    snakefile = checkout(tmp_path / f"checkout {ODD}")
    work = tmp_path / f"work {ODD}"
    source = work / f"source {ODD}"
    miniature(
        work,
        steps=1,
        sample={"questions": 8, "rollouts": 2},
        model=f"source {ODD}/policy",
        prompt=f"source {ODD}/prompt.txt",
        data={name: f"source {ODD}/{name}.jsonl" for name in ("train", "validation")},
    )
    shutil.copytree(DEMO / "policy", source / "policy")
    shutil.copy(ROOT / "workflow/prompts/demo.txt", source / "prompt.txt")
    for name in ("train", "validation"):
        shutil.copy(DEMO / f"{name}.jsonl", source)
    succeeded(
        snakemake(work, "results/step1/policy", "results/step0/eval.json", snakefile=snakefile)
    )
    assert pl.read_parquet(work / "results/step1/rollouts.parquet").height == 16
    assert not list(tmp_path.rglob("hacked"))


def test_without_an_activated_environment_the_stages_run_under_snakemakes_python(tmp_path):
    miniature(tmp_path)
    told = snakemake(tmp_path, "results/data/train.parquet", PATH="/usr/bin:/bin")
    succeeded(told)
    assert (tmp_path / "results/data/train.parquet").exists()


def test_a_working_folder_without_settings_takes_those_of_the_workflow(tmp_path):
    told = succeeded(snakemake(tmp_path, "demo", "--dry-run"))
    assert "results/demo/step5/eval.json" in told


def test_another_snakefile_takes_the_workflow_as_a_module(tmp_path):
    path = miniature(tmp_path)
    path.rename(tmp_path / "mine.yaml")
    mine = tmp_path / "Snakefile"
    mine.write_text(
        f"""
configfile: "mine.yaml"

module ei:
    snakefile: "{ROOT}/Snakefile"
    config: config

use rule * from ei as ei_*

rule wanted:
    default_target: True
    input: "results/data/train.parquet", "results/step1/policy"
"""
    )
    told = succeeded(snakemake(tmp_path, "--dry-run", snakefile=mine))
    assert "rule ei_sft:" in told
    succeeded(snakemake(tmp_path, "results/data/train.parquet", snakefile=mine))


@pytest.mark.parametrize("absolute", [False, True])
def test_a_policy_of_another_run_elsewhere_is_a_base_model(tmp_path, absolute):
    model = "elsewhere/results/step5/policy"
    shutil.copytree(DEMO / "policy", tmp_path / model)
    model = str(tmp_path / model) if absolute else model
    miniature(tmp_path, model=model, steps=1)
    told = succeeded(snakemake(tmp_path, "results/step1/rollouts.parquet", "--dry-run"))
    assert f"input: {model}, results/data/train.parquet" in told
    assert "rule sft:" not in told
