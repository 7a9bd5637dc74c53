"""Runs, lineages and what is shared, from settings alone."""

import pytest

from ei import plan

CONFIG = {
    "steps": 2,
    "seed": 0,
    "model": "m",
    "data": {"train": "t", "validation": "v"},
    "prompt": "p",
    "engine": "vllm",
    "device": "cuda",
    "shards": 1,
    "sample": {"questions": 8, "rollouts": 4},
    "score": {"timeout_s": 2.0},
    "filter": {"dedupe": True},
    "sft": {"epochs": 1, "gpus": 1},
    "eval": {"questions": "all"},
    "vllm": {"engines": 1},
    "sweep": {"G8": {"sample": {"rollouts": 8}}, "epochs3": {"sft": {"epochs": 3}}, "same": {}},
}

TRAINED = ("sample", "score", "filter", "policy")
EVALUATED = ("eval", "grade", "metrics")


def changed_by(**changes):
    """The (stage, step) whose lineage a change of settings changes."""
    before = plan.runs(CONFIG, {})["results"]
    after = plan.merge(before, changes)
    stages = every(*TRAINED, *EVALUATED) | every(*EVALUATED, steps=(0,))
    return {(s, n) for s, n in stages if plan.lineage(before, s, n) != plan.lineage(after, s, n)}


def every(*stages, steps=(1, 2)):
    return {(stage, step) for stage in stages for step in steps}


def test_another_number_of_validation_questions_changes_evaluations_only():
    assert changed_by(eval={"questions": 5}) == every(*EVALUATED, steps=(0, 1, 2))


def test_other_epochs_keep_the_first_steps_rollouts_and_the_base_evaluation():
    first_kept = every("sample", "score", "filter", steps=(1,))
    assert changed_by(sft={"epochs": 2}) == every(*TRAINED, *EVALUATED) - first_kept


def test_another_filter_keeps_the_first_steps_scores():
    changed = changed_by(filter={"dedupe": False})
    assert ("filter", 1) in changed
    assert not changed & {("score", 1), ("sample", 1), ("eval", 0)}


def test_another_checker_never_samples_the_first_step_again():
    changed = changed_by(checker="another")
    assert {("score", 1), ("grade", 0), ("policy", 1), ("sample", 2)} <= changed
    assert not changed & {("sample", 1), ("eval", 0)}


@pytest.mark.parametrize("changes", [{"vllm": {"engines": 3}}, {"sft": {"gpus": 8}}, {"shards": 4}, {"steps": 2}])
def test_what_only_changes_the_speed_changes_nothing(changes):
    assert changed_by(**changes) == set()


def test_a_longer_run_keeps_its_first_steps():
    short = plan.runs(CONFIG, {})["results"]
    long = plan.merge(short, {"steps": 5})
    assert set(plan.artifacts("results", short)) < set(plan.artifacts("results", long))


@pytest.mark.parametrize("key", ["seed", "model", "engine", "prompt"])
def test_every_setting_of_the_whole_run_reaches_every_trained_policy(key):
    assert every("policy", "eval") <= changed_by(**{key: "other"})


def test_a_run_of_the_sweep_shares_until_it_differs():
    links = plan.shared(plan.runs(CONFIG, {}))
    assert links["results/sweep/epochs3/step1/filtered.parquet"] == "results/step1/filtered.parquet"
    assert links["results/sweep/G8/step0/eval.json"] == "results/step0/eval.json"
    assert links["results/sweep/G8/data/train.parquet"] == "results/data/train.parquet"
    assert links["results/sweep/same/step2/policy"] == "results/step2/policy"
    assert "results/sweep/epochs3/step1/policy" not in links
    assert "results/sweep/epochs3/step2/rollouts.parquet" not in links
    assert "results/sweep/G8/step1/rollouts.parquet" not in links


def test_a_preset_is_a_run_of_its_own_with_changes_to_the_settings():
    runs = plan.runs(CONFIG, {"demo": {"model": "tiny", "sft": {"epochs": 7}}})
    assert runs["results/demo"]["sft"] == {"epochs": 7, "gpus": 1}
    assert runs["results/demo"]["model"] == "tiny"
    assert runs["results"]["model"] == "m"


def test_flags_are_the_keys_word_for_word_and_a_null_is_no_flag():
    section = {"lr": 5.0e-5, "dedupe": True, "stop": "</answer>", "max_tokens": None, "gpus": 1}
    assert plan.flags(section, ("gpus",)) == ["--lr", "5e-05", "--dedupe", "true", "--stop", "</answer>"]
