"""The whole chain under Snakemake, on two small steps: its files, reruns, and kills."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml

from ei.files import read_metadata, to_arrow
from ei.model.folder import fingerprint
from ei.schema import RESPONSES, ROLLOUTS, SCORED, UPDATES
from helpers import DEMO, command, copy_of, miniature, snakemake

pytestmark = pytest.mark.slow  # one run of two steps, which all of these look at
SCORE_COLUMNS = {"extracted": "string", "format_ok": "bool", "reward": "float", "status": "string"}


def arrow(columns):
    """{column: its Arrow type} of a schema of Polars types."""
    table = to_arrow(pl.DataFrame(schema=columns))
    return {field.name: str(field.type) for field in table.schema}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that learns nothing, so its patience is over after the first of three steps.

    It has probes: that of the last policy can only be planned when the last step is known.
    """
    folder = tmp_path_factory.mktemp("stopped")
    prompts = {"plain": "workflow/prompts/question.txt"}
    miniature(
        folder, steps=3, data={"development": 8}, early_stopping={"patience": 1},
        sample={"max_tokens": 5}, eval={"temperature": 0.0},
        probes={"prompts": prompts, "samples": 2, "questions": 4},
    )  # fmt: skip
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout[-3000:]
    return folder, done.stdout


@pytest.fixture
def rerun(finished, tmp_path):
    """A copy of the finished folder, and a function that changes its settings."""
    folder = copy_of(finished, tmp_path / "copy")

    def change(**changes):
        path = folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            both = isinstance(value, dict) and key != "sweep"
            config[key] = {**config[key], **value} if both else value
        path.write_text(yaml.safe_dump(config))
        return folder

    return change


def planned(folder, *targets):
    """{(rule, step)} that a dry run would run."""
    told = snakemake(folder, *targets, "--dry-run")
    assert told.returncode == 0, told.stdout[-3000:]
    found, rule = set(), None
    for line in told.stdout.splitlines():
        if line.startswith(("rule ", "localrule ", "checkpoint ")):
            rule = line.split()[1].rstrip(":")
        elif line.strip().startswith("wildcards:") and "step=" in line:
            found.add((rule, int(line.split("step=")[1].split(",")[0])))
    return found


def types(path):
    schema = pq.read_schema(path)
    return {field.name: str(field.type).replace("element:", "item:") for field in schema}


def test_a_run_leaves_every_file_of_the_contract_with_its_columns(finished):
    results = finished / "results"
    for step in (1, 2):
        folder = results / f"step{step}"
        assert types(folder / "rollouts.parquet") == arrow(ROLLOUTS)
        for name in ("scored.parquet", "filtered.parquet"):
            assert types(folder / name) == arrow(SCORED)
        for name in ("responses.parquet", "development_responses.parquet"):
            assert types(folder / name) == arrow(RESPONSES)
        assert types(folder / "training.parquet") == arrow(UPDATES)
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
            p.name for p in (folder / "policy").iterdir()
        }
    for name in ("accuracy.png", "accuracy.svg", "entropy.png", "entropy.svg"):
        assert (results / "plots" / name).stat().st_size > 10_000
    assert pl.read_csv(results / "steps.csv")["step"].to_list() == [0, 1, 2]
    assert len(json.loads((results / "run.json").read_text())["development"]) == 3


def test_every_row_says_which_weights_made_it(finished):
    results = finished / "results"
    policies = [DEMO / "policy", results / "step1/policy", results / "step2/policy"]
    prints = [fingerprint(folder) for folder in policies]
    assert len(set(prints)) == 3
    for step in (1, 2):
        rows = pl.read_parquet(results / f"step{step}/rollouts.parquet")
        assert rows["policy"].unique().to_list() == [prints[step - 1]]
    for step in (0, 1, 2):
        assert json.loads((results / f"step{step}/eval.json").read_text())["policy"] == prints[step]
        assert pl.read_parquet(results / f"step{step}/responses.parquet")[
            "policy"
        ].unique().to_list() == [prints[step]]


def test_every_file_carries_lineage_version_and_settings(finished):
    for path in finished.glob("results/**/*.parquet"):
        if path.parent.name.startswith(".") or "pairs" in path.name:
            continue
        assert {"lineage", "version", "settings"} <= set(read_metadata(path)), path
    for path in finished.glob("results/step*/*.json"):
        assert {"lineage", "version", "settings"} <= set(json.loads(path.read_text())), path


def test_sft_sees_the_right_rollouts_and_no_others(finished):
    for step in (1, 2):
        folder = finished / f"results/step{step}"
        scored, filtered = (
            pl.read_parquet(folder / f"{name}.parquet") for name in ("scored", "filtered")
        )
        right = scored.filter(pl.col("reward") == 1).unique(["question_id", "response"])
        assert 0 < filtered.height == right.height
        assert filtered["reward"].to_list() == [1.0] * filtered.height


def test_the_decoded_ids_are_the_response(finished):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(finished / "results/step1/policy")
    rows = pl.read_parquet(finished / "results/step2/rollouts.parquet")
    for ids, text, reason in rows.select("response_ids", "response", "finish_reason").iter_rows():
        decoded = tokenizer.decode(ids, skip_special_tokens=True)
        assert decoded.startswith(text)
        if reason == "stop" and "</answer>" in text:
            assert text.endswith("</answer>")


def test_a_second_call_says_that_there_is_nothing_to_do(finished):
    assert "Nothing to be done" in snakemake(finished).stdout


def test_another_number_of_validation_questions_reruns_evaluations_only(rerun):
    again = planned(rerun(eval={"questions": 10}))
    chain = {"eval", "grade", "metrics"}
    assert {(rule, step) for rule, step in again if rule in chain} == {
        (rule, step) for rule in chain for step in (0, 1, 2)
    }
    assert {rule for rule, _ in again} <= chain | {"best_so_far", "progress"}


def test_other_epochs_keep_the_first_steps_rollouts(rerun):
    again = planned(rerun(sft={"epochs": 3}))
    assert ("sft", 1) in again
    assert ("sample", 2) in again
    assert not again & {("sample", 1), ("score", 1), ("filter", 1), ("eval", 0)}


def test_another_score_setting_samples_nothing_of_the_first_step(rerun):
    again = planned(rerun(score={"max_chars": 500}))
    assert ("score", 1) in again
    assert not again & {("sample", 1), ("eval", 0)}


def test_what_only_changes_the_speed_reruns_nothing(rerun):
    folder = rerun(vllm={"sequences": 256}, threads=2)
    assert "Nothing to be done" in snakemake(folder, "--dry-run").stdout


def test_a_deleted_policy_is_not_made_again_unless_it_is_asked_for(rerun):
    folder = rerun()
    for path in (folder / "results/step1/policy").iterdir():
        path.unlink()
    (folder / "results/step1/policy").rmdir()
    assert "Nothing to be done" in snakemake(folder, "--dry-run").stdout
    assert ("sft", 1) in planned(folder, "results/step1/policy")


def test_a_failed_rerun_leaves_nothing_stale(rerun):
    folder = rerun(filter={"max_per_question": 1}, sft={"row_tokens": 8})
    before = json.loads((folder / "results/step2/eval.json").read_text())["lineage"]
    failed = snakemake(folder, "results/step2/eval.json")
    assert failed.returncode != 0
    assert "error:" in failed.stdout
    assert (
        snakemake(folder, "results/step2/eval.json", "--dry-run").stdout.count("Nothing to be done")
        == 0
    )
    rerun(sft={"row_tokens": 1024})
    again = planned(folder, "results/step2/eval.json")
    assert {("sft", 1), ("sample", 2), ("sft", 2), ("eval", 2), ("metrics", 2)} <= again
    assert ("sample", 1) not in again
    assert json.loads((folder / "results/step2/eval.json").read_text())["lineage"] == before


def start_and_kill(folder, target, when):
    """Start a run, kill everything in it with SIGKILL as soon as `when()` holds, and unlock."""
    run = subprocess.Popen(
        command(folder, target), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    while not when():
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert snakemake(folder, "--unlock").returncode == 0


def test_a_run_killed_in_sample_and_in_sft_ends_with_the_same_results(finished, tmp_path):
    folder = tmp_path / "killed"
    miniature(folder, data={"development": 8}, sft={"epochs": 2})
    step = folder / "results/step1"
    target = "results/step2/rollouts.parquet"
    start_and_kill(folder, target, lambda: list(step.glob("rollouts/.*/*.parquet")))
    assert not (step / "rollouts.parquet").exists()
    start_and_kill(folder, target, lambda: list(step.glob(".policy.*/*.pt")))
    assert not (step / "policy").exists()
    last = snakemake(folder, target)
    assert last.returncode == 0, last.stdout[-3000:]
    for name in ("step1/rollouts.parquet", "step1/filtered.parquet", "step2/rollouts.parquet"):
        assert (folder / "results" / name).read_bytes() == (
            finished / "results" / name
        ).read_bytes(), name
    assert fingerprint(step / "policy") == fingerprint(finished / "results/step1/policy")
    assert not list(step.glob(".policy.*"))
    assert not list(step.glob("rollouts/.*"))


def test_a_step_without_a_right_rollout_warns_and_keeps_its_policy(stopped):
    folder, printed = stopped
    assert "warning: no rollout is kept" in printed
    assert fingerprint(folder / "results/step1/policy") == fingerprint(DEMO / "policy")
    assert pl.read_parquet(folder / "results/step1/training.parquet").height == 0
    assert json.loads((folder / "results/step1/training.json").read_text())["sampling_entropy"] > 0
    assert pl.read_csv(folder / "results/steps.csv")["kept"].to_list() == [None, 0]
    assert (folder / "results/plots/entropy.png").exists()


def test_a_run_whose_patience_is_over_ends_with_the_step_it_has(stopped):
    folder, _ = stopped
    results = folder / "results"
    assert not (results / "step2").exists()
    assert json.loads((results / "run.json").read_text())["stopped_after"] == 1
    best = json.loads((results / "best/best.json").read_text())
    assert (best["step"], best["since_best"], len(best["steps"])) == (0, 1, 2)
    assert (results / "best/policy").resolve() == DEMO / "policy"
    assert "Nothing to be done" in snakemake(folder, "--dry-run").stdout


def test_the_best_step_is_chosen_on_questions_that_are_kept_back(finished):
    results = finished / "results"
    best = json.loads((results / "best/best.json").read_text())
    told = [json.loads((results / f"step{step}/development.json").read_text()) for step in range(3)]
    assert [step["accuracy"] for step in best["steps"]] == [step["accuracy"] for step in told]
    assert best["accuracy"] == max(step["accuracy"] for step in told)
    assert best["n"] == 8
    assert best["validation"]["policy"] == fingerprint(results / "best/policy")
    kept_back = set(pl.read_parquet(results / "data/development.parquet")["question_id"])
    for step in (1, 2):
        assert not kept_back & set(
            pl.read_parquet(results / f"step{step}/rollouts.parquet")["question_id"]
        )
        answered = pl.read_parquet(results / f"step{step}/development_responses.parquet")
        assert set(answered["question_id"]) == kept_back


def test_two_shards_draw_what_one_draws(finished, tmp_path):
    miniature(tmp_path, data={"development": 8}, shards=2)
    done = snakemake(tmp_path, "results/step1/rollouts.parquet")
    assert done.returncode == 0, done.stdout[-3000:]
    whole, parts = (
        pl.read_parquet(f / "results/step1/rollouts.parquet") for f in (finished, tmp_path)
    )
    assert parts.equals(whole)


def test_probes_are_in_the_summary_of_the_run_and_leave_what_an_evaluation_leaves(stopped):
    results = stopped[0] / "results"
    run = json.loads((results / "run.json").read_text())
    assert {name: one["n"] for name, one in run["prompts"].items()} == {"plain": 4}
    assert [(one["step"], one["samples"]) for one in run["samples"]] == [(0, 2), (1, 2)]
    for probe in ("step0/prompts/plain", "step0/samples", "step1/samples"):
        assert types(results / probe / "responses.parquet") == arrow(RESPONSES)
    assert {"probe", "probe_grade", "probe_metrics"} <= {one["stage"] for one in run["stages"]}
