"""GPU jobs side by side: real rules and leases, stages that only note where and when they ran."""

import shutil
from itertools import combinations
from typing import NamedTuple

import pytest

from helpers import ROOT, miniature, snakemake

STAGES = [
    "machine", "check", "data", "sample", "gather", "score", "filter", "sft", "eval", "metrics",
    "table", "summarize", "plots",
]  # fmt: skip
ON_A_GPU = ("sample", "sft", "eval")


class Job(NamedTuple):
    """One job of the trace; `gpu` is its CUDA_VISIBLE_DEVICES, times are Unix times in seconds."""

    stage: str
    run: str
    step: str
    gpu: str
    start: float
    end: float


def traced(folder, gpus, *targets, stub_seconds=1.5, **changes):
    """Every job of a run with stub stages on so many mock GPUs."""
    source = folder / "source"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workflow", source / "workflow", ignore=ignore)
    shutil.copy(ROOT / "Snakefile", source)
    for stage in STAGES:
        shutil.copy(ROOT / "tests/workflow/stub_stage.py", source / f"workflow/scripts/{stage}.py")
    cold = "def run(command, held=()):\n    return None  # stubs import nothing to fork from\n"
    (source / "workflow/scripts/ei/warm.py").write_text(cold)
    miniature(folder, engine="vllm", device="cuda", **changes)
    done = snakemake(
        folder, *targets, f"--resources=gpu={gpus}", snakefile=source / "Snakefile",
        CUDA_VISIBLE_DEVICES=",".join(map(str, range(gpus))), EI_GPU_LOCKS=str(folder / "locks"),
        STUB_SECONDS=str(stub_seconds),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    rows = [line.split("\t") for line in (folder / "trace.tsv").read_text().splitlines()]
    return [Job(*row[:4], float(row[4]), float(row[5])) for row in rows]


@pytest.fixture(scope="module")
def two_gpus(tmp_path_factory):
    """Three steps of one run on two GPUs."""
    return traced(tmp_path_factory.mktemp("two_gpus"), 2, steps=3)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Two steps of three runs on one GPU."""
    sweep = {name: {"sft": {"epochs": epochs}} for name, epochs in (("e2", 2), ("e3", 3))}
    runs = ("results", *(f"results/sweep/{name}" for name in sweep))
    targets = [f"{run}/step{step}/eval.json" for run in runs for step in (0, 1, 2)]
    folder = tmp_path_factory.mktemp("swept")
    return traced(folder, 1, *targets, stub_seconds=0.3, steps=2, sweep=sweep, baseline=None)


def job(trace, stage, step):
    return next(one for one in trace if (one.stage, one.step) == (stage, str(step)))


def overlap(one, other):
    return min(one.end, other.end) - max(one.start, other.start)


def test_the_evaluation_of_a_step_runs_beside_the_sampling_of_the_next(two_gpus):
    for step in (0, 1, 2):
        evaluation, sampling = job(two_gpus, "eval", step), job(two_gpus, "sample", step + 1)
        assert overlap(evaluation, sampling) > 0
        assert {evaluation.gpu, sampling.gpu} == {"0", "1"}


def test_with_shards_a_step_is_evaluated_when_the_next_has_all_its_sampling_under_way(tmp_path):
    targets = [f"results/step{step}/eval.json" for step in (0, 1, 2)]
    trace = traced(tmp_path, 2, *targets, stub_seconds=0.5, shards=2)
    for step in (0, 1):
        evaluation, training = job(trace, "eval", step), job(trace, "sft", step + 1)
        drawn = [one for one in trace if (one.stage, one.step) == ("sample", str(step + 1))]
        assert len(drawn) == 2
        assert max(one.start for one in drawn) < evaluation.start < training.end


def test_no_two_jobs_ever_hold_the_same_gpu(two_gpus):
    held = [one for one in two_gpus if one.stage in ON_A_GPU]
    assert len(held) == 3 + 3 + 4
    for one, other in combinations(held, 2):
        assert {one.gpu, other.gpu} <= {"0", "1"}
        assert one.gpu != other.gpu or overlap(one, other) <= 0, (one, other)


def test_on_one_gpu_a_step_is_evaluated_before_the_next_is_sampled(swept):
    starts = {(one.stage, one.run, int(one.step)): one.start for one in swept if one.step != "-"}
    for stage, run, step in list(starts):
        if stage == "sample" and ("eval", run, step - 1) in starts:
            assert starts["eval", run, step - 1] < starts[stage, run, step], (run, step)


def test_a_sweep_shows_points_of_its_curves_long_before_its_end(swept):
    used = sorted(one.start for one in swept if one.stage in ON_A_GPU)
    half = (used[0] + max(one.end for one in swept if one.stage in ON_A_GPU)) / 2
    evaluations = [one.start for one in swept if one.stage == "eval"]
    assert sum(start < half for start in evaluations) >= len(evaluations) // 3
