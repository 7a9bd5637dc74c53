"""Each policy setting does what docs/checker.md says of it; its table is read from there."""

import re
from dataclasses import fields, replace
from pathlib import Path

import polars as pl
import pytest

from checker.judging import verdict
from ei.checker import score
from ei.checker.answer.tags import FORMS, answer_text
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
        "form",
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


@pytest.mark.parametrize(
    ("response", "boxed", "either"),
    [
        (r"so it is $\boxed{5}$.", "5", "5"),
        (r"first \boxed{4}, no: \boxed{\frac12}", r"\frac12", r"\frac12"),
        (r"\boxed{4}</think> <answer> 5 </answer>", "4", "5"),
        (r"</think> <answer> \boxed{5} </answer>", "5", r"\boxed{5}"),
        ("so 5 </think> <answer> 5 </answer>", None, "5"),
        ("the answer is 5", None, None),
        (r"so it is \boxed{12", None, None),
        (r"\boxed{5} or rather \boxed{6", None, None),
        (r"\boxed{}", "", ""),
        ("", None, None),
    ],
)
def test_another_form_takes_the_last_box_that_closes(
    response: str, boxed: str | None, either: str | None
) -> None:
    assert answer_text(response, "one", "boxed") == boxed
    assert answer_text(response, "one", "any") == either


def test_a_box_counts_only_where_the_form_allows_it() -> None:
    frame = pl.DataFrame({"answer": ["1/2"], "response": [r"It is $\boxed{\frac{1}{2}}$."]})
    found = {form: score(frame, Settings(form=form), 1).row(0, named=True) for form in FORMS}
    assert {form: row["status"] for form, row in found.items()} == {
        "answer": "no_format",
        "boxed": "correct",
        "any": "correct",
    }
    assert found["any"]["format_ok"]
    assert found["any"]["extracted"] == r"\frac{1}{2}"
