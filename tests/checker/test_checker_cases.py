"""The project's own cases, and public ones where the shared folder is there."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.judging import verdict
from ei.checker.version import VERSION
from helpers import shared

HERE = Path(__file__).parent
LINE = re.compile(r"(accept|reject) (.*?) ::(?: (.*))?")


def cases() -> Iterator[tuple[str, str, str, str]]:
    """Category, accept or reject, reference, answer."""
    category = ""
    for line in (HERE / "cases.txt").read_text().splitlines():
        if line.startswith("["):
            category = line[1:-1]
        elif match := LINE.fullmatch(line):
            yield category, match[1], match[2], (match[3] or "").replace("⏎", "\n")


def formula(answer: str) -> bool:
    """Whether the answer is a plain formula, without delimiters, boxes or words."""
    return not re.search(r"box|[<>]|\$|['`«*]|[a-zA-Z]{4,}|####|\\\[|\\\(|\*\*|\\ $", answer)


@pytest.mark.parametrize(("category", "wanted", "reference", "answer"), list(cases()))
def test_a_case_of_the_projects_own_has_its_verdict(
    category: str, wanted: str, reference: str, answer: str
) -> None:
    found = verdict(reference, answer)
    assert (found.status == "correct") == (wanted == "accept"), f"{category}: {found}"


def test_every_line_of_the_cases_is_read() -> None:
    lines = (HERE / "cases.txt").read_text().splitlines()
    assert len(list(cases())) == sum(line.startswith(("accept ", "reject ")) for line in lines)


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


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "reference", "answer", "label"),
    [
        ("equivalence", "gold", "prediction", "label"),
        ("rollout_pairs", "gold", "prediction", "label"),
        ("reports", "reference", "answer", "right"),
    ],
)
def test_public_cases_are_judged_as_labelled(
    name: str, reference: str, answer: str, label: str
) -> None:
    rows = [json.loads(line) for line in shared(f"cases/{name}.jsonl").read_text().splitlines()]
    found = [(row, verdict(row[reference], row[answer])) for row in rows]
    assert not [row for row, v in found if (v.status == "correct") != row[label]]
