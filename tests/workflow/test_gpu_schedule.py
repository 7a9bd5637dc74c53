"""GPU jobs side by side: the real rules and the real lease, with stages that only note where and when they ran."""

import shutil

import pytest
import yaml

from helpers import ROOT, miniature, snakemake

STAGES = [
    "data",
    "sample",
    "gather",
    "score",
    "filter",
    "sft",
    "eval",
    "metrics",
    "table",
    "summarize",
    "plots",
]

pytestmark = pytest.mark.slow  # every job of three steps, as processes


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """(stage, step, GPUs, start, end) of every job of three steps on two GPUs."""
    folder = tmp_path_factory.mktemp("two_gpus")
    source = folder / "source"
    shutil.copytree(
        ROOT / "workflow", source / "workflow", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "Snakefile", source)
    for stage in STAGES:
        shutil.copy(ROOT / "tests/stub_stage.py", source / f"workflow/scripts/{stage}.py")
    path = miniature(folder, steps=3, engine="vllm", device="cuda")
    assert yaml.safe_load(path.read_text())["device"] == "cuda"
    done = snakemake(
        folder, "--resources=gpu=2", snakefile=source / "Snakefile", CUDA_VISIBLE_DEVICES="0,1",
        EI_GPU_LOCKS=str(folder / "locks"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    rows = [line.split("\t") for line in (folder / "trace.tsv").read_text().splitlines()]
    return [(stage, step, gpus, float(start), float(end)) for stage, step, gpus, start, end in rows]


def job(trace, stage, step):
    return next(row for row in trace if row[:2] == (stage, str(step)))


def overlap(one, other):
    return min(one[4], other[4]) - max(one[3], other[3])


def test_the_evaluation_of_a_step_runs_beside_the_sampling_of_the_next(trace):
    for step in (0, 1, 2):
        evaluation, sampling = job(trace, "eval", step), job(trace, "sample", step + 1)
        assert overlap(evaluation, sampling) > 0
        assert {evaluation[2], sampling[2]} == {"0", "1"}


def test_no_two_jobs_ever_hold_the_same_gpu(trace):
    held = [row for row in trace if row[0] in ("sample", "sft", "eval")]
    assert len(held) == 3 + 3 + 4
    for n, one in enumerate(held):
        assert one[2] in ("0", "1")
        for other in held[n + 1 :]:
            assert one[2] != other[2] or overlap(one, other) <= 0, (one, other)
