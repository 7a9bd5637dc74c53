"""Verdicts in the process of the test, without a worker's limits; and the hostile texts."""

import sys
from pathlib import Path

from ei.checker.compare.rules import all_rules, exact_rules
from ei.checker.settings import Settings, Verdict

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))  # last: a benchmark may be named as a stage is
DEFAULT = Settings()


def verdict(reference: str, answer: str, settings: Settings = DEFAULT) -> Verdict:
    """As in a worker: the exact rules, and all of them where those leave a pair open."""
    found = exact_rules(reference, answer, settings) or all_rules(reference, answer, settings)
    assert found is not None
    return found


def right(reference: str, answer: str, settings: Settings = DEFAULT) -> bool:
    """Whether the answer is accepted."""
    return verdict(reference, answer, settings).status == "correct"
