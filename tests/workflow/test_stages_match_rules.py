"""The table of stages in ei/runs/lineage.py says what Snakemake's own plan says."""

import re

import pytest

from ei.runs.lineage import FROM_BASE, ON_DEMAND, PER_PROBE, PER_RUN, STAGES
from helpers import miniature, snakemake

RUN = "results"
BEFORE_ALL = {f"{run}/machine.json" for run in (RUN, f"{RUN}/sft")}
ON_DEMAND_STAGES = [name for name, stage in STAGES.items() if stage.when == ON_DEMAND]


def planned_jobs(folder, *targets):
    """[(rule, inputs, outputs)] of every job of a forced dry run; a round's are called by it."""
    told = snakemake(folder, *targets, "--dry-run", "--forceall")
    assert told.returncode == 0, told.stdout[-3000:]
    blocks = re.findall(
        r"^(?:rule|checkpoint|localrule) (\w+):\n((?:    .*\n)+)", told.stdout, re.MULTILINE
    )
    return [
        (in_round(rule, text), files(text, "input"), files(text, "output")) for rule, text in blocks
    ]


def in_round(rule, block):
    """`sample_extra`, as the table calls the rule `sample_round` in the round `extra`."""
    found = re.search(r"^    wildcards: .*round=(\w+)", block, re.MULTILINE)
    return rule.replace("_round", f"_{found[1]}") if found else rule


def files(block, keyword):
    found = re.search(rf"^    {keyword}: (.*)$", block, re.MULTILINE)
    return set(found[1].split(", ")) if found else set()


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Those of a run of two steps with all rounds, and of its SFT baseline."""
    folder = tmp_path_factory.mktemp("planned")
    probes = {"prompts": {"plain": "workflow/prompts/question.txt"}, "samples": 2, "questions": 4}
    rounds = {"extra": 2, "hints": 1}
    miniature(folder, data={"development": 8}, shards=2, probes=probes, sample=rounds)
    on_demand = [
        leaf for name in ON_DEMAND_STAGES for step in (1, 2) for leaf in leaves(name, step)
    ]
    return planned_jobs(folder, "all", "baseline", *on_demand)


def of(jobs, name, run=RUN):
    """The jobs of a rule that work for a run."""
    ours = re.compile(rf"{run}/(data|step\d+)/")
    return [job for job in jobs if job[0] == name and all(map(ours.match, job[2]))]


def step_of(outputs):
    found = {int(number) for path in outputs for number in re.findall(r"/step(\d+)/", path)}
    return found.pop() if found else 0


PROBED = (("prompts/plain", 0), ("samples", 0), ("samples", 2))


def leaves(stage, step, run=RUN):
    folder = run if STAGES[stage].when == PER_RUN else f"{run}/step{step}"
    if STAGES[stage].when == PER_PROBE:
        probes = [probe for probe, probed in PROBED if probed == step]
        return {f"{folder}/{probe}/{name}" for probe in probes for name in STAGES[stage].leaves}
    return {f"{folder}/{name}" for name in STAGES[stage].leaves}


def test_every_stage_leaves_what_the_table_says(jobs):
    for name, stage in STAGES.items():
        if name in ("model", "traces"):
            continue
        steps = {PER_RUN: (0,), FROM_BASE: (0, 1, 2), PER_PROBE: (0, 1, 2)}
        for step in steps.get(stage.when, (1, 2)):
            made = {
                path
                for rule in stage.rules
                for _, _, outputs in of(jobs, rule)
                if step_of(outputs) == step
                for path in outputs
                if "-of-" not in path
            }
            assert made == leaves(name, step), (name, step)


def test_sampling_is_one_job_for_each_shard_and_an_evaluation_a_single_job(jobs):
    for name, stage in STAGES.items():
        parts = ["0-of-1"] if name in ("eval", "probe") else ["0-of-2", "1-of-2"]
        for rule in stage.sharded:
            outputs = [path for _, _, made in of(jobs, rule) for path in made]
            assert {path.rsplit("/", 1)[1] for path in outputs} == {f"{k}.parquet" for k in parts}


def test_every_rule_reads_only_what_the_table_lets_its_stage_take(jobs):
    for name, stage in STAGES.items():
        run = f"{RUN}/sft" if name == "traces" else RUN
        for rule in stage.rules:
            for _, inputs, outputs in of(jobs, rule, run):
                step = step_of(outputs)
                allowed = leaves(name, step, run) | leaves(name, step - 1, run)
                for before, back in stage.takes:
                    allowed |= leaves(before, step - back, run)
                if rule == "sft":  # it measures the sampling policy's entropy over all rollouts
                    allowed |= leaves("sample", step, run)
                ours = {path for path in inputs if path.startswith(f"{run}/")}
                unknown = {p for p in ours - allowed if "-of-" not in p and p not in BEFORE_ALL}
                assert not unknown, (rule, unknown)


@pytest.mark.parametrize(("shards", "evaluation"), [(1, "30"), (2, "5")])
def test_probes_come_last_and_evaluations_first_unless_sampling_is_cut_up(
    tmp_path, shards, evaluation
):
    probes = {"prompts": {"plain": "workflow/prompts/question.txt"}, "samples": 2}
    miniature(tmp_path, probes=probes, shards=shards)
    told = snakemake(tmp_path, "all", "--dry-run")
    blocks = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", told.stdout, re.MULTILINE)
    priorities = {rule: re.search(r"priority: (\d+)", text) for rule, text in blocks}
    assert priorities["probe"] is None  # which Snakemake says of 0
    told_of = {rule: priorities[rule][1] for rule in ("sample", "sft", "eval")}
    assert told_of == {"sample": "10", "sft": "20", "eval": evaluation}


def test_the_baseline_takes_traces_in_the_place_of_rollouts(jobs):
    [(_, _, outputs)] = of(jobs, "traces", f"{RUN}/sft")
    assert outputs == {f"{RUN}/sft/step1/rollouts.parquet"}
    assert not of(jobs, "sample", f"{RUN}/sft")


def test_every_rule_that_the_table_names_is_in_the_plan(jobs):
    named = {rule for name, stage in STAGES.items() if name != "model" for rule in stage.rules}
    assert named <= {rule for rule, _, _ in jobs}


def test_a_value_for_a_later_step_is_no_value_of_the_steps_before_it(tmp_path):
    """In both runs step 2 has the same settings, but it starts from what step 1 made."""
    late = {"sft": {"lr": 2e-4}}
    probes = {"samples": 2, "questions": 4}
    miniature(tmp_path, sft={"lr": [3e-4, 2e-4]}, probes=probes, sweep={"late": late})
    targets = [f"{run}/run.json" for run in (RUN, f"{RUN}/sweep/late")]
    told = snakemake(tmp_path, *targets, "--dry-run", "--printshellcmds")
    assert told.returncode == 0, told.stdout[-3000:]
    output = (
        r"Shell command: .*--output (?:results/sweep/late|results)/(step2/\S+) .*--lineage (\w+)"
    )
    lineages = {}
    for path, lineage in re.findall(output, told.stdout):
        lineages.setdefault(path, []).append(lineage)
    assert {"step2/policy", "step2/eval.json", "step2/samples/eval.json"} <= set(lineages)
    for path, found in lineages.items():
        assert len(set(found)) == len(found) == 2, path
