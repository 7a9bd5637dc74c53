"""The shipped presets: what each changes, what it does, and what it shares with others."""

import pytest
import yaml

from ei.runs.experiment import expanded
from ei.runs.experiment import runs as make_runs
from ei.runs.lineage import work
from ei.runs.settings import at_step, first_error, with_preset
from ei.runs.sharing import shared
from ei.stage import UserError
from helpers import ROOT

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
PRESETS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "workflow/presets").glob("*.yaml"))
}
EXPERIMENTS = sorted((ROOT / "docs/experiments").glob("*/*.yaml"))
STUDY = "results/demo_study"


@pytest.fixture(scope="module")
def runs():
    return make_runs(CONFIG, PRESETS)


@pytest.fixture(scope="module")
def links(runs):
    return shared(runs)


def settings(runs, preset, step=1):
    return at_step(runs[f"results/{preset}"].settings, step)


def stages(run):
    return {stage for stage, _ in work(run)}


def test_recommended_draws_most_in_the_first_step_and_learns_slower_from_the_third(runs):
    steps = [settings(runs, "recommended", step) for step in (1, 2, 3, 4)]
    assert [one["sample"]["rollouts"] for one in steps] == [32, 8, 8, 8]
    assert [one["sft"]["lr"] for one in steps] == [5e-5, 5e-5, 1.5e-5, 1.5e-5]
    assert [one["filter"]["solved_above"] for one in steps] == [None, 0.9, 0.9, 0.9]
    assert {one["filter"]["max_per_question"] for one in steps} == {4}
    assert {one["early_stopping"]["patience"] for one in steps} == {1}


def test_union_pools_what_all_steps_kept_and_starts_from_the_base(runs):
    sft = settings(runs, "union")["sft"]
    assert (sft["init"], sft["replay"], sft["replay_max"]) == ("base", "all", 10)


def test_only_adaptive_and_star_draw_a_further_round(runs):
    rounds = {name: stages(runs[f"results/{name}"]) & {"extra", "hints"} for name in PRESETS}
    assert {name: found for name, found in rounds.items() if found} == {
        "adaptive": {"extra"},
        "star": {"hints"},
    }


@pytest.mark.parametrize(
    ("name", "kept"), [("control_random", "random"), ("control_format", "format")]
)
def test_a_control_differs_from_the_main_run_in_what_its_filter_keeps_alone(
    runs, links, name, kept
):
    folder = f"results/{name}"
    assert settings(runs, name)["filter"]["keep"] == kept
    assert links[f"{folder}/step1/scored.parquet"] == "results/step1/scored.parquet"
    assert f"{folder}/step1/filtered.parquet" not in links
    main = settings(runs, "expert_iteration")
    ours = settings(runs, name)
    assert {**ours, "filter": {**ours["filter"], "keep": "correct"}} == main


def test_the_study_has_each_recipe_and_each_control_with_three_seeds(runs):
    found = [run for run in runs.values() if run.experiment == STUDY]
    groups = {run.group for run in found if run.kind == "ei"}
    others = {"demo", "demo_study", "expert_iteration", "guarded", "olmo2_1b_gsm8k"}
    assert groups == {"main", "recommended_one_lr"} | set(PRESETS) - others
    for group in groups:
        seeds = {run.settings["seed"] for run in found if run.group == group}
        assert seeds == {0, 1, 2}, group
    assert {run.settings["model"] for run in found} == {PRESETS["demo"]["model"]}


def test_the_studys_recommended_run_draws_as_many_rollouts_as_its_main_run(runs):
    def drawn(folder):
        run = runs[folder].settings
        assert run["early_stopping"]["patience"] is None
        steps = range(1, run["steps"] + 1)
        return sum(at_step(run, step)["sample"]["rollouts"] for step in steps)

    assert drawn(STUDY) == drawn(f"{STUDY}/sweep/recommended")


def test_the_studys_main_run_is_the_demos(links):
    assert links[f"{STUDY}/step5/policy"] == "results/demo/step5/policy"


def test_changes_are_laid_over_the_preset_that_they_name():
    presets = {
        "big": {"sft": {"lr": 1, "epochs": 2}, "sweep": {"a": {}}, "seeds": [1]},
        "other": {"preset": "big", "sft": {"lr": 3}},
    }
    assert expanded({"preset": "other", "steps": 4}, presets) == {
        "sft": {"lr": 3, "epochs": 2},
        "steps": 4,
    }


def test_a_preset_that_is_not_there_or_names_itself_is_an_error():
    with pytest.raises(UserError, match="there is no 'b'; there are a"):
        expanded({"preset": "b"}, {"a": {}})
    circle = {"a": {"preset": "b"}, "b": {"preset": "a"}}
    with pytest.raises(UserError, match="a names b names a, which is a circle"):
        expanded(circle["a"], circle, ("a",))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_settings_of_every_published_experiment_can_be_used(path):
    changes = yaml.safe_load(path.read_text(encoding="utf-8"))
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert first_error(with_preset(CONFIG, changes), schema) is None
    assert str(path.relative_to(ROOT)) in path.read_text()
