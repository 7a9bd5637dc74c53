"""Debian's Slurm on this machine alone: one node with two mock GPUs, without an init system.

Everything of it lies in one folder, and ends with the block that started it.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
NVIDIA = 195  # the major number of NVIDIA's character devices, which Slurm knows GPUs by

# linuxproc and task/none do without cgroups; config_overrides lets two cores pose as eight.
CONF = """
ClusterName=mock
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
ReturnToService=2
MinJobAge=300
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=60000 Gres=gpu:2 State=UNKNOWN
PartitionName=gpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=cpu Nodes={host} MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """What this machine lacks for a node of its own; None if nothing."""
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path_with_sbin()) is None]
    if absent:
        return f"no {', '.join(absent)} here (Debian: apt-get install slurm-wlm munge)"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "Snakemake's plugin for Slurm is not installed (uv sync --extra slurm)"
    return None


def path_with_sbin() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


@contextlib.contextmanager
def node(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which `sbatch` reaches the node, once that takes jobs."""
    configure(folder)
    environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path_with_sbin()}
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in daemons(folder):
            with (folder / "daemons.log").open("ab") as log:
                running.append(
                    subprocess.Popen(
                        command, env={**os.environ, **environment}, stdout=log, stderr=log
                    )
                )
            time.sleep(1)
        wait_until_idle(environment)
        yield environment
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(30)


def configure(folder: Path) -> None:
    """Write the key, the devices and the configuration."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)  # munged refuses a socket in a folder that others may write to
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    for k in range(2):
        os.mknod(folder / f"gpu{k}", 0o20666, os.makedev(NVIDIA, k))
    host = socket.gethostname().split(".")[0]
    ports = {"controller": free_port(), "daemon": free_port()}
    (folder / "slurm.conf").write_text(CONF.format(folder=folder, host=host, **ports))
    devices = f"NodeName={host} Name=gpu File={folder}/gpu[0-1] Flags=nvidia_gpu_env\n"
    (folder / "gres.conf").write_text(devices)


def daemons(folder: Path) -> list[list[str]]:
    """The commands of the three daemons, in the foreground, in the order in which they start."""
    munge = [f"--{name}={folder}/munge.{end}" for name, end in (
        ("socket", "sock"), ("key-file", "key"), ("pid-file", "pid"), ("log-file", "log"),
        ("seed-file", "seed"),
    )]  # fmt: skip
    return [
        ["munged", "--foreground", "--force", *munge],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D"],
    ]


def wait_until_idle(environment: dict[str, str], seconds: float = 60.0) -> None:
    """Return once the node takes jobs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told = subprocess.run(
            ["sinfo", "-h", "-o", "%t"], capture_output=True, text=True, check=False,
            env={**os.environ, **environment},
        )  # fmt: skip
        if "idle" in told.stdout:
            return
        time.sleep(0.5)
    raise TimeoutError(f"no idle node after {seconds} s: {told.stdout}{told.stderr}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
