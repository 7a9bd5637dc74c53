"""run.json of a run of one step that is written by hand."""

import json

import polars as pl
import pytest

from analysis.written_run import (
    FILTERED,
    NO_QUESTIONS,
    SETTINGS,
    UPDATES,
    evaluation,
    of,
    summarize,
    summarized,
    write_run,
)
from ei.analysis.steps import rollouts
from ei.schema import RunSummary, StageTime, StepSummary, UpdateSummary


def test_a_run_json_has_the_fields_of_its_schema(tmp_path):
    found = summarized(write_run(tmp_path / "results"))
    assert set(found) == {*RunSummary.__annotations__, "version"}
    for part, schema in (
        (found["steps"][0], StepSummary),
        (found["updates"][0], UpdateSummary),
        (found["stages"][0], StageTime),
    ):
        assert set(part) - schema.__optional_keys__ == schema.__required_keys__


def test_the_measures_of_a_step_are_those_of_its_files(tmp_path):
    found = summarized(write_run(tmp_path / "results"), "--changes", '{"sft.epochs": 2}')
    assert (found["name"], found["kind"], found["seed"]) == ("main", "ei", 0)
    assert (found["settings"], found["changes"]) == (SETTINGS, {"sft.epochs": 2})
    assert [evaluation["accuracy"] for evaluation in found["evaluations"]] == [0.0, 0.5]
    (step,) = found["steps"]
    # Questions a (1 of 2 correct) and b (0 of 2): of two draws none, one or both are a.
    assert step.pop("accuracy_ci95") == [0.0, 0.5]
    assert step == {
        "step": 1,
        "rollouts": 4,
        "questions": 2,
        "accuracy": 0.25,
        "format_rate": 0.75,
        "truncated_rate": 0.25,
        "mean_response_tokens": 5.0,
        "solved": FILTERED["solved"],
        "status": FILTERED["status"],
        "kept": 1,
        "distinct_responses": 4,
        "distinct_correct": 1,
        "dropped": {"wrong": 3, "duplicate": 0, "over_cap": 0, "too_long": 0},
        "sampling_entropy": 0.35,
        "first_update_entropy": 0.3,
        "last_update_entropy": 0.2,
        "loss_first": 0.5,
        "loss_last": 0.4,
        "updates": 2,
        "epochs": 2,
        "trained_tokens": 40,
    }
    assert found["updates"][1] == {
        "step": 1, "update": 2, "loss": 0.4, "entropy": 0.2, "grad_norm": 0.9, "lr": 0.0,
    }  # fmt: skip
    assert (found["development"], found["best"], found["stopped_after"]) == ([], None, None)


def test_a_step_without_a_kept_rollout_has_no_entropy_of_updates(tmp_path):
    run = write_run(tmp_path / "results")
    UPDATES.clear().write_parquet(run / "step1/training.parquet")
    (step,) = summarized(run)["steps"]
    assert (step["updates"], step["first_update_entropy"], step["loss_last"]) == (0, None, None)


def test_rollouts_of_one_question_are_one_draw():
    """40 questions, each always or never solved: 8 rollouts of each say no more than one does."""
    rows = pl.DataFrame({"question_id": [str(i) for i in range(40)], "reward": [1.0, 0.0] * 20})
    rows = rows.with_columns(format_ok=True, finish_reason=pl.lit("stop"), tokens=1)
    one, eight = (rollouts(pl.concat([rows] * times))["accuracy_ci95"] for times in (1, 8))
    assert one == eight
    assert one[1] - one[0] == pytest.approx(2 * 1.96 * (0.25 / 40) ** 0.5, abs=0.03)


def test_the_development_split_is_reported_where_there_is_one(tmp_path):
    found = summarized(write_run(tmp_path / "results", developed=[0.5, 0.0]))
    assert [part["accuracy"] for part in found["development"]] == [0.5, 0.0]
    assert found["best"] == {"step": 0, "accuracy": 0.5, "accuracy_ci95": [0.0, 1.0], "n": 2}
    # Two validation and two development responses of 5 tokens.
    assert of(found["stages"], "eval", 1)["tokens"] == 20


def test_a_run_that_ended_early_says_after_which_step(tmp_path):
    run = write_run(tmp_path / "results")
    longer = {**SETTINGS, "steps": 5}
    assert summarized(run, settings=longer)["stopped_after"] == 1
    assert summarized(run, settings=longer, kind="sft")["stopped_after"] is None


def test_questions_left_out_as_too_long_are_counted(tmp_path):
    run = write_run(tmp_path / "results")
    (run / "data").mkdir()
    for split in ("train", "validation"):
        pl.DataFrame({"question_id": list("abcde")}).write_parquet(run / f"data/{split}.parquet")
    found = summarized(
        run, settings={**SETTINGS, "sample": {"questions": 3}, "eval": {"questions": 4}}
    )
    assert found["skipped_too_long"] == {"train": 1, "validation": 2}


def test_probes_stand_beside_the_curve_and_one_without_questions_is_left_out(tmp_path):
    run = write_run(tmp_path / "results")
    found = {"step0/prompts/plain": 0, "step0/samples": 0, "step1/samples": 1}
    for name, step in found.items():
        (run / name).mkdir(parents=True)
        (run / name / "eval.json").write_text(json.dumps(evaluation(step, 0.5)))
    (run / "step0/prompts/chat").mkdir()
    (run / "step0/prompts/chat/eval.json").write_text(json.dumps({"step": 0, **NO_QUESTIONS}))
    summary = summarized(run, "--probes", *run.rglob("prompts/*/eval.json"),
                         *(run / name / "eval.json" for name in list(found)[1:]))  # fmt: skip
    assert {name: one["accuracy"] for name, one in summary["prompts"].items()} == {"plain": 0.5}
    assert [one["step"] for one in summary["samples"]] == [0, 1]
    wrong = summarize(run, "--probes", run / "step0/eval.json")
    assert f"error: {run}/step0/eval.json is no probe" in wrong.stderr


def test_a_missing_file_is_named(tmp_path):
    run = write_run(tmp_path / "results")
    (run / "step1/filtered.json").unlink()
    result = summarize(run)
    assert result.returncode == 1
    assert f"error: {run}/step1/filtered.json does not exist" in result.stderr
    assert not (run / "run.json").exists()


def test_a_run_that_evaluated_no_question_is_an_error(tmp_path):
    run = write_run(tmp_path / "results")
    (run / "step0/eval.json").write_text(json.dumps({"step": 0, **NO_QUESTIONS}))
    result = summarize(run)
    assert result.returncode == 1
    assert f"{run}/step0/eval.json: no validation question was evaluated" in result.stderr
