"""Each policy setting does what docs/checker.md says of it; its table is read from there."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from checker.judging import verdict
from ei.checker.answer.tags import answer_text
from ei.checker.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "checker.md"
ROW = re.compile(
    r"\| `--(\w+) ([\w.]+)`(?: \(default\))? \| `(.+?)` \| `(.+?)` \| (accepted|rejected) \|"
)


def rows() -> list[tuple[str, str, str, str, str]]:
    """Setting, value, reference, answer, and verdict, as the table of examples has them."""
    return [
        match.groups() for line in DOCS.read_text().splitlines() if (match := ROW.fullmatch(line))
    ]  # type: ignore[misc]


def with_setting(name: str, value: str) -> Settings:
    default = getattr(Settings(), name)
    return replace(Settings(), **{name: type(default)(value)})


@pytest.mark.parametrize(("name", "value", "reference", "answer", "wanted"), rows())
def test_the_policy_table_is_true(
    name: str, value: str, reference: str, answer: str, wanted: str
) -> None:
    settings = with_setting(name, value)
    found = verdict(reference, answer, settings)
    assert (found.status == "correct") == (wanted == "accepted"), found


def test_every_policy_stands_in_the_table() -> None:
    named = {row[0] for row in rows()}
    assert named == {f.name for f in fields(Settings)} - {
        "timeout_s",
        "max_chars",
        "memory_mb",
        "tag_space",
        "reward",
    }


@pytest.mark.parametrize(
    ("response", "one", "any_space"),
    [
        ("so 5 </think> <answer> 5 </answer>", "5", "5"),
        ("so 5</think> <answer>5</answer>", "5", "5"),
        ("so 5 </think>\n<answer> 5 </answer>", None, "5"),
        ("so 5 </think><answer> 5 </answer>", None, "5"),
        ("so 5 </think>  <answer> 5 </answer>", None, "5"),
        ("so 5 </think> <answer> 5", None, None),
        ("so 5 <answer> 5 </answer>", None, None),
        ("so 5 </think> 5 </answer>", None, None),
        ("<answer> 5 </answer> </think>", None, None),
        ("</answer> so 5 </think> <answer> 5 </answer>", "5", "5"),
        ("so 5 </think> <answer> <answer> 5 </answer>", "5", "5"),
        ("so 5 </think> <answer> 4 <answer> 5 </answer>", "5", "5"),
        ("so 5 </think> <answer> 5 </answer> <answer> 6 </answer>", "5", "5"),
        ("so 5 </think> <answer> </answer>", "", ""),
        ("", None, None),
    ],
)
def test_the_answer_is_what_lies_between_the_tags(
    response: str, one: str | None, any_space: str | None
) -> None:
    assert answer_text(response, "one") == one
    assert answer_text(response, "any") == any_space
