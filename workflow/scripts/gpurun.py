#!/usr/bin/env python3
"""Run a command on what was granted to it: N GPUs that no other gpurun holds, or only the CPU.

    gpurun.py --device cuda --gpus 1 --threads 2 -- sample.py ...

Snakemake counts GPUs but does not say which one is a job's; this does, by CUDA_VISIBLE_DEVICES. A
held GPU is a locked file, so the kernel frees it when the command's processes are gone, however
they went. Jobs of all checkouts on a machine stand in one queue: first come, first served.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from ei import warm


def visible() -> dict[str, str]:
    """{index: uuid} of the GPUs this process may use.

    The uuid names the lock, since two Slurm jobs may both call their own GPU 0. The index goes to
    the command, since vLLM takes no uuids in CUDA_VISIBLE_DEVICES.
    """
    query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        rows = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    except (FileNotFoundError, subprocess.CalledProcessError):
        rows = []
    gpus = dict(row.split(", ") for row in rows)
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return gpus
    return {index: gpus.get(index, index) for index in allowed.split(",") if index.strip()}


def open_shared(path: Path) -> int:
    """A descriptor of the file, made if need be; reading is all that flock needs.

    It is opened before it is made: with O_CREAT the kernel refuses another user's file in a folder
    that all may write to.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY)
        with contextlib.suppress(FileExistsError):  # another process was faster: open its file
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(descriptor, 0o644)  # whatever the umask: other users lock it too
            return descriptor


def locked(descriptor: int) -> bool:
    """Whether the file could be locked at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def alone(locks: Path) -> Iterator[None]:
    """Hold the queue's own lock: no ticket comes or goes meanwhile."""
    descriptor = open_shared(locks / "queue")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def ticket(gpus: Iterable[str], locks: Path) -> Iterator[Path]:
    """A place at the end of the queue for these GPUs: a locked file `ticket-N` that lists them.

    The kernel unlocks the file of a killed process, and the next in the queue discards it.
    """
    with alone(locks):
        last = max((int(path.name[7:]) for path in locks.glob("ticket-*")), default=0)
        path = locks / f"ticket-{last + 1:09d}"
        descriptor = open_shared(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, "\n".join(gpus).encode())
    try:
        yield path
    finally:
        with alone(locks):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def is_waiting(path: Path) -> bool:
    """Whether the ticket's process lives; the ticket of one that was killed is removed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not locked(descriptor):
            return True
        with contextlib.suppress(PermissionError):  # another user's: it stays, and counts no more
            path.unlink()
        return False
    finally:
        os.close(descriptor)


def ahead(own: Path, gpus: Iterable[str], locks: Path) -> int:
    """How many processes that came earlier still wait for any of these GPUs.

    Who waits for others does not count: a Slurm job sees only its own.
    """
    with alone(locks):
        earlier = [path for path in locks.glob("ticket-*") if path < own and is_waiting(path)]
        return sum(not set(gpus).isdisjoint(path.read_text().split()) for path in earlier)


def grab(count: int, gpus: dict[str, str], locks: Path) -> dict[str, int]:
    """{index: descriptor of its lock} of `count` locked GPUs; {} if too few are free."""
    held: dict[str, int] = {}
    for index, uuid in gpus.items():
        descriptor = open_shared(locks / uuid)
        if not locked(descriptor):
            os.close(descriptor)
            continue
        held[index] = descriptor
        if len(held) == count:
            return held
    for descriptor in held.values():
        os.close(descriptor)
    return {}


def lease(count: int, gpus: dict[str, str], locks: Path, wait: float = 0.5) -> dict[str, int]:
    """{index: descriptor of its lock} of `count` GPUs, locked in turn: first come, first served.

    Nobody passes a process that waits for two GPUs while one is free, or it would wait for ever
    where others take one at a time. `wait` is in seconds.
    """
    if not locks.is_dir():
        locks.mkdir(parents=True, exist_ok=True)
        locks.chmod(0o1777)  # other users lock here too
    with ticket(gpus.values(), locks) as own:
        said = False
        while True:
            before = ahead(own, gpus.values(), locks)
            held = {} if before else grab(count, gpus, locks)
            if held:
                return held
            if not said:
                say = f"waiting for {count} of {len(gpus)} GPUs; {before} jobs are ahead"
                print(say, file=sys.stderr, flush=True)
                said = True
            time.sleep(wait)


def refusal(wanted: int, visible: int) -> str | None:
    """Why a job that wants so many GPUs cannot have them of those visible; None where it can."""
    if not visible:
        return (
            "This run needs a GPU, and none is visible on this machine. To see expert iteration on"
            " a CPU, run the demo: snakemake demo --cores all"
        )
    if wanted < 1:
        return "no GPU was granted to this job; start snakemake with --resources gpu=1 or more"
    if visible < wanted:
        return f"this job asks for {wanted} GPUs, and {visible} are visible on this machine"
    return None


def become(command: list[str], held: Collection[int] = ()) -> NoReturn:
    """Run the command, if possible in a warm fork, with the locks it holds, and end as it does."""
    status = warm.run([shutil.which(command[0]) or "", *command[1:]], held)
    if status is not None:
        sys.exit(status)
    for descriptor in held:
        os.set_inheritable(descriptor, True)
    os.execvp(command[0], command)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device", choices=["cuda", "cpu"], required=True, help="cpu hides every GPU"
    )
    parser.add_argument("--gpus", type=int, required=True, help="how many GPUs were granted")
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads of the numerical libraries"
    )
    parser.add_argument("command", nargs="+")
    parser.add_argument("--check", help="a plan for check.py, which is to pass before")
    flags = parser.parse_args()
    if flags.check and (failed := subprocess.run(["check.py", "--plan", flags.check]).returncode):
        sys.exit(failed)
    os.environ["OMP_NUM_THREADS"] = str(flags.threads)
    os.environ["OMP_WAIT_POLICY"] = (
        "PASSIVE"  # spinning threads of two jobs on the same cores slow both tenfold
    )
    if flags.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        become(flags.command)
    gpus = visible()
    if wrong := refusal(flags.gpus, len(gpus)):
        sys.exit(f"error: {wrong}")
    locks = Path(os.environ.get("EI_GPU_LOCKS", f"{tempfile.gettempdir()}/ei-gpu-locks"))
    held = lease(flags.gpus, gpus, locks)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(held)
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order of nvidia-smi's indices
    become(flags.command, held.values())


if __name__ == "__main__":
    main()
