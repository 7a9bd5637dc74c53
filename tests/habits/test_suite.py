"""The suite's own habits: what it says at its end, and which markers it knows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT

SUITE = """
import time
import pytest
from helpers import shared
import plan

@pytest.mark.parametrize("name", ["one", "two"])
def test_that_needs_a_gpu(name):
    pytest.skip("needs a GPU")

def test_that_reads_data():
    assert shared("no such file")

def test_of_an_attribute_with_the_same_name():
    assert plan.shared()

@pytest.mark.slow
def test_that_is_late_and_marked():
    time.sleep(0.3)

def test_that_is_late():
    time.sleep(0.3)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with a small suite under this project's conftest.py, in which 0.1 s are slow."""
    conftest = (ROOT / "tests/conftest.py").read_text(encoding="utf-8")
    assert "SLOW = 15 " in conftest
    (tmp_path / "conftest.py").write_text(conftest.replace("SLOW = 15 ", "SLOW = 0.03 "))
    shutil.copy(ROOT / "tests/helpers.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "plan.py").write_text("def shared():\n    return True\n")
    (tmp_path / "test_small.py").write_text(SUITE)
    return tmp_path


def run(suite: Path, *flags: str) -> str:
    """What pytest prints about the suite."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags, "."]
    return subprocess.run(command, cwd=suite, capture_output=True, text=True, check=False).stdout


def test_the_end_says_once_for_each_reason_what_was_skipped(suite: Path) -> None:
    said = run(suite)
    assert "2 x needs a GPU (test_small.py)" in said
    assert said.count("needs a GPU") == 1
    assert "1 x MATH, GSM8K and recorded rollouts are not shipped" in said


def test_a_late_test_without_the_marker_is_named_and_one_with_it_is_not(suite: Path) -> None:
    said = run(suite)
    assert "test_that_is_late took 0 s: mark it slow" in said
    assert "test_that_is_late_and_marked took" not in said


def test_a_test_that_reads_shared_data_is_marked_and_another_is_not(suite: Path) -> None:
    said = run(suite, "--collect-only", "-m", "data")
    assert "test_that_reads_data" in said
    assert "test_of_an_attribute_with_the_same_name" not in said


def test_a_misspelt_marker_is_an_error(suite: Path) -> None:
    (suite / "test_small.py").write_text(SUITE.replace("mark.slow", "mark.slwo"))
    assert "'slwo' not found in `markers`" in run(suite)
