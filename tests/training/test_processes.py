"""Processes that train together start as forks of a warm job, else as new ones."""

import os
import subprocess
import sys

import pytest

from helpers import ROOT

PROGRAM = """
import functools, importlib, sys, types
from ei.warm import TRAINING
for name in {imports}:
    importlib.import_module(name)
from ei.training.processes import add_up, spawn

def look(ours, world):
    import torch
    ranks = torch.tensor([float(world.rank + 1)])
    add_up([ranks], world)
    forked = "only_in_parent" in sys.modules
    print(f"{{forked}} {{ranks.item():.0f}} {{ours}}\\n", end="", flush=True)

if __name__ == "__main__":
    sys.modules["only_in_parent"] = types.ModuleType("only_in_parent")
    spawn(functools.partial(look, "given"), "cpu", 2)
"""


@pytest.mark.parametrize(
    ("imports", "forked"),
    [
        ("TRAINING.modules", True),
        ("(*TRAINING.modules, 'polars')", False),
        ("()", False),
    ],
    ids=["warm", "warm, but with polars' threads", "cold"],
)
def test_only_a_warm_job_without_threads_is_forked(tmp_path, imports, forked):
    (tmp_path / "program.py").write_text(PROGRAM.format(imports=imports))
    paths = os.pathsep.join([str(ROOT / "workflow/scripts"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{forked} 3 given"] * 2
