"""What a run will cost: from settings and rates, and how it is told."""

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from ei.cost import rates
from ei.cost.estimate import Cost, Job, Rate, Rates, cost, words
from ei.cost.telling import Estimate, responses, told
from ei.runs.experiment import Run
from summaries import run

SETTINGS = {
    "model": "m", "engine": "vllm", "device": "cuda", "shards": 2, "steps": 2,
    "sample": {"questions": 100, "rollouts": [8, 4]},
    "sft": {"epochs": 2, "gpus": 2},
    "eval": {"questions": 60, "samples": 1},
    "data": {"development": 40, "validation": "none"},
}  # fmt: skip
RATES = Rates("tests", 200.0, 50.0, 0.1, Rate(10, 1000), Rate(20, 500), Rate(30, 400), 3e9)


def test_a_shard_of_a_step_samples_its_share_of_the_rollouts_of_that_step() -> None:
    first, second = (cost([(Job("sample", step, SETTINGS), RATES)]) for step in (1, 2))
    assert (first.rollouts, second.rollouts) == (400, 200)  # half of 100 x 8, of 100 x 4
    assert first.seconds == 10 + 400 * 200 / 1000


def test_an_evaluation_answers_and_draws_no_rollout() -> None:
    found = cost([(Job("eval", 0, SETTINGS, 100), RATES)])
    assert (found.rollouts, found.answers, found.seconds) == (0, 100, 20 + 100 * 200 / 500)


def test_training_goes_over_what_is_kept_once_for_each_epoch_and_leaves_a_policy() -> None:
    found = cost([(Job("sft", 1, SETTINGS), RATES)])
    assert found.trained_tokens == 800 * 0.1 * (200 + 50) * 2
    assert found.seconds == 2 * 30 + found.trained_tokens / 400
    assert found.bytes == 3e9


def test_a_baseline_trains_on_all_of_its_traces() -> None:
    found = cost([(Job("sft", 1, SETTINGS, 1000), RATES)])
    assert found.trained_tokens == 1000 * 250 * 2


def test_costs_add_up_and_other_stages_cost_nothing() -> None:
    jobs = [Job("sample", 1, SETTINGS), Job("score", 1, SETTINGS), Job("sft", 1, SETTINGS)]
    whole = cost((job, RATES) for job in jobs)
    assert whole == cost([(jobs[0], RATES)]) + cost([(jobs[2], RATES)])


def test_the_cost_is_one_line_that_says_where_its_rates_come_from() -> None:
    found = Cost(8192, 5500, 2.64e6, 720_000, 1020, 16.2e9)
    assert words(found, True, ["a", "a"]) == (
        "about 8,192 rollouts, 5,500 answers to evaluate, 2.6 million tokens to sample,"
        " 720 thousand to train on, 17 GPU-minutes, 16 GB of disk (at the rates of a)"
    )
    assert words(Cost(), True, []) == ""


def step(**more: Any) -> dict[str, Any]:
    """A step's summary, as far as rates are found in it."""
    counts = {"rollouts": 100, "kept": 20, "epochs": 2, "trained_tokens": 20 * 2 * 250}
    return {"step": 1, "mean_response_tokens": 200.0} | counts | more


def time(stage: str, seconds: float, tokens: int, **more: Any) -> dict[str, Any]:
    """A stage's time, as run.json has it."""
    shared = {"shared_from": None, "gpu_seconds": seconds}
    return {"stage": stage, "seconds": seconds, "tokens": tokens} | shared | more


def test_own_rates_are_those_of_runs_with_the_same_model_on_the_same_device() -> None:
    times = [time("sample", 10, 20_000), time("eval", 5, 20_000), time("sft", 10, 10_000)]
    mine = run("main", [0.1], settings=SETTINGS, steps=[step()], stages=times)
    faster = [time(one["stage"], 1, 10**6) for one in times]
    other = run("x", [0.1], settings=SETTINGS | {"model": "o"}, steps=[step()], stages=faster)
    linked = run("y", [0.1], settings=SETTINGS, steps=[],
                 stages=[time("sample", 1, 10**6, shared_from="results")])  # fmt: skip
    found = rates.own([mine, other, linked], SETTINGS)
    assert found is not None
    assert (found.sample, found.eval, found.sft) == (Rate(0, 2000), Rate(0, 4000), Rate(0, 1000))
    assert (found.response_tokens, found.prompt_tokens, found.kept) == (200, 50, 0.2)
    assert rates.own([other], SETTINGS) is None


def test_the_measured_table_has_the_default_engine_and_the_demos() -> None:
    for engine, device in (("vllm", "cuda"), ("transformers", "cpu")):
        found = rates.measured({"engine": engine, "device": device})
        assert found is not None
        assert found.policy_bytes > 0
    assert rates.measured({"engine": "transformers", "device": "cuda"}) is None


def test_of_an_unfinished_run_the_last_steps_summary_counts(tmp_path: Path) -> None:
    for name in ("a/step1/so_far.json", "a/step2/so_far.json", "b/step1/so_far.json", "b/run.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"name": name}))
    names = {one["name"] for one in rates.summaries(tmp_path)}
    assert names == {"a/step2/so_far.json", "b/run.json"}


MAIN = Run("results", "results", "main", "main", "ei", SETTINGS, {})
TO_DO = [("data", {"run": "results"}), ("sample", {"run": "results", "step": "2", "shard": "0"})]


def test_the_jobs_of_several_experiments_add_up_each_by_its_own_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = SETTINGS | {"sample": {"questions": 10, "rollouts": 2}}
    other = Run("results/x", "results/x", "main", "main", "ei", small, {})
    jobs = [("sample", {"run": run.folder, "step": "1"}) for run in (MAIN, other)]
    runs = {run.folder: run for run in (MAIN, other)}
    assert told(jobs, runs).startswith("about 410 rollouts, ")  # half of 100 x 8 and of 10 x 2


def test_of_a_run_that_may_stop_early_the_estimate_says_that_more_may_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = SETTINGS | {"early_stopping": {"patience": 1}}
    one = Run("results", "results", "main", "main", "ei", settings, {})
    more = ", without what early stopping has yet to decide on"
    assert told(TO_DO, {"results": one}) == told(TO_DO, {"results": MAIN}) + more
    assert told(TO_DO[:1], {"results": one}) == ""


def test_a_rule_of_the_same_name_in_another_workflow_is_not_ours() -> None:
    assert told([("sample", {"run": "theirs"}), ("eval", {})], {"results": MAIN}) == ""


def test_a_probe_asks_its_own_questions_and_no_development_ones() -> None:
    asked = {"prompts": {"question": "q.txt"}, "samples": 8, "questions": 10}
    settings = SETTINGS | {"probes": asked, "score": {}}
    one = Run("results", "results", "main", "main", "ei", settings, {})
    assert responses(one, "eval", {}) == 60 + 40
    assert responses(one, "probe", {"probe": "prompts/question"}) == 10
    assert responses(one, "probe", {"probe": "samples"}) == 10 * 8


def test_a_probe_and_an_evaluation_are_one_job_however_many_shards_sampling_has() -> None:
    assert SETTINGS["shards"] == 2
    costs = [cost([(Job(stage, 1, SETTINGS, 100), RATES)]) for stage in ("probe", "eval")]
    assert [one.answers for one in costs] == [100, 100]


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that sends an event of a run that has TO_DO to do: the lines told so far."""
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()
    handler = Estimate({"results": MAIN}, lambda: TO_DO, stream)

    def send(event: LogEvent) -> list[str]:
        handler.handle(logging.makeLogRecord({"event": event}))
        return stream.getvalue().splitlines()

    return send


def test_a_dry_run_tells_what_its_jobs_cost_after_it_has_named_them(events: Any) -> None:
    events(LogEvent.RUN_INFO)
    assert events(LogEvent.JOB_INFO) == []
    (line,) = events(LogEvent.RUN_INFO)
    assert line.startswith("to do: about 200 rollouts, 38 thousand tokens to sample")
    assert line.endswith("(at the rates of a 1.5B model on an H100)")


def test_a_run_tells_it_once_before_its_first_job(events: Any) -> None:
    assert events(LogEvent.RUN_INFO) == []
    (line,) = events(LogEvent.JOB_STARTED)
    assert line.startswith("to do: about 200 rollouts, 38 thousand tokens to sample")
    assert events(LogEvent.JOB_STARTED) == [line]


def test_the_process_of_a_single_job_tells_nothing(events: Any) -> None:
    assert events(LogEvent.JOB_STARTED) == []
