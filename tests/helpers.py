"""What several tests use: the repository, the shared data where it is there, and ways to run the workflow."""

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
    """A file of the shared data; the test is skipped, saying so, where it is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(
            f"{name} is not here: MATH and recorded rollouts may not be shipped (EI_SHARED_DATA)"
        )
    return path


def script(name: str, *flags: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a stage's script with the flags, as a rule does."""
    command = [sys.executable, SCRIPTS / name, *map(str, flags)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def miniature(folder: Path, **changes: Any) -> Path:
    """A working folder whose config.yaml is a run of two small steps of the demo policy; returns the config's path."""
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
    """snakemake on the working folder, with two cores."""
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--directory", str(folder),
        "--profile", "none", "--workflow-profile", "none", "--rerun-incomplete", "--show-failed-logs",
        "--cores", "2", *args,
    ]  # fmt: skip


def snakemake(
    folder: Path, *args: str, snakefile: Path = ROOT / "Snakefile", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run snakemake to its end; what it printed is in `stdout`, both streams together."""
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
    """A copy of a finished working folder, with times and links kept."""
    shutil.copytree(folder, target, symlinks=True)
    return target
