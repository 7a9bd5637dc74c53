#!/usr/bin/env python3
"""Run a command on the processors granted to it: N GPUs that no other gpurun holds, or the CPU alone.

    gpurun.py --device cuda --gpus 1 --threads 2 -- sample.py ...

Snakemake counts GPUs but does not say which one is a job's; this does, by CUDA_VISIBLE_DEVICES. A held GPU
is a locked file, so the kernel frees it when the command's processes are gone, however they went.
"""

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def visible() -> dict[str, str]:
    """{index: uuid} of the GPUs this process may use.

    The uuid names the lock, since two Slurm jobs may both call their own GPU 0. The index goes to the
    command, since vLLM takes no uuids in CUDA_VISIBLE_DEVICES.
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


def open_lock(path: Path) -> int:
    """A descriptor of the lock file, whoever made it; reading is all that flock needs."""
    try:
        return os.open(path, os.O_RDONLY)
    except (
        FileNotFoundError
    ):  # asking for O_CREAT at once is refused on another user's file in a shared folder
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)


def lease(count: int, gpus: dict[str, str], locks: Path, wait: float = 1.0) -> dict[str, int]:
    """Lock `count` of the GPUs and return {index: file descriptor of its lock}; waits until so many are free."""
    if not locks.is_dir():
        locks.mkdir(parents=True, exist_ok=True)
        locks.chmod(0o1777)  # other users lock here too
    while True:
        held: dict[str, int] = {}
        for index, uuid in gpus.items():
            descriptor = open_lock(locks / uuid)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            held[index] = descriptor
            if len(held) == count:
                return held
        for descriptor in held.values():
            os.close(descriptor)
        time.sleep(wait)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--gpus", type=int, required=True, help="how many GPUs were granted")
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads of the numerical libraries"
    )
    parser.add_argument("command", nargs="+")
    flags = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(flags.threads)
    os.environ["OMP_WAIT_POLICY"] = (
        "PASSIVE"  # spinning threads of two jobs on the same cores slow both tenfold
    )
    if flags.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.execvp(flags.command[0], flags.command)
    gpus = visible()
    if not gpus:
        sys.exit(
            "error: This run needs a GPU, and none is visible on this machine. To see expert iteration"
            " on a CPU, run the demo: snakemake demo --cores all"
        )
    if flags.gpus < 1:
        sys.exit(
            "error: no GPU was granted to this job; start snakemake with --resources gpu=1 or more"
        )
    if len(gpus) < flags.gpus:
        sys.exit(
            f"error: this job asks for {flags.gpus} GPUs, and {len(gpus)} are visible on this machine"
        )
    locks = Path(os.environ.get("EI_GPU_LOCKS", f"{tempfile.gettempdir()}/ei-gpu-locks"))
    held = lease(flags.gpus, gpus, locks)
    for descriptor in held.values():
        os.set_inheritable(descriptor, True)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(held)
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order of nvidia-smi's indices
    os.execvp(flags.command[0], flags.command)


if __name__ == "__main__":
    main()
