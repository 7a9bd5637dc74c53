"""The examples in the scripts' --help run as they stand in a checkout in which the demo has run."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT, SCRIPTS, script, snakemake

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
def after_the_demo(finished, tmp_path_factory):
    """A folder like a checkout after `snakemake demo_report`, but with two small steps.

    The steps that the demo has and this has not are links to the last.
    """
    folder = tmp_path_factory.mktemp("examples") / "checkout"
    shutil.copytree(finished, folder, symlinks=True)
    made = snakemake(folder, "baseline", "report", "results/sft/run.json")
    assert made.returncode == 0, made.stdout[-3000:]
    demo = folder / "results/demo"
    shutil.copytree(folder / "results", folder / "copy", symlinks=True)
    shutil.rmtree(folder / "results")
    (folder / "results").mkdir()
    (folder / "copy").rename(demo)
    (demo / "report_so_far").rename(demo / "report")
    for step in (3, 4, 5):
        (demo / f"step{step}").symlink_to("step2")
    (folder / "workflow").symlink_to(ROOT / "workflow")
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
