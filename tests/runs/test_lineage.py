"""Runs, lineages and what is shared, from settings alone."""

import pytest

from ei.runs.experiment import refuse_contradictions
from ei.runs.experiment import runs as make_runs
from ei.runs.lineage import STAGES, lineage, work
from ei.runs.settings import merge
from ei.runs.sharing import artifacts, records, shared
from ei.stage import UserError

CONFIG = {
    "steps": 2,
    "seed": 0,
    "model": "m",
    "data": {"train": "t", "validation": "v", "development": 3},
    "prompt": "p",
    "engine": "vllm",
    "device": "cuda",
    "shards": 1,
    "sample": {"questions": 8, "rollouts": 4},
    "score": {"timeout_s": 2.0},
    "filter": {"dedupe": True},
    "sft": {"epochs": 1, "gpus": 1, "lr": 1.0},
    "eval": {"questions": "all"},
    "vllm": {"sequences": 64},
    "early_stopping": {"patience": None},
    "baseline": None,
    "sweep": {"G8": {"sample": {"rollouts": 8}}, "epochs3": {"sft": {"epochs": 3}}, "same": {}},
}

TRAINED = ("sample", "score", "filter", "sft")
EVALUATED = ("eval", "grade", "metrics")


def changed_by(**changes):
    """The (stage, step) whose lineage a change of settings changes."""
    before = make_runs(CONFIG, {})["results"].settings
    after = merge(before, changes)
    stages = every(*TRAINED, *EVALUATED) | every(*EVALUATED, steps=(0,))
    return {(s, n) for s, n in stages if lineage(before, s, n) != lineage(after, s, n)}


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
    assert {("score", 1), ("grade", 0), ("sft", 1), ("sample", 2)} <= changed
    assert not changed & {("sample", 1), ("eval", 0)}


@pytest.mark.parametrize(
    "changes", [{"vllm": {"sequences": 256}}, {"sft": {"gpus": 8}}, {"shards": 4}, {"steps": 2}]
)
def test_what_only_changes_the_speed_changes_nothing(changes):
    assert changed_by(**changes) == set()


def test_a_longer_run_keeps_its_first_steps():
    short, long = (make_runs({**CONFIG, "steps": steps}, {})["results"] for steps in (2, 5))
    assert set(artifacts(short)) < set(artifacts(long))
    assert list(work(long, 2)) == list(work(short))


@pytest.mark.parametrize("key", ["seed", "model", "engine", "prompt"])
def test_every_setting_of_the_whole_run_reaches_every_trained_policy(key):
    assert every("sft", "eval") <= changed_by(**{key: "other"})


def test_a_run_of_the_sweep_shares_until_it_differs():
    links = shared(make_runs(CONFIG, {}))
    assert links["results/sweep/epochs3/step1/filtered.parquet"] == "results/step1/filtered.parquet"
    assert links["results/sweep/G8/step0/eval.json"] == "results/step0/eval.json"
    assert links["results/sweep/G8/data/train.parquet"] == "results/data/train.parquet"
    assert links["results/sweep/same/step2/policy"] == "results/step2/policy"
    assert "results/sweep/epochs3/step1/policy" not in links
    assert "results/sweep/epochs3/step2/rollouts.parquet" not in links
    assert "results/sweep/G8/step1/rollouts.parquet" not in links


def test_a_preset_is_an_experiment_of_its_own_with_changes_to_the_settings():
    runs = make_runs(CONFIG, {"demo": {"model": "tiny", "sft": {"epochs": 7}}})
    assert [run.folder for run in runs.values() if run.experiment == "results/demo"] == [
        "results/demo"
    ]
    assert runs["results/demo"].settings["sft"] == {"epochs": 7, "gpus": 1, "lr": 1.0}
    assert runs["results/demo"].settings["model"] == "tiny"
    assert runs["results"].settings["model"] == "m"


def test_a_preset_has_a_sweep_and_seeds_of_its_own_alone():
    preset = {
        "sweep": {"one": {"sft": {"epochs": 9}}},
        "seeds": [0, 5],
        "baseline": {"traces": "chains"},
    }
    runs = make_runs({**CONFIG, "seeds": [0, 1]}, {"small": preset, "plain": {}})
    assert {name for name in runs if name.startswith("results/small")} == {
        "results/small",
        "results/small/sweep/one",
        "results/small/sft",
        "results/small/sft_filtered",
        "results/small/sweep/main-seed5",
        "results/small/sweep/one-seed5",
        "results/small/sweep/sft-seed5",
        "results/small/sweep/sft_filtered-seed5",
    }
    assert [name for name in runs if name.startswith("results/plain")] == ["results/plain"]


def test_a_run_knows_its_group_its_kind_and_what_it_changes():
    runs = make_runs({**CONFIG, "seeds": [0, 1], "baseline": {"traces": None}}, {})
    repeated, sft = runs["results/sweep/G8-seed1"], runs["results/sft"]
    assert (repeated.name, repeated.group, repeated.kind) == ("G8-seed1", "G8", "ei")
    assert (repeated.changes, repeated.settings["seed"]) == ({"sample.rollouts": 8}, 1)
    assert (runs["results"].name, runs["results"].changes) == ("main", {})
    assert (sft.kind, sft.settings["steps"], sft.changes["filter.keep"]) == ("sft", 1, "all")


def test_further_seeds_repeat_every_run_once():
    one, three = (
        make_runs({**CONFIG, "seeds": seeds, "baseline": {}}, {}) for seeds in (None, [0, 1, 2])
    )
    assert len(three) == 3 * len(one)
    assert {run.settings["seed"] for run in three.values()} == {0, 1, 2}


@pytest.mark.parametrize("name", ["main-seed1", "main", "sft"])
def test_a_sweep_name_that_another_run_could_have_is_refused(name):
    with pytest.raises(UserError, match=rf"sweep\.{name}: .* choose another name"):
        make_runs({**CONFIG, "sweep": {name: {}}}, {})


def test_the_baseline_takes_other_training_settings_and_the_base_evaluation_of_the_main_run():
    runs = make_runs({**CONFIG, "baseline": {"traces": "chains", "sft": {"epochs": 5}}}, {})
    links = shared(runs)
    assert runs["results/sft"].settings["sft"]["epochs"] == 5
    assert runs["results/sft_filtered"].settings["filter"]["keep"] == "correct"
    assert links["results/sft/step0/eval.json"] == "results/step0/eval.json"
    assert links["results/sft_filtered/step1/scored.parquet"] == "results/sft/step1/scored.parquet"
    assert "results/sft_filtered/step1/filtered.parquet" not in links
    assert "results/sft/step1/rollouts.parquet" not in links


def test_a_baseline_that_keeps_only_correct_traces_has_no_filtered_twin():
    baseline = {"traces": "chains", "filter": {"keep": "correct"}}
    runs = make_runs({**CONFIG, "baseline": baseline}, {})
    assert {run.name for run in runs.values() if run.kind == "sft"} == {"sft"}


def test_other_traces_change_the_baseline_alone():
    first, other = (
        make_runs({**CONFIG, "baseline": {"traces": traces}}, {}) for traces in ("a", "b")
    )
    lineages = [
        {place: lineage(runs[place].settings, "sft", 1) for place in ("results", "results/sft")}
        for runs in (first, other)
    ]
    assert lineages[0]["results"] == lineages[1]["results"]
    assert lineages[0]["results/sft"] != lineages[1]["results/sft"]


def test_questions_kept_back_change_all_that_is_made_of_the_others():
    assert changed_by(data={"development": 4}) == every(*TRAINED, *EVALUATED) | every(
        *EVALUATED, steps=(0,)
    )


def test_patience_without_development_questions_is_refused():
    sweep = {"early": {"early_stopping": {"patience": 1}}}
    config = {**CONFIG, "sweep": sweep, "data": {"development": 0}}
    with pytest.raises(UserError, match=r"run early: early_stopping\.patience needs questions"):
        make_runs(config, {})


def test_the_lineage_of_a_long_run_is_found_at_once():
    """It would take exponential time, and more than Python's limit of nested calls."""
    settings = make_runs({**CONFIG, "steps": 1000}, {})["results"].settings
    assert len(lineage(settings, "metrics", 1000)) == 16


def test_other_questions_in_the_same_file_change_all_that_is_made_of_them():
    changed = changed_by(data={**CONFIG["data"], "sha256": {"train": "other"}})
    assert changed == every(*TRAINED, *EVALUATED) | every(*EVALUATED, steps=(0,))


def test_a_preset_that_contradicts_itself_holds_up_nobody_until_it_is_run():
    preset = {"sample": {"min_tokens": 9, "max_tokens": 8}}
    runs = make_runs(CONFIG, {"odd": preset})
    with pytest.raises(UserError, match=r"results/odd, run main: sample\.min_tokens, 9, is above"):
        refuse_contradictions(runs["results/odd"])


def test_the_records_of_a_run_lie_where_its_jobs_ran():
    runs = make_runs({**CONFIG, "shards": 2}, {})
    found = records(runs["results/sweep/epochs3"], runs, shared(runs), 1)
    assert "results/benchmarks/data.jsonl" in found
    assert "results/step1/benchmarks/sample-1-of-2.jsonl" in found
    assert "results/step0/benchmarks/eval-0-of-1.jsonl" in found
    assert "results/sweep/epochs3/step1/benchmarks/sft.jsonl" in found
    assert "results/sweep/epochs3/step1/benchmarks/eval-0-of-1.jsonl" in found
    assert not [path for path in found if "step2" in path or "eval-1" in path]


def test_a_baseline_has_traces_in_the_place_of_rollouts():
    runs = make_runs({**CONFIG, "baseline": {"traces": "chains"}}, {})
    found = records(runs["results/sft"], runs, shared(runs), 1)
    assert "results/sft/step1/benchmarks/traces.jsonl" in found
    assert not [path for path in found if "sample" in path or "gather" in path]


def test_every_stage_takes_only_what_stages_leave():
    for stage in STAGES.values():
        assert {name for name, _ in stage.takes} <= set(STAGES)


def test_an_edited_reward_scores_again_and_samples_nothing_of_the_first_step(tmp_path):
    reward = tmp_path / "mine.py"
    found = []
    for text in ("def f(*_): return 1", "def f(*_): return 0"):
        reward.write_text(text)
        config = {**CONFIG, "score": {"timeout_s": 2.0, "reward": f"{reward}:f"}}
        settings = make_runs(config, {})["results"].settings
        found.append({stage: lineage(settings, stage, 1) for stage in ("sample", "score")})
    assert found[0]["sample"] == found[1]["sample"]
    assert found[0]["score"] != found[1]["score"]
