"""Which questions the page names as worth a look, from small tables."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from page_rows import scored, write

from ei.page.index import index
from ei.page.responses import in_order, shown, training
from ei.page.worth import groups


def responses(folder: Path, *rows: dict[str, Any]) -> pl.DataFrame:
    """What the page knows of responses to the question "q", one at each step from 0 on."""
    tables = []
    for step, row in enumerate(rows):
        alike = {
            "question_id": "q",
            "sample": 0,
            "answer": "8",
            "response": "",
            "response_ids": [1],
        }
        path = write(scored([alike | row]), folder / f"step{step}/scored.parquet")
        tables.append(shown(path, step))
    return in_order(tables)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"status": "no_format", "response": "so \\boxed{8}."}, True),
        ({"status": "no_format", "response": "<answer> 8 </answer>"}, True),
        ({"status": "no_format", "response": "so \\boxed{18}."}, False),
        ({"status": "no_format", "response": "The 8 dwarfs"}, False),
        ({"status": "wrong", "extracted": "8"}, True),
        ({"status": "wrong", "extracted": "9"}, False),
        ({"status": "correct", "extracted": "8", "response": "<answer>8</answer>"}, False),
    ],
)
def test_the_judges_disagree_where_the_reference_stands_there_unrewarded(
    tmp_path: Path, row: dict[str, Any], expected: bool
) -> None:
    assert responses(tmp_path, row)["disputed"].to_list() == [expected]


def test_an_empty_reference_is_in_no_response(tmp_path: Path) -> None:
    row = {"status": "no_format", "answer": "", "response": "\\boxed{}"}
    assert responses(tmp_path, row)["disputed"].to_list() == [False]


def test_a_way_is_rare_that_one_of_twenty_correct_responses_takes(tmp_path: Path) -> None:
    rows = [{"status": "correct", "rule": "string"}] * 19
    other = {"status": "correct", "rule": "value"}
    assert responses(tmp_path, *rows, other)["rare"].to_list() == [False] * 19 + [True]
    assert not responses(tmp_path / "few", *rows[:18], other)["rare"].any()


def test_a_wrong_response_is_right_in_no_way(tmp_path: Path) -> None:
    rows = [{"status": "correct", "rule": "string"}] * 19
    wrong = {"status": "wrong", "rule": "value"}
    assert not responses(tmp_path, *rows, wrong)["rare"].any()


def test_rollouts_that_a_hint_solved_are_among_those_of_their_step(tmp_path: Path) -> None:
    row = {"question_id": "q", "question": "Q", "answer": "8", "response_ids": [1]}
    first = scored([row | {"sample": 0, "status": "wrong"}])
    hinted = scored([row | {"sample": 1, "status": "correct"}])
    write(first, tmp_path / "step1/scored.parquet")
    write(hinted, tmp_path / "step1/hints/scored.parquet")
    write(hinted, tmp_path / "step1/filtered.parquet")
    found, _ = training(tmp_path, [1])
    assert found.select("sample", "hinted", "kept").rows() == [(0, False, False), (1, True, True)]
    (group,) = groups("training", index(found, [1]))
    assert (group["title"], group["count"]) == ("Solved with a hint", 1)


def test_what_the_base_policy_solved_is_solved_by_no_step(tmp_path: Path) -> None:
    right, wrong = ({"status": status} for status in ("correct", "wrong"))
    found = index(responses(tmp_path, right, right), [0, 1])
    assert groups("validation", found) == []
    (group,) = groups("validation", index(responses(tmp_path, wrong, right), [0, 1]))
    assert group["title"] == "Solved for the first time"
    assert group["examples"] == [{"address": "#rollouts/validation/q/1", "text": "Q"}]
