"""run.json of a run of one step that is written by hand: two questions, two rollouts each."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

import summarize
from ei.analysis.steps import rollouts
from ei.analysis.times import stages
from helpers import script

SETTINGS = {
    "steps": 1,
    "device": "cuda",
    "data": {"development": 0},
    "sample": {"questions": 2},
    "eval": {"questions": "all"},
    "sft": {"epochs": 2},
}
SCORED = pl.DataFrame(
    {
        "question_id": ["a", "a", "b", "b"],
        "reward": [1.0, 0.0, 0.0, 0.0],
        "format_ok": [True, True, True, False],
        "finish_reason": ["stop", "stop", "stop", "length"],
        "response_ids": [[1] * 2, [1] * 4, [1] * 6, [1] * 8],
    }
)
FILTERED = {
    "kept": 1,
    "dropped": {"wrong": 3},
    "status": {"correct": 1, "wrong": 2, "no_format": 1},
    "solved": {"never": 1, "sometimes": 1, "always": 0},
    "distinct_responses": 4,
}
UPDATES = pl.DataFrame(
    {
        "update": [1, 2],
        "loss": [0.5, 0.4],
        "entropy": [0.3, 0.2],
        "grad_norm": [1.0, 0.9],
        "lr": [1e-5, 0.0],
    }
)
TRAINING = {"sampling_entropy": 0.35, "tokens": 40, "processes": 2}


def evaluation(step, accuracy, n=2):
    return {
        "step": step, "n": n, "responses": n, "accuracy": accuracy, "accuracy_ci95": [0.0, 1.0],
        "mean_response_tokens": 5.0, "lineage": f"lineage of step {step}",
    }  # fmt: skip


def record(folder, name, seconds):
    path = folder / f"benchmarks/{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"s": seconds}) + "\n")
    return path


def write_run(run, developed=()):
    """A finished run of one step, sampled in two shards."""
    for step in (0, 1):
        folder = run / f"step{step}"
        (folder / "rollouts").mkdir(parents=True)
        (folder / "eval.json").write_text(json.dumps(evaluation(step, 0.5 * step)))
        (folder / "answers.parquet").touch()
        record(folder, "eval-0-of-1", 10.0)
    for step, accuracy in enumerate(developed):
        (run / f"step{step}/development.json").write_text(json.dumps(evaluation(step, accuracy)))
    SCORED.write_parquet(folder / "scored.parquet")
    SCORED.head(2).write_parquet(folder / "rollouts/0-of-2.parquet")
    SCORED.tail(2).write_parquet(folder / "rollouts/1-of-2.parquet")
    UPDATES.write_parquet(folder / "training.parquet")
    (folder / "filtered.json").write_text(json.dumps(FILTERED))
    (folder / "training.json").write_text(json.dumps(TRAINING))
    for name, seconds in {
        "sample-0-of-2": 30.0,
        "sample-1-of-2": 20.0,
        "sft": 7.0,
        "score": 1.0,
    }.items():
        record(folder, name, seconds)
    return run


def summarised(run, *more, settings=SETTINGS, kind="ei", steps=1):
    result = script(
        "summarize.py", "--run", run, "--name", "main", "--group", "main", "--kind", kind, "--seed", 0,
        "--steps", steps, "--settings", json.dumps(settings), "--output", run / "run.json", *more,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads((run / "run.json").read_text())


def test_the_measures_of_a_step_are_those_of_its_files(tmp_path):
    found = summarised(write_run(tmp_path / "results"), "--changes", '{"sft.epochs": 2}')
    assert (found["name"], found["kind"], found["seed"], found["changes"]) == (
        "main",
        "ei",
        0,
        {"sft.epochs": 2},
    )
    assert found["settings"] == SETTINGS
    assert [evaluation["accuracy"] for evaluation in found["evaluations"]] == [0.0, 0.5]
    (step,) = found["steps"]
    assert step.pop("accuracy_ci95") == [
        0.0,
        0.5,
    ]  # questions a (1 of 2) and b (0 of 2): of two draws 0, 1 or 2 are a
    assert step == {
        "step": 1, "rollouts": 4, "questions": 2, "accuracy": 0.25, "format_rate": 0.75, "truncated_rate": 0.25,
        "mean_response_tokens": 5.0, "solved": FILTERED["solved"], "status": FILTERED["status"], "kept": 1,
        "distinct_responses": 4, "dropped": {"wrong": 3, "duplicate": 0, "over_cap": 0, "too_long": 0},
        "sampling_entropy": 0.35, "first_update_entropy": 0.3, "last_update_entropy": 0.2, "loss_first": 0.5,
        "loss_last": 0.4, "updates": 2, "epochs": 2, "trained_tokens": 40,
    }  # fmt: skip
    assert found["updates"][1] == {
        "step": 1, "update": 2, "loss": 0.4, "entropy": 0.2, "grad_norm": 0.9, "lr": 0.0,
    }  # fmt: skip
    assert (found["development"], found["best"], found["stopped_after"]) == ([], None, None)


def test_a_step_without_a_kept_rollout_has_no_entropy_of_updates(tmp_path):
    run = write_run(tmp_path / "results")
    UPDATES.clear().write_parquet(run / "step1/training.parquet")
    (step,) = summarised(run)["steps"]
    assert (step["updates"], step["first_update_entropy"], step["loss_last"]) == (0, None, None)


def test_rollouts_of_one_question_are_one_draw():
    """40 questions, each always or never right: 8 rollouts of each say no more than one does."""
    rows = pl.DataFrame({"question_id": [str(i) for i in range(40)], "reward": [1.0, 0.0] * 20})
    rows = rows.with_columns(format_ok=True, finish_reason=pl.lit("stop"), tokens=1)
    one, eight = (rollouts(pl.concat([rows] * times))["accuracy_ci95"] for times in (1, 8))
    assert one == eight
    assert one[1] - one[0] == pytest.approx(2 * 1.96 * (0.25 / 40) ** 0.5, abs=0.03)


def of(found, stage, step):
    return next((part for part in found if (part["stage"], part["step"]) == (stage, step)), None)


def test_shards_take_as_long_as_the_longest_and_the_gpu_seconds_of_all(tmp_path):
    found = summarised(write_run(tmp_path / "results"))
    sample = of(found["stages"], "sample", 1)
    assert (sample["seconds"], sample["gpus"], sample["gpu_seconds"], sample["tokens"]) == (
        30.0,
        2,
        50.0,
        20,
    )
    assert sample["tokens_per_s"] == pytest.approx(20 / 30)
    sft = of(found["stages"], "sft", 1)
    assert (sft["gpus"], sft["gpu_seconds"], sft["tokens"]) == (2, 14.0, 40)
    score = of(found["stages"], "score", 1)
    assert (score["gpus"], score["tokens"], score["tokens_per_s"]) == (0, None, None)
    assert of(found["stages"], "filter", 1) is None  # it left no record
    assert found["seconds"] == 30.0 + 7.0 + 1.0 + 2 * 10.0
    assert found["gpu_seconds"] == 50.0 + 14.0 + 2 * 10.0


def test_of_other_numbers_of_shards_the_newest_counts(tmp_path):
    run = write_run(tmp_path / "results")
    os.utime(record(run / "step1", "sample-0-of-1", 99.0), (1, 1))
    assert of(stages(run, 1, "cpu"), "sample", 1)["seconds"] == 30.0


def test_a_shared_artifact_has_its_makers_time_and_is_not_counted_again(tmp_path):
    write_run(tmp_path / "results")
    other = write_run(tmp_path / "results/sweep/epochs4")
    for name in ("answers.parquet", "eval.json"):
        (other / "step0" / name).unlink()
        (other / "step0" / name).symlink_to(Path("../../../step0") / name)
    record(tmp_path / "results/step0", "eval-0-of-1", 11.0)
    found = summarised(other)
    evaluated = of(found["stages"], "eval", 0)
    assert (evaluated["seconds"], evaluated["shared_from"]) == (11.0, str(tmp_path / "results"))
    assert of(found["stages"], "eval", 1)["shared_from"] is None
    assert found["gpu_seconds"] == 50.0 + 14.0 + 10.0


def test_the_maker_is_named_as_a_user_would_type_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path("results"))
    other = write_run(Path("results/sweep/epochs4"))
    (other / "step0/answers.parquet").unlink()
    (other / "step0/answers.parquet").symlink_to("../../../step0/answers.parquet")
    assert of(stages(other, 1, "cpu"), "eval", 0)["shared_from"] == "results"


def test_the_best_step_is_chosen_on_the_development_split_and_the_earlier_of_equal_ones():
    found = summarize.best([evaluation(0, 0.1), evaluation(1, 0.4), evaluation(2, 0.4)])
    assert found == {"step": 1, "accuracy": 0.4, "accuracy_ci95": [0.0, 1.0], "n": 2}


def test_the_development_split_is_reported_where_there_is_one(tmp_path):
    found = summarised(write_run(tmp_path / "results", developed=[0.5, 0.0]))
    assert [part["accuracy"] for part in found["development"]] == [0.5, 0.0]
    assert found["best"]["step"] == 0
    assert (
        of(found["stages"], "eval", 1)["tokens"] == 20
    )  # two validation and two development responses of 5 tokens


def test_a_run_that_ended_early_says_after_which_step(tmp_path):
    run = write_run(tmp_path / "results")
    assert summarised(run, settings={**SETTINGS, "steps": 5})["stopped_after"] == 1
    assert summarised(run, settings={**SETTINGS, "steps": 5}, kind="sft")["stopped_after"] is None


def test_questions_left_out_as_too_long_are_counted(tmp_path):
    run = write_run(tmp_path / "results")
    (run / "data").mkdir()
    for split in ("train", "validation"):
        pl.DataFrame({"question_id": list("abcde")}).write_parquet(run / f"data/{split}.parquet")
    found = summarised(
        run, settings={**SETTINGS, "sample": {"questions": 3}, "eval": {"questions": 4}}
    )
    assert found["skipped_too_long"] == {"train": 1, "validation": 2}


def test_a_missing_file_is_named(tmp_path):
    run = write_run(tmp_path / "results")
    (run / "step1/filtered.json").unlink()
    result = script(
        "summarize.py", "--run", run, "--name", "x", "--group", "x", "--kind", "ei", "--seed", 0, "--steps", 1,
        "--settings", json.dumps(SETTINGS), "--output", run / "run.json",
    )  # fmt: skip
    assert result.returncode == 1
    assert f"error: {run}/step1/filtered.json does not exist" in result.stderr
    assert not (run / "run.json").exists()


def test_the_table_of_an_sft_run_has_its_base_and_its_one_step(tmp_path):
    paths = []
    for step, accuracy in enumerate([0.1, 0.4]):
        paths.append(tmp_path / f"eval{step}.json")
        told = {"format_rate": 0.5, "accuracy_given_format": None, "entropy": None}
        paths[-1].write_text(json.dumps({**evaluation(step, accuracy), **told}))
    (tmp_path / "filtered.json").write_text(json.dumps({"rollouts": 2000, "kept": 1990}))
    (tmp_path / "training.json").write_text(json.dumps({"updates": 60}))
    result = script(
        "table.py", "--evaluations", *paths, "--filters", tmp_path / "filtered.json",
        "--trainings", tmp_path / "training.json", "--output", tmp_path / "steps.csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "1,990 of 2,000" in result.stdout
    assert pl.read_csv(tmp_path / "steps.csv")["accuracy"].to_list() == [0.1, 0.4]
