"""The project's own cases, and public ones where the shared folder is there."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ei.checker.compare.judge import judge
from ei.checker.compare.quick import quick
from ei.checker.settings import Settings, Verdict
from ei.checker.version import VERSION

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("EI_SHARED_DATA", HERE.parents[2] / "shared" / "data"))
LINE = re.compile(r"(accept|reject) (.*?) ::(?: (.*))?")
DEFAULT = Settings()


def cases() -> Iterator[tuple[str, str, str, str]]:
    """Category, accept or reject, reference, answer."""
    category = ""
    for line in (HERE / "cases.txt").read_text().splitlines():
        if line.startswith("["):
            category = line[1:-1]
        elif match := LINE.fullmatch(line):
            yield category, match[1], match[2], match[3] or ""


def formula(answer: str) -> bool:
    """Whether the answer is a plain formula, without delimiters, boxes or words."""
    return not re.search(r"boxed|[<>]|\$|[a-zA-Z]{4,}|####|\\\[|\\\(|\*\*|\\ $", answer)


def verdict(reference: str, answer: str, settings: Settings = DEFAULT) -> Verdict:
    """As in the stage: the exact rules, and what they leave open goes to Math-Verify (here without its process)."""
    return quick(reference, answer, settings) or judge(reference, answer, settings)


@pytest.mark.parametrize(("category", "wanted", "reference", "answer"), list(cases()))
def test_a_case_of_the_projects_own_has_its_verdict(
    category: str, wanted: str, reference: str, answer: str
) -> None:
    found = verdict(reference, answer)
    assert (found.status == "correct") == (wanted == "accept"), f"{category}: {found}"


def test_the_own_cases_are_many_and_balanced() -> None:
    wanted = [case[1] for case in cases()]
    assert len(wanted) >= 300
    assert abs(wanted.count("accept") - wanted.count("reject")) < 0.1 * len(wanted)


def test_verdicts_do_not_change_under_the_same_version() -> None:
    statuses = [verdict(reference, answer).status for _, _, reference, answer in cases()]
    frozen = json.loads((HERE / "verdicts.json").read_text())
    found = {"version": VERSION, "digest": hashlib.sha256(" ".join(statuses).encode()).hexdigest()}
    assert found == frozen, (
        "verdicts changed: raise VERSION in ei/checker/version.py, and put this into verdicts.json"
    )


@pytest.mark.parametrize(
    ("reference", "answer"), [(c[2], c[3]) for c in cases() if c[1] == "accept" and formula(c[3])]
)
def test_an_accepted_answer_is_accepted_in_a_box_and_between_dollars(
    reference: str, answer: str
) -> None:
    for wrapped in (f"${answer}$", rf"\boxed{{{answer}}}", rf"\( {answer} \)", f" {answer}. "):
        assert verdict(reference, wrapped).status == "correct", wrapped


@pytest.mark.parametrize(("name", "most_wrong"), [("equivalence", 1), ("rollout_pairs", 0)])
def test_public_cases_are_judged_as_labelled(name: str, most_wrong: int) -> None:
    path = SHARED / "cases" / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = [(row, verdict(row["gold"], row["prediction"])) for row in rows]
    wrong = [(row, v) for row, v in found if (v.status == "correct") != row["label"]]
    assert not [row for row, _ in wrong if not row["label"]], "false accepts"
    assert len(wrong) <= most_wrong, wrong
