"""Makes the modules of workflow/demo importable for its tests."""

import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "workflow" / "demo"
sys.path.insert(0, str(DEMO))


@pytest.fixture(scope="session")
def demo() -> Path:
    """The folder workflow/demo."""
    return DEMO


@pytest.fixture(scope="session")
def template() -> str:
    """The prompt template of the demo, with `{question}` in it."""
    return (DEMO.parent / "prompts" / "demo.txt").read_text(encoding="utf-8")
