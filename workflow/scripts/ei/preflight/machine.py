"""The machine that a run starts on, and what it lacks, before anything is downloaded."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ei.preflight.finding import GIB, Finding, noting
from ei.sampling.vllm_version import check_version

GPU = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]


def gpus() -> list[dict[str, Any]]:
    """Name and memory (GiB) of each GPU of the machine; empty where there is none."""
    try:
        rows = subprocess.run(GPU, capture_output=True, text=True, check=True).stdout.splitlines()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    pairs = [row.rsplit(", ", 1) for row in rows]
    return [{"name": name, "memory_gib": round(int(mib) / 1024, 1)} for name, mib in pairs]


def machine(folder: Path) -> dict[str, Any]:
    """Cores, memory and free disk at `folder` (GiB), GPUs, versions of system and Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / GIB, 1),
        "disk_free_gib": round(shutil.disk_usage(folder).free / GIB, 1),
        "gpus": gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def findings(engine: str, device: str, granted: int, wanted: int) -> list[Finding]:
    """What the machine lacks: vLLM, or of the `wanted` GPUs of SFT those that were not granted."""
    found: list[Finding] = []
    if engine == "vllm":
        with noting(found):
            check_version()
        if device == "cpu":
            found.append(
                Finding("engine vllm needs a GPU: set device to cuda, or engine to transformers")
            )
    if device == "cuda" and granted < wanted:
        found.append(
            Finding(
                f"sft.gpus is {wanted}, and --resources gpu grants {granted}: SFT will train on"
                f" {granted}",
                fatal=False,
            )
        )
    return found
