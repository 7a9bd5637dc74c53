"""The lease of GPUs: nobody else's, first come first served, freed however the holder dies."""

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
         sys.executable, "-uc",
         "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(60)"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": devices, "EI_GPU_LOCKS": str(tmp_path)},
    )  # fmt: skip


@pytest.fixture
def holders(tmp_path):
    started = []

    def start(gpus, devices="0,1"):
        started.append(hold(tmp_path, gpus, devices))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def got(holder):
    """The GPUs of a holder, once it has them."""
    return holder.stdout.readline().strip()


def queued(holder):
    """What a job says that has to wait, once it says so."""
    return holder.stderr.readline().strip()


def waits(holder, seconds=1.5):
    """Whether the job has no GPU yet after so many seconds."""
    return not select.select([holder.stdout], [], [], seconds)[0]


def killed(holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()


def test_two_jobs_get_different_gpus(holders):
    assert {holders(1).stdout.readline().strip(), holders(1).stdout.readline().strip()} == {
        "0",
        "1",
    }


def test_a_job_waits_for_a_gpu_until_its_holder_is_killed(holders):
    first = holders(2)
    assert got(first) == "0,1"
    second = holders(1)
    assert waits(second)
    killed(first)
    assert got(second) in ("0", "1")


def test_a_job_for_two_gpus_is_not_passed_by_later_jobs_for_one(holders):
    first = holders(1)
    assert got(first) == "0"
    pair = holders(2)
    assert queued(pair) == "waiting for 2 of 2 GPUs; 0 jobs are ahead"
    later = [holders(1) for _ in range(3)]  # GPU 1 is free all the while
    assert all("jobs are ahead" in queued(job) for job in later)
    assert all(waits(job) for job in later)
    killed(first)
    assert got(pair) == "0,1"
    killed(pair)
    assert sum(not waits(job) for job in later) == 2


def test_a_killed_job_leaves_the_queue(holders, tmp_path):
    first = holders(1)
    assert got(first) == "0"
    pair = holders(2)
    assert queued(pair)
    killed(pair)
    assert len(list(tmp_path.glob("ticket-*"))) == 1
    assert got(holders(1)) == "1"
    assert not list(tmp_path.glob("ticket-*"))


def test_a_job_waits_only_for_those_who_want_its_gpus(holders):
    first = holders(1)
    assert got(first) == "0"
    assert queued(holders(2))
    assert got(holders(1, "2,3")) == "2"
    assert waits(holders(1, "1,3"))


def test_jobs_are_served_in_the_order_in_which_they_came(holders):
    holder = holders(1, "0")
    assert got(holder) == "0"
    line = []
    for place in range(4):
        line.append(holders(1, "0"))
        assert queued(line[-1]) == f"waiting for 1 of 1 GPUs; {place} jobs are ahead"
    for job in line:
        killed(holder)
        assert got(job) == "0"
        holder = job


@pytest.mark.parametrize(
    ("granted", "visible", "words"),
    [
        (0, "0", "no GPU was granted"),
        (2, "0", "asks for 2 GPUs, and 1 are visible"),
        (1, "", "none is visible on this machine"),
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


@pytest.mark.parametrize(("status", "said"), [(0, "checked\nran\n"), (3, "checked\n")])
def test_a_job_runs_only_where_the_check_of_its_run_has_passed(tmp_path, status, said):
    check = tmp_path / "check.py"
    check.write_text(
        f"#!/bin/sh\n[ $1 = --plan ] && [ $2 = a.json ] && echo checked\nexit {status}\n"
    )
    check.chmod(0o755)
    flags = ("--check", "a.json", "--device", "cpu", "--gpus", 0, "--", "echo", "ran")
    ended = script("gpurun.py", *flags, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (ended.returncode, ended.stdout) == (status, said)
