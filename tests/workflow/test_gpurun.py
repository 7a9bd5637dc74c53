"""The lease of GPUs: nobody else's, freed however the holder dies, refused in words."""

import os
import select
import signal
import subprocess
import sys

import pytest

from helpers import SCRIPTS, script


def hold(tmp_path, gpus, devices="0,1"):
    """A process that leases GPUs, prints which, and sleeps."""
    return subprocess.Popen(
        [sys.executable, SCRIPTS / "gpurun.py", "--device", "cuda", "--gpus", str(gpus), "--",
         sys.executable, "-uc", "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": devices, "EI_GPU_LOCKS": str(tmp_path)},
    )  # fmt: skip


@pytest.fixture
def holders(tmp_path):
    started = []

    def start(gpus):
        started.append(hold(tmp_path, gpus))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_two_jobs_get_different_gpus(holders):
    assert {holders(1).stdout.readline().strip(), holders(1).stdout.readline().strip()} == {
        "0",
        "1",
    }


def test_a_job_waits_for_a_gpu_until_its_holder_is_killed(holders):
    first = holders(2)
    assert first.stdout.readline().strip() == "0,1"
    second = holders(1)
    ready, _, _ = select.select([second.stdout], [], [], 2.0)
    assert not ready
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.stdout.readline().strip() in ("0", "1")


@pytest.mark.parametrize(
    ("granted", "visible", "words"),
    [
        (0, "0", "no GPU was granted"),
        (2, "0", "asks for 2 GPUs, and 1 are visible"),
        (1, "", "0 are visible"),
    ],
)
def test_too_few_gpus_are_refused_in_words(granted, visible, words):
    flags = ("--device", "cuda", "--gpus", granted, "--", "true")
    refused = script("gpurun.py", *flags, CUDA_VISIBLE_DEVICES=visible)
    assert refused.returncode != 0
    assert words in refused.stderr


def test_a_job_on_the_cpu_sees_no_gpu():
    show = (
        "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']), os.environ['OMP_NUM_THREADS'])"
    )
    flags = ("--device", "cpu", "--gpus", 0, "--threads", 3, "--", sys.executable, "-c", show)
    assert script("gpurun.py", *flags, CUDA_VISIBLE_DEVICES="0").stdout.strip() == "'' 3"
