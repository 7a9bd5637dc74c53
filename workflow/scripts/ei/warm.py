"""Jobs that start warm: a process that has imported torch and its like forks one for each.

The imports take four seconds of processor time, with vLLM twelve, and a run has a dozen such jobs.
The first of them starts a server; each asks it, over a socket, for a fork that runs its script. The
fork has the arguments, folder, environment and output of the process that asked, and ends when that
does. The server imports nothing of this project, computes nothing and holds no GPU, so no job sees
anything of another, and it ends by itself once it has had nothing to do for a while.

A fork copies only the thread that forks. So nothing is imported that starts a thread which others
wait for: polars does, torch, transformers and these parts of vLLM do not. Nor can a fork use a GPU
that its parent has used; a server that has touched one ends, and the jobs start cold.
"""

import contextlib
import fcntl
import gc
import hashlib
import importlib.util
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 300.0  # seconds that the imports may take on a busy machine with a cold disk
SCRIPTS = {"sample.py", "eval.py", "sft.py"}
LENGTH = struct.Struct("!I")
MOST = 64  # descriptors that are passed on: three streams, and a lock for each GPU


@dataclass(frozen=True)
class Imports:
    """What a server imports, under which variables, and how long it waits for the next job."""

    modules: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)  # read by the imports; defaults
    idle: float = 20.0  # seconds; the small jobs between two of these take less


TORCH = ("torch", "transformers.models.auto.modeling_auto")
ON_CPU = Imports((*TORCH, "torch.utils.tensorboard"))
# torch asks the driver's library how many GPUs there are, and so touches none.
ON_GPU = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1", "TORCH_WARM_POOL": "0"}
TRAINING = Imports(
    (*ON_CPU.modules, "torch._inductor.compile_fx"),
    {**ON_GPU, "PYTORCH_ALLOC_CONF": "expandable_segments:True"},
    idle=180.0,
)
VLLM = Imports(
    (*TORCH, "vllm.v1.engine.llm_engine", "vllm.v1.core.sched.async_scheduler"),
    {**ON_GPU, "VLLM_LOGGING_LEVEL": "WARNING", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"},
    idle=180.0,
)


def imports_of(command: list[str]) -> Imports:
    """What a job of this command imports; it has a GPU if CUDA_VISIBLE_DEVICES names one."""
    if not os.environ.get("CUDA_VISIBLE_DEVICES"):
        return ON_CPU
    if Path(command[0]).name == "sft.py":
        return TRAINING
    return VLLM if "vllm" in command else ON_CPU


def run(command: list[str], held: Iterable[int] = ()) -> int | None:
    """The exit status of a stage script run in a fork of the server; None where there can be none.

    That is for other commands, on systems other than Linux, where a package is not installed, and
    in jobs of Slurm, which have no machine in common and would take the server with them when they
    end. The fork keeps the descriptors in `held` open: the locks of its GPUs.
    """
    script, imports = Path(command[0]), imports_of(command)
    if script.name not in SCRIPTS or sys.platform != "linux" or "SLURM_JOB_ID" in os.environ:
        return None
    if not all(importlib.util.find_spec(name.partition(".")[0]) for name in imports.modules):
        return None
    try:
        with connected(imports) as server:
            return asked(server, command, held)
    except (OSError, subprocess.SubprocessError):
        return None


def connected(imports: Imports) -> socket.socket:
    """A connection to the server of this folder and environment, which is started if need be."""
    folder = Path(tempfile.gettempdir()) / f"ei-warm-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(folder)
    address = folder / f"{key(imports)}.sock"
    with address.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            return connection(address)
        address.unlink(missing_ok=True)
        null = subprocess.DEVNULL
        server = subprocess.Popen(
            [sys.executable, __file__, str(address), str(imports.idle), *imports.modules],
            env={**imports.variables, **os.environ},
            stdin=null,
            stdout=null,
            stderr=null,
            start_new_session=True,
        )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and server.poll() is None:
            with contextlib.suppress(OSError):
                return connection(address)
            time.sleep(0.02)
    raise ConnectionError(address)


def connection(address: Path) -> socket.socket:
    """A connection to the socket; raises OSError where nobody listens."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.connect(str(address))
    except OSError:
        found.close()
        raise
    return found


def key(imports: Imports) -> str:
    """A hash of what the imports can depend on; jobs that differ in it have different servers."""
    varies = {"CUDA_VISIBLE_DEVICES", "_", "SHLVL", "OLDPWD"}
    installed = os.stat(sysconfig.get_path("purelib")).st_mtime_ns  # changes with every package
    depends = [sys.executable, str(installed), os.getcwd(), repr(imports), *sorted(
        f"{name}={value}" for name, value in os.environ.items() if name not in varies
    )]  # fmt: skip
    return hashlib.sha256("\0".join(depends).encode(errors="surrogateescape")).hexdigest()[:16]


def asked(server: socket.socket, command: list[str], held: Iterable[int] = ()) -> int:
    """The status of the command in a fork that has this process's output and signals."""
    job = json.dumps({"command": command, "folder": os.getcwd(), "environment": dict(os.environ)})
    socket.send_fds(server, [LENGTH.pack(len(job.encode()))], [0, 1, 2, *held])
    server.sendall(job.encode())
    (fork,) = LENGTH.unpack(received(server, LENGTH.size))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda which, _: os.kill(fork, which))
    (status,) = LENGTH.unpack(received(server, LENGTH.size))
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code  # as a shell says that a signal ended it


def received(connection: socket.socket, size: int) -> bytes:
    """So many bytes; raises ConnectionError where the other side is gone."""
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise ConnectionError("the server of warm jobs is gone")
        found += part
    return found


def serve(address: Path, idle: float) -> dict[str, Any] | None:
    """Fork for everyone who asks; None after `idle` seconds of nothing, in each fork its job."""
    with contextlib.suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        waiting = selectors.DefaultSelector()
        waiting.register(listener, selectors.EVENT_READ)
        while ready := waiting.select(idle if len(waiting.get_map()) == 1 else None):
            for one, _ in ready:
                if one.data is not None:
                    report_end(waiting, one)
                elif job := accepted(listener, waiting):
                    return job
        address.unlink()
    return None


def accepted(listener: socket.socket, waiting: selectors.BaseSelector) -> dict[str, Any] | None:
    """Fork for one who asks: None in this process, the job in the fork."""
    client, _ = listener.accept()
    try:
        head, descriptors, _, _ = socket.recv_fds(client, LENGTH.size, MOST)
        job = json.loads(received(client, *LENGTH.unpack(head)))
    except (OSError, struct.error):
        return None  # it was killed while it asked
    fork = os.fork()
    if not fork:
        waiting.close()
        threading.Thread(target=end_with, args=(client,), daemon=True).start()
        return {**job, "streams": descriptors[:3]}
    for descriptor in descriptors:
        os.close(descriptor)
    with contextlib.suppress(OSError):
        client.sendall(LENGTH.pack(fork))
    waiting.register(os.pidfd_open(fork), selectors.EVENT_READ, (fork, client))
    return None


def report_end(waiting: selectors.BaseSelector, ended: selectors.SelectorKey) -> None:
    """Tell the one who asked for a fork that it has ended, and how."""
    fork, client = ended.data
    waiting.unregister(ended.fd)
    os.close(ended.fd)
    _, status = os.waitpid(fork, 0)
    with contextlib.suppress(OSError), client:
        client.sendall(LENGTH.pack(status))


def end_with(client: socket.socket) -> None:
    """End this process when the one who asked for it is gone."""
    with contextlib.suppress(OSError):
        client.recv(1)
    os._exit(1)


def become(job: dict[str, Any]) -> None:
    """Run the job's script as if this process had been started for it."""
    for number, stream in enumerate(job["streams"]):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    sys.argv = job["command"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


def gpu_untouched() -> bool:
    """Whether a fork of this process can use a GPU; torch notes in a fork that it cannot."""
    torch = sys.modules.get("torch")
    if torch is None:
        return True
    fork = os.fork()
    if not fork:
        os._exit(torch.cuda._is_in_bad_fork())
    return os.waitpid(fork, 0)[1] == 0


def main() -> None:
    """The server, and in its forks the jobs."""
    address, idle, *modules = sys.argv[1:]
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # nothing imported is garbage, and a fork would copy what a collection touches
    if not gpu_untouched():
        return
    if job := serve(Path(address), float(idle)):
        become(job)


if __name__ == "__main__":
    main()
