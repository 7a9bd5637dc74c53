"""The repository's folders, data that may be absent, and ways to run stages and the workflow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow/scripts"
DEMO = ROOT / "workflow/demo"
SHARED_DATA = Path(os.environ.get("EI_SHARED_DATA", ROOT.parent / "shared/data"))


def shared(name: str) -> Path:
    """A file or folder of `EI_SHARED_DATA`; without it the calling test is skipped.

    One reason for all files, so that the summary of skipped tests has one line for them.
    """
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip("MATH, GSM8K and recorded rollouts are not shipped (set EI_SHARED_DATA)")
    return path


def script(name: str, *flags: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a stage's script as a rule does, and wait for it; it is the test that checks its status.

    `flags` become strings; `environment` is added to the environment of this process.
    """
    command = [sys.executable, SCRIPTS / name, *map(str, flags)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def miniature(folder: Path, **changes: Any) -> Path:
    """Write `folder/config.yaml`, two small steps of the demo policy, and return its path.

    Later layers win: config.yaml, the preset `demo`, the sizes below, then `changes`. Sections are
    merged key by key, except `sweep`, whose keys name runs.
    """
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    demo = yaml.safe_load((ROOT / "workflow/presets/demo.yaml").read_text())
    small = {
        "steps": 2,
        "data": {"development": 0},
        "sample": {"questions": 24, "rollouts": 4, "batch": 8, "max_tokens": 96},
        "sft": {"batch": 8, "epochs": 1, "entropy_rollouts": 8},
        "eval": {"questions": 16, "batch": 8, "max_tokens": 96, "entropy_rollouts": 8},
        "sweep": {},
        "baseline": {"traces": "workflow/demo/traces.jsonl"},
    }
    for layer in (demo, small, changes):
        for key, value in layer.items():
            config[key] = (
                {**config[key], **value} if isinstance(value, dict) and key != "sweep" else value
            )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def command(folder: Path, *args: str, snakefile: Path = ROOT / "Snakefile") -> list[str]:
    """The command line of snakemake in a working folder, on two cores, without profiles."""
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(snakefile),
        "--directory", str(folder), "--profile", "none", "--workflow-profile", "none",
        "--rerun-incomplete", "--show-failed-logs", "--cores", "2", *args,
    ]  # fmt: skip


def snakemake(
    folder: Path, *args: str, snakefile: Path = ROOT / "Snakefile", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run snakemake to its end; `stdout` of the result has both streams, in the order printed."""
    return subprocess.run(
        command(folder, *args, snakefile=snakefile),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **environment,
        },
        check=False,
    )


def copy_of(folder: Path, target: Path) -> Path:
    """Copy a working folder; times and links are kept, so Snakemake finds nothing to do in it."""
    shutil.copytree(folder, target, symlinks=True)
    return target
