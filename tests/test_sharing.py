"""What a run of a sweep takes from another, and what that saves."""

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import gather
import sample
from ei import plan, reuse
from ei.stage import UserError
from helpers import ROOT

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 6))


def cells(size):
    """The rollouts of a rectangle: (question, sample)."""
    return {(question, sample) for question in range(size[0]) for sample in range(size[1])}


@given(SIZES, st.lists(SIZES, min_size=1, max_size=5))
def test_the_cover_is_all_that_can_be_had_from_as_few_runs_as_can_be(wanted, offered):
    found = reuse.cover(wanted, {str(k): size for k, size in enumerate(offered)})
    had = set().union(*map(cells, found.values()))
    assert had == cells(wanted) & set().union(*map(cells, offered))
    assert reuse.area(found.values()) == len(had)
    for name in found:
        rest = [cells(size) for other, size in found.items() if other != name]
        assert set().union(*rest) < had


def test_of_equal_parts_the_earlier_runs_is_taken():
    assert reuse.cover((4, 4), {"main": (8, 8), "G16": (8, 16)}) == {"main": (4, 4)}


def shipped(**changes):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return plan.runs({**config, **changes}, {})


def drawn_in_step_1(runs):
    """The rollouts of step 1 that the runs draw, and those that they would draw if each drew its own."""
    own = {
        plan.lineage(run.settings, "sample", 1): run
        for run in reversed(runs.values())
        if run.kind == "ei"
    }
    wanted = {run.folder: reuse.area([reuse.rectangle(run)]) for run in own.values()}
    known = {name: reuse.area(parts.values()) for name, parts in reuse.sources(runs).items()}
    return sum(wanted.values()) - sum(known.values()), sum(wanted.values())


def test_the_shipped_sweep_draws_half_of_its_first_rollouts():
    assert drawn_in_step_1(shipped()) == (24_576, 49_152)


def test_three_seeds_draw_three_times_as_much():
    assert drawn_in_step_1(shipped(seeds=[0, 1, 2])) == (3 * 24_576, 3 * 49_152)


def test_the_main_run_takes_from_none_and_a_run_with_other_sampling_neither():
    runs = shipped(
        sweep={
            "G4": {"sample": {"rollouts": 4}},
            "hot": {"sample": {"rollouts": 4, "temperature": 1.5}},
        }
    )
    assert reuse.sources(runs) == {"results/sweep/G4": {"results": (1024, 4)}}


def test_a_run_may_take_from_two():
    sizes = {"wide": {"questions": 2048, "rollouts": 2}, "high": {"questions": 64, "rollouts": 32}}
    both = {"questions": 2048, "rollouts": 32}
    runs = shipped(sweep={name: {"sample": size} for name, size in {**sizes, "both": both}.items()})
    assert reuse.sources(runs)["results/sweep/both"] == {
        "results/sweep/wide": (2048, 2),
        "results": (1024, 8),
        "results/sweep/high": (64, 32),
    }


def test_an_experiment_takes_no_part_from_another():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    runs = plan.runs({**config, "sweep": {}}, {"small": {"sample": {"rollouts": 2}}})
    assert reuse.sources(runs) == {}


def drawn(*rollouts, policy="base"):
    """A table of rollouts from (question, sample)."""
    return pl.DataFrame(
        {
            "question_id": [q for q, _ in rollouts],
            "sample": [k for _, k in rollouts],
            "policy": policy,
        }
    )


def test_only_what_no_other_run_has_drawn_is_drawn():
    chosen = pl.DataFrame({"question_id": ["a", "b", "c"]})
    known = [drawn(("a", 0), ("b", 0)), drawn(("a", 0), ("a", 1), ("a", 2))]
    assert sample.missing(chosen, 3, known) == {"b": range(1, 3), "c": range(3)}
    assert sample.missing(chosen, 3, []) == {"a": range(3), "b": range(3), "c": range(3)}


def test_shards_and_known_rollouts_are_joined_to_those_wanted_each_once():
    shards = [drawn(("b", 1)), drawn(("c", 0), ("c", 1))]
    known = [drawn(("a", 0), ("a", 1), ("a", 2), ("b", 0), ("z", 0)), drawn(("a", 0), ("b", 0))]
    joined = gather.join(shards, known, ["a", "b", "c"], 2)
    assert joined.select("question_id", "sample").rows() == [
        (name, k) for name in "abc" for k in (0, 1)
    ]


def test_a_question_that_was_too_long_for_all_is_absent():
    joined = gather.join([], [drawn(("a", 0), ("a", 1))], ["a", "long"], 2)
    assert joined["question_id"].to_list() == ["a", "a"]


def test_rollouts_of_another_policy_are_refused():
    with pytest.raises(UserError, match="2 different policies"):
        gather.join([drawn(("a", 1), policy="other")], [drawn(("a", 0))], ["a"], 2)


def test_known_rollouts_that_have_become_fewer_are_refused():
    with pytest.raises(UserError, match="some questions lack rollouts"):
        gather.join([drawn(("a", 3))], [drawn(("a", 0), ("a", 1))], ["a"], 4)
