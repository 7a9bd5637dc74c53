"""run.json of a run of one step that is written by hand: two questions, two rollouts each."""

import json
from pathlib import Path

import polars as pl
import pytest

from ei.analysis.steps import rollouts
from ei.analysis.times import read_record, stage_times
from ei.files import read_run
from ei.schema import RunSummary, StageTime, StepSummary, UpdateSummary
from ei.stage import UserError
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
    "rollouts": 4,
    "kept": 1,
    "dropped": {"wrong": 3},
    "status": {"correct": 1, "wrong": 2, "no_format": 1},
    "solved": {"never": 1, "sometimes": 1, "always": 0},
    "distinct_responses": 4,
    "distinct_correct": 1,
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
TRAINING = {"updates": 2, "sampling_entropy": 0.35, "tokens": 40, "processes": 2}
NO_QUESTIONS = {"n": 0}


def evaluation(step, accuracy):
    """An eval.json of two questions with one response of 5 tokens each."""
    return {
        "step": step,
        "n": 2,
        "responses": 2,
        "samples": 1,
        "accuracy": accuracy,
        "accuracy_ci95": [0.0, 1.0],
        "format_rate": 1.0,
        "accuracy_given_format": accuracy,
        "mean_response_tokens": 5.0,
        "truncated_rate": 0.0,
        "entropy": None,
        "policy": None,
        "by_level": {},
        "by_subject": {},
        "lineage": f"lineage of step {step}",
    }


def record(folder, name, seconds):
    """A benchmark record as Snakemake writes it: a line for each attempt."""
    path = folder / f"benchmarks/{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"s": seconds}) + "\n")
    return path


def write_run(run, developed=()):
    """A finished run of one step, sampled in two shards, with its benchmark records."""
    for step in (0, 1):
        folder = run / f"step{step}"
        folder.mkdir(parents=True)
        (folder / "eval.json").write_text(json.dumps(evaluation(step, 0.5 * step)))
        (folder / "development.json").write_text(json.dumps({"step": step, **NO_QUESTIONS}))
        record(folder, "eval-0-of-1", 10.0)
    for step, accuracy in enumerate(developed):
        (run / f"step{step}/development.json").write_text(json.dumps(evaluation(step, accuracy)))
    SCORED.write_parquet(folder / "scored.parquet")
    UPDATES.write_parquet(folder / "training.parquet")
    (folder / "filtered.json").write_text(json.dumps(FILTERED))
    (folder / "training.json").write_text(json.dumps(TRAINING))
    record(folder, "sample-0-of-2", 30.0)
    record(folder, "sample-1-of-2", 20.0)
    record(folder, "sft", 7.0)
    record(folder, "score", 1.0)
    return run


def records_of(run):
    return sorted(run.rglob("benchmarks/**/*.jsonl"))


def summarize(run, *more, settings=SETTINGS, kind="ei", benchmarks=None):
    """The process of summarize.py on the run."""
    return script(
        "summarize.py", "--run", run, "--name", "main", "--group", "main", "--kind", kind,
        "--seed", 0, "--steps", 1, "--settings", json.dumps(settings),
        "--output", run / "run.json", *more,
        "--benchmarks", *(records_of(run) if benchmarks is None else benchmarks),
    )  # fmt: skip


def summarized(run, *more, **how):
    result = summarize(run, *more, **how)
    assert result.returncode == 0, result.stderr
    return read_run(run / "run.json")


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


def of(times, stage, step):
    """The time of a stage of a step; None where it has none."""
    return next((one for one in times if (one["stage"], one["step"]) == (stage, step)), None)


def test_shards_take_as_long_as_the_longest_and_the_gpu_seconds_of_all(tmp_path):
    found = summarized(write_run(tmp_path / "results"))
    sample = of(found["stages"], "sample", 1)
    assert (sample["seconds"], sample["gpus"], sample["gpu_seconds"]) == (30.0, 2, 50.0)
    assert (sample["tokens"], sample["tokens_per_s"]) == (20, pytest.approx(20 / 30))
    sft = of(found["stages"], "sft", 1)
    assert (sft["gpus"], sft["gpu_seconds"], sft["tokens"]) == (2, 14.0, 40)
    score = of(found["stages"], "score", 1)
    assert (score["gpus"], score["tokens"], score["tokens_per_s"]) == (0, None, None)
    assert of(found["stages"], "filter", 1) is None  # it left no record
    assert found["seconds"] == 30.0 + 20.0 + 7.0 + 1.0 + 2 * 10.0
    assert found["gpu_seconds"] == 50.0 + 14.0 + 2 * 10.0


def test_stages_stand_in_the_order_of_the_run_whatever_the_order_of_their_records(tmp_path):
    run = write_run(tmp_path / "results")
    record(run, "data", 1.0)
    for stage in ("traces", "gather", "filter", "new"):
        record(run / "step1", stage, 1.0)
    times = stage_times(run, reversed(records_of(run)), "cpu")
    assert [(time["step"], time["stage"]) for time in times] == [
        (0, "data"), (0, "eval"), (1, "sample"), (1, "gather"), (1, "traces"), (1, "score"),
        (1, "filter"), (1, "sft"), (1, "eval"), (1, "new"),
    ]  # fmt: skip


def test_a_shared_artifact_has_its_makers_time_and_is_not_counted_again(tmp_path):
    main = write_run(tmp_path / "results")
    other = write_run(tmp_path / "results/sweep/epochs4")
    own = [path for path in records_of(other) if path.parts[-3] != "step0"]
    found = summarized(other, benchmarks=[*own, record(main / "step0", "eval-0-of-1", 11.0)])
    evaluated = of(found["stages"], "eval", 0)
    assert (evaluated["seconds"], evaluated["shared_from"]) == (11.0, str(main))
    assert of(found["stages"], "eval", 1)["shared_from"] is None
    assert found["gpu_seconds"] == 50.0 + 14.0 + 10.0


def test_a_probe_is_a_stage_of_its_step_and_of_its_run(tmp_path):
    record(tmp_path / "results/step0", "prompts/plain/probe-0-of-1", 3.0)
    record(tmp_path / "results/step0", "samples/probe-0-of-1", 4.0)
    (time,) = stage_times(tmp_path / "results", records_of(tmp_path), "cuda")
    assert (time["step"], time["stage"], time["gpu_seconds"]) == (0, "probe", 7.0)
    assert time["shared_from"] is None


def test_the_maker_is_named_as_a_user_would_type_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path("results"))
    other = write_run(Path("results/sweep/epochs4"))
    times = stage_times(other, [Path("results/step0/benchmarks/eval-0-of-1.jsonl")], "cpu")
    assert times[0]["shared_from"] == "results"


def test_of_a_job_that_was_resumed_the_last_attempt_counts(tmp_path):
    path = record(tmp_path / "step2", "sft", 3.0)
    path.write_text(path.read_text() + json.dumps({"s": 4.0}) + "\n")
    assert read_record(path)[:4] == (2, "sft", tmp_path, 4.0)


@pytest.mark.parametrize(("text", "says"), [(None, "does not exist"), ("", "no benchmark record")])
def test_a_missing_or_empty_record_is_named(tmp_path, text, says):
    path = tmp_path / "step1/benchmarks/sft.jsonl"
    if text is not None:
        record(tmp_path / "step1", "sft", 1.0).write_text(text)
    with pytest.raises(UserError, match=f"{path}.* {says}"):
        read_record(path)


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
