"""Jobs that run in a fork of a process that has imported everything."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ei import warm
from helpers import SCRIPTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only on Linux")

# Runs a command as gpurun.py does, through a server that imports little and soon ends.
CLIENT = """
import sys
from ei import warm
warm.MODULES, warm.IDLE = ("colorsys",), 0.5
status = warm.run(sys.argv[1:])
print("cold") if status is None else sys.exit(status)
"""
JOB = """
import json, os, sys, time
print(json.dumps({
    "arguments": sys.argv[1:], "folder": os.getcwd(), "threads": os.environ.get("OMP_NUM_THREADS"),
    "imported": "colorsys" in sys.modules, "left": getattr(sys, "left", None),
    "name": __name__, "process": os.getpid(), "beside": sys.path[0],
}))
sys.left = "something"
print("to stderr", file=sys.stderr)
if "sleep" in sys.argv:
    time.sleep(60)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def job(tmp_path: Path):
    """A function that starts the job's script with arguments, in a folder of this test's own."""
    script = tmp_path / "sample.py"
    script.write_text(JOB)

    def start(*arguments: str, script: Path = script, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(script), *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(SCRIPTS), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, dict, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, json.loads(out), err


def test_a_job_has_its_arguments_folder_environment_streams_and_status(job, tmp_path):
    status, told, err = ended(job("3", "a b", OMP_NUM_THREADS="7"))
    assert (status, err) == (3, "to stderr\n")
    assert told["arguments"] == ["3", "a b"]
    assert told["folder"] == told["beside"] == str(tmp_path)
    assert (told["threads"], told["name"]) == ("7", "__main__")


def test_the_second_job_is_another_fork_of_the_same_imports(job):
    jobs = [job("0"), job("0")]
    first, second = (ended(one)[1] for one in jobs)
    assert first["imported"]
    assert second["imported"]
    assert first["process"] != second["process"]
    assert first["left"] is None
    assert second["left"] is None


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def gone(process: int) -> bool:
    until = time.monotonic() + 20
    while alive(process) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(process)


def sleeping(job) -> tuple[subprocess.Popen[str], int]:
    """A job that sleeps, and the number of its fork's process."""
    waiting = job("0", "sleep")
    return waiting, json.loads(waiting.stdout.readline())["process"]


def test_a_job_ends_with_the_process_that_asked_for_it(job):
    waiting, fork = sleeping(job)
    waiting.kill()
    waiting.wait()
    assert gone(fork)


def test_a_signal_reaches_the_job_and_shows_in_the_status(job):
    waiting, fork = sleeping(job)
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(20) == 128 + signal.SIGTERM
    assert gone(fork)


def test_the_server_ends_when_it_has_nothing_to_do(job):
    fork = job("0", "sleep")
    server = int(
        Path(f"/proc/{json.loads(fork.stdout.readline())['process']}/stat").read_text().split()[3]
    )
    time.sleep(1)  # longer than it waits for work: a job is work
    assert alive(server)
    fork.kill()
    assert gone(server)


@pytest.mark.parametrize("environment", [{"SLURM_JOB_ID": "1"}, {}])
def test_other_scripts_and_slurms_jobs_start_cold(job, tmp_path, environment):
    other = tmp_path / ("sample.py" if environment else "score.py")
    other.write_text(JOB)
    out, _ = job("0", script=other, **environment).communicate(timeout=60)
    assert out == "cold\n"


def test_what_it_imports_starts_no_thread_that_a_fork_would_lack():
    """numpy's OpenBLAS starts one for each core but one, and brings it back in a fork."""
    code = f"import os, importlib\nfor name in {warm.MODULES}: importlib.import_module(name)\n"
    code += "print(len(os.listdir('/proc/self/task')))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "1\n"
