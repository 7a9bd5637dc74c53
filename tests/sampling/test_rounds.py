"""Which questions are drawn again, which rollouts of them, and what the policy is asked."""

import polars as pl
import pytest

from ei.prompt import Template, fill, with_hint
from ei.sampling.requests import make_requests
from ei.sampling.rounds import Rounds, asked_again

QUESTIONS = pl.DataFrame({"question_id": list("dcba"), "question": list("wxyz")})


def scored(**correct):
    """Four rollouts of each question, so many of them correct."""
    return pl.DataFrame(
        [
            {"question_id": name, "reward": 1.0 if sample < count else 0.0}
            for name, count in correct.items()
            for sample in range(4)
        ]
    )


def again(rows, name, min_reward=1.0):
    return asked_again(QUESTIONS, rows, name, min_reward)["question_id"].to_list()


def test_extra_rollouts_are_of_questions_with_at_most_one_right_and_hints_of_unsolved_ones():
    rows = scored(a=0, b=1, c=2, d=4)
    assert again(rows, "extra") == ["b", "a"]
    assert again(rows, "hints") == ["a"]


def test_a_question_that_an_extra_rollout_solved_gets_no_hint():
    assert again(pl.concat([scored(a=0, b=0), scored(a=1)]), "hints") == ["b"]


def test_a_question_that_was_left_out_as_too_long_is_not_asked_again():
    assert again(scored(a=0), "extra") == ["a"]


def test_what_is_right_is_what_the_filter_takes_for_right():
    halves = scored(a=2, b=0).with_columns(pl.col("reward") / 2)
    assert again(halves, "hints", min_reward=0.5) == ["b"]
    assert again(halves, "hints", min_reward=0.6) == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "numbers"), [("first", range(8)), ("extra", range(8, 12)), ("hints", range(12, 14))]
)
def test_each_round_goes_on_counting_so_that_no_two_rollouts_share_a_seed(name, numbers):
    assert Rounds(extra=4, hints=2).numbers(name, 8) == numbers


def test_a_round_that_is_off_leaves_its_numbers_to_the_next():
    assert Rounds(hints=2).numbers("hints", 8) == range(8, 10)


def test_a_hint_stands_behind_the_question_and_other_braces_are_text():
    asked = with_hint("What is {x}?", "\\frac{1}{2}", " (It is {answer}.)")
    assert fill(Template("User: {question}"), asked) == "User: What is {x}? (It is \\frac{1}{2}.)"
    assert with_hint("What?", "1", None) == "What?"


def test_a_hint_changes_the_prompt_but_no_seed():
    class Words:
        def __init__(self, text, add_special_tokens=True):
            self.input_ids = list(text.encode())

    questions = QUESTIONS.with_columns(answer=pl.lit("7"))
    plain, hinted = (
        make_requests(questions, range(2), Template("{question}="), Words, 0, 1, hint)
        for hint in (None, "{answer}")
    )
    assert bytes(hinted[0].prompt_ids) == b"w7="
    assert bytes(plain[0].prompt_ids) == b"w="
    assert [one.seed for one in plain] == [one.seed for one in hinted]
