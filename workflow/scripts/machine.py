#!/usr/bin/env python3
"""Write down the machine that a run starts on: cores, memory, free disk, GPUs.

    machine.py --output example/machine.json

Run by gpurun.py it fails where a GPU is needed and none is there, before anything is downloaded.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ei import stage
from ei.files import stamp, write_json

GIB = 2**30
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


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    flags = parser.parse_args()
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(machine(flags.output.parent), flags.output, stamp("", {}))


if __name__ == "__main__":
    stage.run(main)
