"""Values for single steps, further rounds and pairs: what each changes of the lineages."""

from pathlib import Path

import polars as pl
import pytest
from test_lineage import CONFIG, changed_by, every

from ei.files import stamp, write_table
from ei.runs.experiment import runs as make_runs
from ei.runs.lineage import lineage, work
from ei.runs.settings import merge
from ei.runs.sharing import shared
from ei.runs.stale import stale


@pytest.mark.parametrize(("section", "key"), [("sft", "lr"), ("sample", "rollouts")])
def test_a_changed_value_for_a_step_runs_again_from_that_step_on(section, key):
    value = CONFIG[section][key]
    assert changed_by(**{section: {key: [value]}}) == set()
    assert changed_by(**{section: {key: [value, value]}}) == set()
    first_kept = every("sft", "eval", "grade", "metrics", steps=(2,))
    first_kept |= every("sample", "score", "filter", steps=(2,)) if section == "sample" else set()
    assert changed_by(**{section: {key: [value, 2 * value]}}) == first_kept
    assert ("sft", 1) in changed_by(**{section: {key: [2 * value, value]}})


def test_a_further_round_draws_nothing_of_the_first_round_again():
    for name in ("extra", "hints"):
        changed = changed_by(sample={**CONFIG["sample"], name: 4})
        assert {("filter", 1), ("sft", 1), ("sample", 2)} <= changed
        assert not changed & every("sample", "score", "eval", steps=(0, 1)) - {("eval", 1)}


def test_rounds_that_are_off_have_no_job_and_leave_every_lineage_as_it_was():
    off = {**CONFIG["sample"], "extra": 0, "hints": 0, "hint": "{answer}"}
    assert changed_by(sample=off) == set()
    stages = {stage for stage, _ in work(make_runs(CONFIG, {})["results"])}
    assert not stages & {"extra", "hints"}


def test_hints_keep_the_extra_round_and_another_hint_keeps_all_before():
    def settings(**sample):
        config = {**CONFIG, "sample": {**CONFIG["sample"], "extra": 4, **sample}}
        return make_runs(config, {})["results"].settings

    plain, hinted, other = settings(), settings(hints=1, hint="a"), settings(hints=1, hint="b")
    assert lineage(plain, "extra", 1) == lineage(hinted, "extra", 1) == lineage(other, "extra", 1)
    assert lineage(hinted, "hints", 1) != lineage(other, "hints", 1)
    assert len({lineage(one, "filter", 1) for one in (plain, hinted, other)}) == 3


def test_what_every_earlier_step_kept_is_behind_a_policy_that_replays_it():
    """So a lineage needs no list of the replayed files: each step's policy hangs on its filter."""
    replaying = {**CONFIG, "steps": 3, "sft": {**CONFIG["sft"], "init": "base", "replay": "all"}}
    before = merge(make_runs(replaying, {})["results"].settings, {"filter": {"solved_above": None}})
    after = merge(before, {"filter": {"solved_above": [None, 0.9, None]}})
    assert lineage(before, "filter", 1) == lineage(after, "filter", 1)
    assert lineage(before, "sft", 3) != lineage(after, "sft", 3)


def test_a_list_that_says_the_same_is_no_change_of_the_run():
    sweep = {"same": {"sft": {"lr": [1.0, 1.0]}}, "later": {"sft": {"lr": [1.0, 0.5, 0.5]}}}
    found = make_runs({**CONFIG, "sweep": sweep}, {})
    assert found["results/sweep/same"].changes == {}
    assert found["results/sweep/later"].changes == {"sft.lr": [1.0, 0.5]}
    assert shared(found)["results/sweep/later/step1/policy"] == "results/step1/policy"
    assert "results/sweep/later/step2/policy" not in shared(found)


def test_pairs_made_with_other_settings_are_stale_though_no_run_makes_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = make_runs(CONFIG, {})["results"]
    path = Path("results/step2/pairs.parquet")
    write_table(pl.DataFrame({"a": [1]}), path, stamp(lineage(run.settings, "pairs", 2), {}))
    assert stale([run]) == set()
    write_table(pl.DataFrame({"a": [1]}), path, stamp("another", {}))
    assert stale([run]) == {str(path)}
    assert ("pairs", 2) not in set(work(run))
