"""What the browser of rollouts knows of a question, from small tables."""

import base64
import gzip
import json
from typing import Any

import polars as pl
import pytest

from ei.page.chunks import chunks, pack, questions
from ei.page.index import code, first_solved, index, is_right, lost
from ei.page.responses import slim, together, with_kept
from ei.page.source import Source, blocks


def table(*rows: tuple[str, int, str, str], **columns: Any) -> pl.DataFrame:
    """Scored responses from (question, sample, response, status)."""
    names = ["question_id", "sample", "response", "status"]
    more = {
        "question": "Q",
        "answer": "1",
        "response_ids": [1, 2, 3],
        "finish_reason": "stop",
        "extracted": "1",
    }
    made = [dict(zip(names, row, strict=True)) | more | columns for row in rows]
    return pl.DataFrame(made, infer_schema_length=None)


def unpack(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def of_steps(*steps: str) -> pl.DataFrame:
    """One question answered once in each step: `+` right, `-` wrong, a space not asked."""
    named = {"+": "correct", "-": "wrong"}
    return together(
        [slim(table(("a", 0, "r", named[mark])), n) for n, mark in enumerate(steps) if mark != " "]
    )


@pytest.mark.parametrize(
    ("marks", "first", "gone"),
    [("--+", 2, []), ("+++", 0, []), ("---", None, []), ("+-+-", 0, [1, 3]), ("-++-", 1, [3])],
)
def test_first_solved_and_lost_steps_are_read_from_the_marks(
    marks: str, first: int | None, gone: list[int]
) -> None:
    found = index(of_steps(*marks), list(range(len(marks))))
    assert found["first"] == [first]
    assert found["lost"] == [gone]


def test_a_step_that_did_not_ask_the_question_neither_solves_nor_loses_it() -> None:
    found = index(of_steps("+", " ", "-"), [0, 1, 2])
    assert found["codes"][0][1] == ""
    assert found["lost"] == [[2]]


def test_a_question_is_solved_when_any_of_its_rollouts_is_right() -> None:
    rows = together([slim(table(("a", 0, "x", "wrong"), ("a", 1, "y", "correct")), 1)])
    assert index(rows, [1])["first"] == [1]


def test_first_and_lost_of_no_steps_are_nothing() -> None:
    assert first_solved([], []) is None
    assert lost([], []) == []


def test_a_letter_is_its_own_for_every_status_kept_and_cut() -> None:
    statuses = ("correct", "wrong", "no_format", "unparsable", "timeout", "error")
    letters = [
        code(status, kept, cut)
        for status in statuses
        for kept in (False, True)
        for cut in (False, True)
    ]
    assert len(set(letters)) == 24
    assert [is_right(letter) for letter in letters] == [True] * 4 + [False] * 20


def test_the_samples_that_sft_saw_are_kept_and_no_others() -> None:
    rows = slim(
        table(("a", 0, "x", "correct"), ("a", 1, "x", "correct"), ("b", 0, "y", "wrong")), 1
    )
    kept = with_kept(rows, pl.DataFrame({"question_id": ["a"], "sample": [0]}))
    assert kept["kept"].to_list() == [True, False, False]


def test_a_response_that_ended_by_length_is_cut() -> None:
    assert slim(table(("a", 0, "x", "wrong"), finish_reason="length"), 1)["cut"].to_list() == [True]


def test_data_without_level_and_subject_has_none_in_the_index() -> None:
    found = index(together([slim(table(("a", 0, "x", "wrong")), 1)]), [1])
    assert (found["levels"], found["level"], found["subject"]) == ([], [-1], [-1])


def test_levels_and_subjects_are_numbered_in_their_order() -> None:
    one, other = (
        table(("a", 0, "x", "wrong"), level="Level 2"),
        table(("b", 0, "x", "wrong"), level="Level 1"),
    )
    found = index(together([slim(one, 1), slim(other, 1)]), [1])
    assert (found["id"], found["levels"], found["level"]) == (
        ["b", "a"],
        ["Level 1", "Level 2"],
        [0, 1],
    )


def test_chunks_hold_all_responses_in_order_and_end_at_their_size() -> None:
    rows = together([slim(table(*[(f"q{n}", 0, "x" * 10, "wrong") for n in range(5)]), 1)])
    cut = list(chunks(questions(rows), characters=20))
    assert [len(chunk) for chunk in cut] == [2, 2, 1]
    assert cut[0][0] == [[1, [["x" * 10, "1", 3]]]]


def test_the_blocks_of_a_source_say_where_each_question_lies() -> None:
    rows = together([slim(table(*[(f"q{n}", 0, "x" * 300_000, "wrong") for n in range(3)]), 1)])
    packed = dict(blocks(Source("training", "Training", "rollout", rows, [])))
    assert list(packed) == ["training-0", "training-1", "training-index"]
    found = unpack(packed["training-index"])
    assert (found["starts"], found["id"]) == ([0, 2], ["q0", "q1", "q2"])
    assert len(unpack(packed["training-1"])) == 1


def test_packed_text_has_no_sign_that_html_could_read_and_comes_back_whole() -> None:
    hostile = "</script><img src=x onerror=alert(1)> \ud800 é"
    packed = pack([hostile])
    assert not set(packed) & set("<>&\"'")
    assert unpack(packed) == [hostile.replace("\ud800", "?")]
    assert packed == pack([hostile])


def test_a_source_without_rows_has_an_index_of_nothing() -> None:
    ((name, content),) = blocks(Source("training", "Training", "rollout", together([]), [1]))
    assert name == "training-index"
    assert unpack(content)["id"] == []
