"""The examples in the scripts' --help run as they stand in a checkout in which the demo has run."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT, SCRIPTS, miniature, script, snakemake

SCRIPT_NAMES = sorted(path.name for path in SCRIPTS.glob("*.py"))
NEEDS = {  # what cannot be had here, and why
    "fetch_model.py": "the hub",
    "gpurun.py": "a GPU",
}


def examples(name):
    """The command lines in a script's docstring: indented, continued by a backslash."""
    text = ast.get_docstring(ast.parse((SCRIPTS / name).read_text())) or ""
    return re.findall(rf"^ *({re.escape(name)} (?:.*\\\n)*.*(?:\n {{8,}}.*)*)$", text, re.MULTILINE)


@pytest.fixture(scope="module")
def after_the_demo(tmp_path_factory):
    """A folder like a checkout after `snakemake demo_report`, but with one small step.

    The steps that the demo has and this has not are links to the one; so is the other run.
    """
    folder = tmp_path_factory.mktemp("examples") / "checkout"
    sizes = {"questions": 8, "rollouts": 2}
    miniature(folder, steps=1, data={"development": 8}, sample=sizes, sweep={}, baseline=None)
    made = snakemake(folder, "all", "results/report/index.html")
    assert made.returncode == 0, made.stdout[-3000:]
    demo = folder / "results/demo"
    (folder / "results").rename(folder / "made")
    (folder / "results").mkdir()
    (folder / "made").rename(demo)
    for step in (2, 3, 4, 5):
        (demo / f"step{step}").symlink_to("step1")
    baseline = demo / "sft"
    baseline.mkdir()
    for step in (0, 1):
        (baseline / f"step{step}").symlink_to(f"../step{step}")
    run = {**json.loads((demo / "run.json").read_text()), "run": "results/demo"}
    (demo / "run.json").write_text(json.dumps(run))
    as_baseline = {**run, "run": "results/demo/sft", "name": "sft", "group": "sft", "kind": "sft"}
    (baseline / "run.json").write_text(json.dumps(as_baseline))
    other = demo / "sweep/G2"
    other.mkdir(parents=True)
    as_g2 = {**run, "run": "results/demo/sweep/G2", "name": "G2", "group": "G2"}
    (other / "run.json").write_text(json.dumps(as_g2))
    (folder / "workflow").symlink_to(ROOT / "workflow")
    plan = (folder / ".cache/runs/results.json").read_text()
    moved = folder / ".cache/runs/results/demo.json"
    moved.parent.mkdir()
    moved.write_text(plan.replace('"results', '"results/demo'))
    return folder


@pytest.mark.parametrize("name", SCRIPT_NAMES)
def test_every_script_has_an_example(name):
    assert examples(name), name


@pytest.mark.parametrize("name", [name for name in SCRIPT_NAMES if name not in NEEDS])
def test_every_example_runs_as_it_stands(name, after_the_demo):
    for line in examples(name):
        command = f"PATH={Path(sys.executable).parent}:{SCRIPTS}:$PATH {line}"
        run = subprocess.run(
            ["bash", "-c", command], cwd=after_the_demo, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{line}\n{run.stderr[-2000:]}"


@pytest.mark.parametrize("name", SCRIPT_NAMES)
def test_every_flag_has_a_help_text(name):
    told = script(name, "--help").stdout
    options = told.partition("options:")[2]
    blocks = re.split(r"\n(?=  --)", options)[1:]
    assert blocks
    for block in blocks:
        words = re.sub(r"--?\w+( [A-Z_]+| \{.*?\}| \[.*?\])*,?", "", block.replace("\n", " "))
        assert re.search(r"[a-z]{2,}", words), f"{name}: {block}"
