"""A run through Slurm: one node with two mock GPUs, started for these tests."""

import os
import re
import subprocess
import sys

import pytest
import slurm_node

from ei.model.folder import fingerprint
from helpers import ROOT, SCRIPTS, miniature, snakemake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(slurm_node.missing() is not None, reason=f"{slurm_node.missing()}"),
]
PROFILE = (
    "--workflow-profile", str(ROOT / "profiles/slurm"),
    "--default-resources", "slurm_partition=gpu", "mem_mb=2000", "runtime=10",
    "--slurm-init-seconds-before-status-checks", "3",  # this node answers at once
)  # fmt: skip
SAME = [
    *(f"step{step}/{name}" for step in (1, 2) for name in ("rollouts.parquet", "scored.parquet")),
    *(f"step{step}/filtered.{end}" for step in (1, 2) for end in ("parquet", "json")),
    *(f"step{step}/{name}.json" for step in (0, 1, 2) for name in ("eval", "development")),
    *(f"step{step}/responses.parquet" for step in (0, 1, 2)),
    "best/best.json",
    "steps.csv",
]


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The environment of the node."""
    with slurm_node.node(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture(scope="module")
def submitted(node, tmp_path_factory):
    """The settings of the run `finished`, run through Slurm: its folder, and what was printed."""
    folder = tmp_path_factory.mktemp("submitted")
    miniature(folder, data={"development": 8}, sft={"epochs": 2, "lr": [3e-4, 2e-4]})
    done = snakemake(folder, *PROFILE, **node)
    assert done.returncode == 0, done.stdout[-3000:]
    return folder, done.stdout


def test_a_run_through_slurm_leaves_what_a_local_run_leaves(submitted, finished):
    ours, local = submitted[0] / "results", finished / "results"
    for name in SAME:
        assert (ours / name).read_bytes() == (local / name).read_bytes(), name
    for step in (1, 2):
        policies = [folder / f"step{step}/policy" for folder in (ours, local)]
        assert fingerprint(policies[0]) == fingerprint(policies[1])


def test_the_demo_of_five_steps_is_at_most_25_submissions(submitted):
    """A step is four submissions, the check of the machine and the base evaluation one each."""
    jobs = re.findall(r"submitted with SLURM jobid (\d+)", submitted[1])
    assert len(jobs) == 2 + 4 * 2
    assert 2 + 4 * 5 <= 25


def test_scoring_asks_for_no_gpu_partition_and_little_memory(submitted, node):
    told = subprocess.run(
        ["squeue", "--states=all", "--noheader", "--format=%P %m"],
        env={**os.environ, **node}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    jobs = [line.split() for line in told.stdout.splitlines()]
    assert jobs.count(["cpu", "8000M"]) == 2
    assert {partition for partition, _ in jobs} == {"cpu", "gpu"}


def test_the_terminal_tells_of_slurms_jobs_as_of_local_ones(submitted):
    told = submitted[1]
    for stage in ("sample", "score", "filter", "sft", "metrics"):
        assert f"main step 2 {stage}: " in told
    assert re.search(r"main table:\nstep ", told)


def test_two_jobs_on_a_node_get_a_gpu_each(node):
    show = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); time.sleep(3)"
    job = [
        "srun", "--quiet", "--gpus=1", "--mem=100", sys.executable, str(SCRIPTS / "gpurun.py"),
        "--device", "cuda", "--gpus", "1", "--", sys.executable, "-c", show,
    ]  # fmt: skip
    both = [
        subprocess.Popen(job, stdout=subprocess.PIPE, text=True, env={**os.environ, **node})
        for _ in range(2)
    ]
    assert {process.communicate(timeout=60)[0].strip() for process in both} == {"0", "1"}
