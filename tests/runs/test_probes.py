"""Which probes a run makes, what each changes, and which runs share them."""

import pytest
from test_lineage import CONFIG as PLAIN

from ei.runs import probes
from ei.runs.experiment import runs as make_runs
from ei.runs.lineage import lineage, probe_lineages
from ei.runs.settings import merge
from ei.runs.sharing import artifacts, records, records_of_probes, shared

CONFIG = {
    **PLAIN,
    "steps": 3,
    "shards": 2,
    "score": {"form": "answer"},
    "eval": {"questions": 40, "samples": 1, "entropy_rollouts": 8},
    "probes": {"prompts": {"plain": "q"}, "samples": 8, "questions": 500},
    "sweep": {"epochs3": {"sft": {"epochs": 3}}},
}


def settings(**changes):
    return make_runs(merge(CONFIG, changes), {})["results"].settings


def test_the_base_is_asked_otherwise_once_and_often_before_and_after():
    assert probes.planned(settings(), 3) == [
        ("prompts/plain", 0), ("samples", 0), ("samples", 3),
    ]  # fmt: skip
    assert probes.planned(settings(), 0) == [("prompts/plain", 0), ("samples", 0)]


def test_early_stopping_may_end_with_any_step():
    early = settings(early_stopping={"patience": 1})
    assert sorted(step for name, step in probes.possible(early) if name == "samples") == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("none", [{"prompts": None}, {"prompts": {}}])
def test_without_prompts_or_samples_there_are_no_probes(none):
    assert probes.planned(settings(probes={**none, "samples": None}), 3) == []


def test_a_prompt_changes_the_prompt_and_lets_a_box_count():
    changed = probes.changed(settings(), "prompts/plain")
    assert (changed["prompt"], changed["score"]["form"]) == ("q", "any")
    assert changed["eval"] == {"questions": 40, "samples": 1, "entropy_rollouts": 0}


def test_several_responses_are_graded_as_the_curve_is():
    changed = probes.changed(settings(), "samples")
    assert (changed["prompt"], changed["score"]["form"]) == ("p", "answer")
    assert changed["eval"]["samples"] == 8


@pytest.mark.parametrize(
    ("of_curve", "of_probe", "asked"),
    [(40, 500, 40), ("all", 500, 500), (40, "all", 40), ("all", "all", "all"), (900, 500, 500)],
)
def test_a_probe_asks_only_questions_of_the_curve(of_curve, of_probe, asked):
    assert probes.fewer(of_curve, of_probe) == asked


def test_another_probe_changes_nothing_of_the_curve():
    before, after = settings(), settings(probes={"samples": 4, "prompts": None, "questions": 5})
    for stage in ("sample", "sft", "metrics"):
        assert lineage(before, stage, 2) == lineage(after, stage, 2)


def test_a_probe_is_made_again_for_what_its_evaluation_depends_on_and_not_for_the_runs_prompt():
    def lines(name, **changes):
        return probe_lineages(settings(**changes), name, 0)["probe_metrics"]

    for name in ("prompts/plain", "samples"):
        assert lines(name) != lines(name, model="another")
        assert lines(name) != lines(name, eval={"temperature": 0.5})
    assert lines("prompts/plain") == lines("prompts/plain", prompt="r")
    assert lines("samples") != lines("samples", prompt="r")


def test_the_runs_of_a_sweep_share_the_probes_of_the_base_policy_only():
    links = shared(make_runs(CONFIG, {}))
    other = "results/sweep/epochs3"
    assert links[f"{other}/step0/prompts/plain/eval.json"] == (
        "results/step0/prompts/plain/eval.json"
    )
    assert links[f"{other}/step0/samples/eval.json"] == "results/step0/samples/eval.json"
    assert f"{other}/step3/samples/eval.json" not in links


def test_probes_of_several_names_with_the_same_prompt_do_not_share_a_name():
    found = make_runs(merge(CONFIG, {"probes": {"prompts": {"a": "q", "b": "q"}}}), {})
    identities = dict(artifacts(found["results"]))
    a, b = (identities[f"results/step0/prompts/{name}/eval.json"] for name in "ab")
    assert a != b


def test_the_records_of_shared_probes_are_those_of_their_maker():
    found = make_runs(CONFIG, {})
    run = found["results/sweep/epochs3"]
    told = records_of_probes(run, found, shared(found), 3)
    assert "results/step0/benchmarks/prompts/plain/probe-0-of-1.jsonl" in told
    assert f"{run.folder}/step3/benchmarks/samples/probe_metrics.jsonl" in told


def test_the_summary_so_far_waits_for_no_probe():
    found = make_runs(CONFIG, {})
    told = records(found["results"], found, {}, 1)
    assert told
    assert not [path for path in told if "probe" in path]


def test_a_run_without_a_section_of_probes_has_none():
    old = settings()
    assert probes.names({key: old[key] for key in old if key != "probes"}) == []
