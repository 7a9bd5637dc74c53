"""Evaluation figures against formulas written another way."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import metrics
from ei.statistics import wilson


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_ends_of_a_wilson_interval_are_where_the_score_test_just_rejects(case):
    k, n = case
    z = 1.959963984540054
    for p in wilson(k, n):
        if 0 < p < 1:
            assert abs(k / n - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n), rel=1e-6)


def test_a_known_wilson_interval():
    assert wilson(78, 500) == pytest.approx((0.1269, 0.1903), abs=5e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def responses():
    return pl.DataFrame(
        {
            "question_id": ["a", "b", "c", "d"],
            "reward": [1.0, 0.0, 0.0, 1.0],
            "format_ok": [True, True, False, True],
            "response_ids": [[1] * 2, [1] * 4, [1] * 10, [1] * 4],
            "finish_reason": ["stop", "stop", "length", "stop"],
            "policy": ["p"] * 4,
            "level": ["Level 1", "Level 1", "Level 2", None],
            "subject": ["x"] * 4,
            "entropy": [0.5, 0.1, None, None],
        }
    )


def test_the_summary_counts_what_it_says():
    found = metrics.summary(responses())
    assert found["n"] == 4
    assert found["accuracy"] == 0.5
    assert found["accuracy_ci95"] == list(wilson(2, 4))
    assert found["format_rate"] == 0.75
    assert found["accuracy_given_format"] == pytest.approx(2 / 3)
    assert found["mean_response_tokens"] == 5.0
    assert found["truncated_rate"] == 0.25


def test_entropy_is_a_mean_over_tokens_not_over_responses():
    assert metrics.summary(responses())["entropy"] == pytest.approx((0.5 * 2 + 0.1 * 4) / 6)


def test_levels_are_summed_up_apart_and_a_missing_level_in_none():
    found = metrics.by(responses(), "level")
    assert {level: part["n"] for level, part in found.items()} == {"Level 1": 2, "Level 2": 1}


def test_several_responses_to_a_question_are_one_trial():
    twice = pl.concat([responses(), responses().with_columns(reward=pl.lit(0.0))])
    found = metrics.summary(twice)
    assert (found["n"], found["responses"], found["accuracy"]) == (4, 8, 0.25)


def test_no_response_in_the_right_form_is_no_division_by_zero():
    found = metrics.summary(responses().with_columns(format_ok=pl.lit(False), reward=pl.lit(0.0)))
    assert found["accuracy_given_format"] is None
