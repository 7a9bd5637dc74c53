"""Questions kept back from training, and the step that they choose."""

import polars as pl
import pytest

import best
import data
from ei.stage import UserError


def split(names):
    return pl.DataFrame({"question_id": names})


def many(count=100):
    return split([f"q{k}" for k in range(count)])


def evaluated(*accuracies):
    return [
        {"step": step, "accuracy": value, "accuracy_ci95": [0.0, 1.0], "n": 10}
        for step, value in enumerate(accuracies)
    ]


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


def test_of_equally_good_steps_the_earlier_is_the_best():
    found = best.report(evaluated(0.1, 0.4, 0.2, 0.4))
    assert (found["step"], found["accuracy"], found["since_best"]) == (1, 0.4, 2)
    assert [step["accuracy"] for step in found["steps"]] == [0.1, 0.4, 0.2, 0.4]


def test_the_link_to_the_best_policy_is_relative_and_moves_with_the_best(tmp_path):
    for step in ("step1", "step2"):
        (tmp_path / step / "policy").mkdir(parents=True)
    place = tmp_path / "best/policy"
    place.parent.mkdir()
    for step in ("step1", "step2"):
        best.link(str(tmp_path / step / "policy"), place)
        assert str(place.readlink()) == f"../{step}/policy"
