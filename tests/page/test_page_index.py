"""What the browser of rollouts knows of a question, from small tables."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from page_rows import scored, write

from ei.page.chunks import chunks, pack, questions
from ei.page.index import CUT, KEPT, LETTERS, code, first_solved, index, is_correct, lost
from ei.page.responses import in_order, mark_kept, shown, training
from ei.page.source import Source, blocks
from ei.schema import STATUSES


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    """What the browser shows of scored responses: (question, sample, response, status) each."""

    def read(*rows: tuple[str, int, str, str], step: int = 1, **columns: Any) -> pl.DataFrame:
        names = ["question_id", "sample", "response", "status"]
        alike = {
            "question": "Q",
            "answer": "1",
            "response_ids": [1, 2, 3],
            "finish_reason": "stop",
            "extracted": "1",
        }
        made = [dict(zip(names, row, strict=True)) | alike | columns for row in rows]
        return shown(write(scored(made), tmp_path / "scored.parquet"), step)

    return read


def unpack(text: str) -> Any:
    """What `pack` made this text of, as a browser reads it."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def of_steps(table: Callable[..., pl.DataFrame], marks: str) -> pl.DataFrame:
    """One question answered once in each step: `+` correct, `-` wrong, a space not asked."""
    named = {"+": "correct", "-": "wrong"}
    return in_order(
        [
            table(("a", 0, "r", named[mark]), step=step)
            for step, mark in enumerate(marks)
            if mark != " "
        ]
    )


@pytest.mark.parametrize(
    ("marks", "first", "gone"),
    [("--+", 2, []), ("+++", 0, []), ("---", None, []), ("+-+-", 0, [1, 3]), ("-++-", 1, [3])],
)
def test_first_solved_and_lost_steps_are_read_from_the_marks(
    table: Any, marks: str, first: int | None, gone: list[int]
) -> None:
    found = index(of_steps(table, marks), list(range(len(marks))))
    assert found["first"] == [first]
    assert found["lost"] == [gone]


def test_a_step_that_did_not_ask_the_question_neither_solves_nor_loses_it(table: Any) -> None:
    found = index(of_steps(table, "+ -"), [0, 1, 2])
    assert found["codes"][0][1] == ""
    assert found["lost"] == [[2]]


def test_a_question_is_solved_when_any_of_its_rollouts_is_correct(table: Any) -> None:
    responses = table(("a", 0, "x", "wrong"), ("a", 1, "y", "correct"))
    assert index(responses, [1])["first"] == [1]


def test_first_and_lost_of_no_steps_are_nothing() -> None:
    assert first_solved([], []) is None
    assert lost([], []) == []


def test_a_letter_is_its_own_for_every_status_kept_and_cut() -> None:
    letters = [
        code(status, kept, cut)
        for status in STATUSES
        for kept in (False, True)
        for cut in (False, True)
    ]
    assert len(set(letters)) == 4 * len(STATUSES)
    assert [is_correct(letter) for letter in letters] == [True] * 4 + [False] * 20


def test_the_index_carries_what_its_letters_are_decoded_with(table: Any) -> None:
    found = index(table(("a", 0, "x", "timeout"), finish_reason="length"), [1])
    number = found["letters"].index(found["codes"][0][0])
    assert found["statuses"][number % found["keptFlag"]] == "timeout"
    assert number & found["cutFlag"]
    assert not number & found["keptFlag"]
    assert (found["letters"], found["keptFlag"], found["cutFlag"]) == (LETTERS, KEPT, CUT)
    assert len(STATUSES) <= KEPT  # else a status would look like another one that was kept


def test_the_samples_that_sft_saw_are_kept_and_no_others(table: Any) -> None:
    responses = table(("a", 0, "x", "correct"), ("a", 1, "x", "correct"), ("b", 0, "y", "wrong"))
    kept = mark_kept(responses, pl.DataFrame({"question_id": ["a"], "sample": [0]}))
    assert kept["kept"].to_list() == [True, False, False]


def test_a_step_without_its_files_is_named(tmp_path: Path) -> None:
    row = {"question_id": "a", "sample": 0, "response": "x", "status": "correct", "step": 9}
    for name in ("scored", "filtered"):
        write(scored([row | {"response_ids": [1, 2]}]), tmp_path / f"step2/{name}.parquet")
    write(scored([row]), tmp_path / "step3/scored.parquet")  # without what was kept of it
    responses, absent = training(tmp_path, [1, 2, 3])
    assert absent == [1, 3]
    assert responses.select("step", "tokens", "kept").rows() == [(2, 2, True)]


def test_a_response_that_ended_by_length_is_cut(table: Any) -> None:
    assert table(("a", 0, "x", "wrong"), finish_reason="length")["cut"].to_list() == [True]


def test_data_without_levels_and_subjects_has_none_in_the_index(table: Any) -> None:
    found = index(table(("a", 0, "x", "wrong")), [1])
    assert (found["levels"], found["level"], found["subject"]) == ([], [-1], [-1])


def test_levels_and_subjects_are_numbered_in_their_order(table: Any) -> None:
    second = table(("a", 0, "x", "wrong"), level="Level 2")
    first = table(("b", 0, "x", "wrong"), level="Level 1")
    found = index(in_order([second, first]), [1])
    assert (found["id"], found["level"]) == (["b", "a"], [0, 1])
    assert found["levels"] == ["Level 1", "Level 2"]


def test_chunks_hold_all_responses_in_order_and_end_at_their_size(table: Any) -> None:
    responses = table(*[(f"q{n}", 0, "x" * 10, "wrong") for n in range(5)])
    cut = list(chunks(questions(responses), characters=20))
    assert [len(chunk) for chunk in cut] == [2, 2, 1]
    assert cut[0][0] == [[1, [["x" * 10, "1", 3]]]]


def test_the_blocks_of_a_source_say_where_each_question_lies(table: Any) -> None:
    responses = table(*[(f"q{n}", 0, "x" * 300_000, "wrong") for n in range(3)])
    packed = dict(blocks(Source("training", "Training", "rollout", responses, [])))
    assert list(packed) == ["training-0", "training-1", "training-index"]
    found = unpack(packed["training-index"])
    assert (found["starts"], found["id"]) == ([0, 2], ["q0", "q1", "q2"])
    assert len(unpack(packed["training-1"])) == 1


def test_packed_text_has_no_character_that_html_could_read_and_comes_back_whole() -> None:
    hostile = "</script><img src=x onerror=alert(1)> \ud800 é"
    packed = pack([hostile])
    assert not set(packed) & set("<>&\"'")
    assert unpack(packed) == [hostile.replace("\ud800", "?")]
    assert packed == pack([hostile])


def test_a_source_without_rows_has_an_index_of_nothing() -> None:
    ((name, content),) = blocks(Source("training", "Training", "rollout", in_order([]), [1]))
    assert name == "training-index"
    assert unpack(content)["id"] == []
