"""Questions: their forms, their identity, their choice and their seeds."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ei import questions
from ei.rows import read_rows
from ei.stage import UserError
from helpers import shared


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"question": "1+1?", "answer": "2"}, "2"),
        ({"question": "1+1?", "answer": 2}, "2"),
        ({"problem": "1+1?", "solution": r"It is \boxed{2}."}, "2"),
        (
            {"problem": "1+1?", "solution": r"First \boxed{1}, then \boxed{\frac{1}{2}}."},
            r"\frac{1}{2}",
        ),
        ({"problem": "1+1?", "solution": r"So $\boxed 2$."}, "2"),
        ({"problem": "1+1?", "solution": r"So $\fbox{2}$."}, "2"),
        ({"problem": "1+1?", "solution": r"\boxed{1}", "answer": "2"}, "2"),
        ({"question": "1+1?", "answer": "One and one <<1+1=2>>2.\n#### 2"}, "2"),
    ],
)
def test_the_answer_is_found_in_every_known_form(row, answer):
    assert questions.normalise(row)["answer"] == answer


def test_a_gsm8k_solution_has_neither_its_calculators_notes_nor_the_answer_line():
    row = questions.normalise(
        {"question": "1+1?", "answer": "One and one is 1+1=<<1+1=2>>2.\n#### 2"}
    )
    assert row["solution"] == "One and one is 1+1=2."


def test_a_problems_type_is_its_subject():
    row = questions.normalise(
        {"problem": "1+1?", "answer": "2", "type": "Algebra", "level": "Level 1"}
    )
    assert (row["subject"], row["level"]) == ("Algebra", "Level 1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "1+1?"}', "no answer"),
        ('{"answer": "2"}', "no question"),
        ('{"question": "1+1?", "solution": "two"}', "boxed"),
        ('{"question": "1+1?", ', "not JSON"),
        ("[1, 2]", "a JSON object was expected"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, line, message):
    path = tmp_path / "some.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n\n' + line + "\n")
    with pytest.raises(UserError, match=rf"some\.jsonl, line 3: .*{message}"):
        questions.table(read_rows(path), str(path))


def test_a_repeated_question_is_left_out_and_counted():
    rows = [{"question": "a", "answer": "1"}, {"question": " a\n", "answer": "2"}]
    table, left_out = questions.table(enumerate(rows, 1), "here")
    assert table["answer"].to_list() == ["1"]
    assert left_out == {"repeated": [2], "empty_answer": []}


@pytest.mark.parametrize(
    "row", [{"question": "b", "answer": ""}, {"problem": "b", "solution": r"none: $\boxed{}$"}]
)
def test_a_question_whose_answer_is_empty_is_left_out_and_reported(row):
    table, left_out = questions.table(enumerate([{"question": "a", "answer": "1"}, row], 1), "here")
    assert table["question"].to_list() == ["a"]
    assert left_out["empty_answer"] == [2]


def many(n=100):
    return pl.DataFrame({"question_id": [f"q{k}" for k in range(n)]})


def test_fewer_questions_are_the_first_of_more():
    few, more = (
        questions.choose(many(), count, 0, 1)["question_id"].to_list() for count in (10, 50)
    )
    assert more[:10] == few


def test_the_choice_does_not_depend_on_the_order_of_the_file():
    assert questions.choose(many(), 10, 0, 1).equals(questions.choose(many().reverse(), 10, 0, 1))


def test_another_step_or_seed_chooses_other_questions():
    chosen = {
        tuple(questions.choose(many(), 10, seed, step)["question_id"])
        for seed in (0, 1)
        for step in (1, 2)
    }
    assert len(chosen) == 4


def test_more_questions_than_there_are_is_an_error():
    with pytest.raises(UserError, match="101 questions are asked for, and there are 100"):
        questions.choose(many(), 101, 0, 1)


@given(st.integers(0, 2**31), st.integers(1, 100), st.text(max_size=20))
def test_a_seed_leaves_room_for_its_group_and_fits_in_64_bits(seed, step, name):
    first = questions.request_seed(seed, step, name)
    assert first % 65536 == 0
    assert 0 <= first + 65535 < 2**63


def test_two_questions_share_no_draw():
    seeds = {questions.request_seed(0, step, f"q{k}") for step in range(5) for k in range(2000)}
    assert len(seeds) == 10_000


@given(
    st.recursive(
        st.sampled_from(["x", "1", r"\frac", " "]), lambda inner: inner.map(lambda s: "{" + s + "}")
    )
)
def test_a_boxed_answer_is_found_however_deep_its_braces(inner):
    assert questions.last_boxed(f"so \\boxed{{{inner}}} it is") == inner.strip()


def test_math_keeps_its_numbers_and_its_answers():
    path = shared("math/train.jsonl")
    table, left_out = questions.table(read_rows(path), str(path))
    assert left_out["empty_answer"] == [5530, 5532]
    assert table.height + sum(map(len, left_out.values())) == 7500
    rows = [json.loads(line) for line in path.open()]
    without = [{key: row[key] for key in ("problem", "solution")} for row in rows]
    assert [questions.normalise(row)["answer"] for row in without] == [
        row["answer"].strip() for row in rows
    ]


def test_gsm8k_answers_are_the_numbers_after_the_hashes():
    path = shared("gsm8k/test.jsonl")
    table, _ = questions.table(read_rows(path), str(path))
    assert table.height == 1319
    assert table["answer"].str.contains(r"^-?[\d,.]+$").all()
