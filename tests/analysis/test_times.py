"""How long each stage took, from its jobs' records."""

import json
from pathlib import Path

import pytest

from analysis.written_run import (
    of,
    record,
    records_of,
    summarized,
    write_run,
)
from ei.analysis.times import read_record, stage_times
from ei.stage import UserError


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
