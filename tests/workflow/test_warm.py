"""Jobs that run in a fork of a process that has imported everything."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from ei import warm
from helpers import SCRIPTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only on Linux")

# Runs a command as gpurun.py does, through a server that imports little and soon ends.
CLIENT = """
import sys
from ei import warm
warm.imports_of = lambda command: warm.Imports(("colorsys",), {"OF_IMPORTS": "1"}, idle=0.5)
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


def test_a_job_whose_package_is_not_installed_starts_cold_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "imports_of", lambda command: warm.Imports(("no_such_package.part",)))
    monkeypatch.setattr(warm, "connected", lambda imports: pytest.fail("a server was asked for"))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert warm.run([str(tmp_path / "sample.py")]) is None


def test_what_it_imports_starts_no_thread_that_a_fork_would_lack():
    """numpy's OpenBLAS starts one for each core but one, and brings it back in a fork."""
    code = f"import os, importlib\nfor name in {warm.TRAINING.modules}:\n"
    code += "    importlib.import_module(name)\n"
    code += "print(len(os.listdir('/proc/self/task')))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **warm.ON_GPU, "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "1\n"


def test_a_fork_keeps_the_locks_of_its_gpus_and_the_server_does_not(tmp_path):
    """The lock outlives the process that asked by as long as the fork does."""
    script = tmp_path / "sample.py"
    script.write_text("import sys, time; print('up', flush=True); time.sleep(float(sys.argv[1]))")
    client = CLIENT.replace("import sys\n", "import os, sys\n").replace(
        "warm.run(sys.argv[1:])",
        "warm.run(sys.argv[1:], [os.open('lock', os.O_RDWR | os.O_CREAT)])",
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", client, str(script)]
    with subprocess.Popen(
        [*command, "60"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout.readline() == "up\n"
        holders = holding(tmp_path / "lock")
        assert waiting.pid in holders
        assert len(holders) == 2
        waiting.kill()
    (fork,) = holders - {waiting.pid}
    assert gone(fork)


def holding(path: Path) -> set[int]:
    """The processes that have the file open."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if link.readlink() == path:
                found.add(int(link.parts[2]))
    return found


@pytest.mark.parametrize(
    ("command", "gpu", "imports"),
    [
        (["sft.py"], "", warm.ON_CPU),
        (["sample.py", "--engine", "vllm"], "", warm.ON_CPU),
        (["sft.py"], "0", warm.TRAINING),
        (["bin/eval.py", "--engine", "vllm"], "0,1", warm.VLLM),
        (["sample.py", "--engine", "transformers"], "1", warm.ON_CPU),
    ],
)
def test_a_job_finds_what_it_imports_there(monkeypatch, command, gpu, imports):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpu)
    assert warm.imports_of(command) is imports


def test_a_server_that_has_touched_the_gpu_is_no_use(monkeypatch):
    torch = types.SimpleNamespace(cuda=types.SimpleNamespace(_is_in_bad_fork=lambda: True))
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert not warm.gpu_untouched()
    torch.cuda._is_in_bad_fork = lambda: False
    assert warm.gpu_untouched()


def test_packages_that_were_installed_meanwhile_are_imported_by_another_server(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(warm.sysconfig, "get_path", lambda name: str(tmp_path))
    before = warm.key(warm.ON_CPU)
    assert warm.key(warm.ON_CPU) == before
    (tmp_path / "torch-9.dist-info").mkdir()
    assert warm.key(warm.ON_CPU) != before
