"""Questions kept back from training."""

import polars as pl
import pytest

import data
from ei.stage import UserError


def split(names):
    return pl.DataFrame({"question_id": names})


def many(count=100):
    return split([f"q{k}" for k in range(count)])


def test_a_question_is_trained_on_or_kept_back():
    train, development = data.keep_back(many(), split([]), 30)
    assert (train.height, development.height) == (70, 30)
    assert set(train["question_id"]) | set(development["question_id"]) == set(many()["question_id"])


def test_which_questions_are_kept_back_depends_on_each_ones_text_alone():
    first, reversed_, fewer, more = (
        set(data.keep_back(rows, split([]), count)[1]["question_id"])
        for rows, count in ((many(), 30), (many().reverse(), 30), (many(), 10), (many(101), 30))
    )
    assert first == reversed_
    assert fewer < first
    assert len(first & more) >= 29


def test_a_validation_question_is_not_kept_back():
    _, development = data.keep_back(many(), many(60), 30)
    assert not set(development["question_id"]) & set(many(60)["question_id"])


def test_no_question_is_kept_back_unless_asked_for():
    assert data.keep_back(many(), split([]), 0)[0].equals(many())


def test_keeping_back_every_question_is_refused():
    with pytest.raises(
        UserError, match=r"data\.development keeps back 100 questions, and the training set has 100"
    ):
        data.keep_back(many(), split([]), 100)
