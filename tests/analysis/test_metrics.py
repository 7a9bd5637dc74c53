"""Evaluation figures against formulas written another way."""

import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import metrics
from ei import __version__
from ei.analysis.statistics import wilson
from ei.schema import RESPONSES
from helpers import script


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
            "extracted": ["7", "8", None, "9"],
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


def test_every_level_has_its_own_summary_and_a_missing_level_none():
    found = metrics.by(responses(), "level")
    assert {level: part["n"] for level, part in found.items()} == {"Level 1": 2, "Level 2": 1}


def test_several_responses_to_a_question_are_one_trial():
    twice = pl.concat([responses(), responses().with_columns(reward=pl.lit(0.0))])
    found = metrics.summary(twice)
    assert (found["n"], found["responses"], found["accuracy"]) == (4, 8, 0.25)


def test_no_response_in_the_right_form_is_no_division_by_zero():
    found = metrics.summary(responses().with_columns(format_ok=pl.lit(False), reward=pl.lit(0.0)))
    assert found["accuracy_given_format"] is None


def test_a_reward_between_0_and_1_counts_as_much_as_it_is():
    """As with accuracy, which is the mean reward: half a reward is no right answer."""
    found = metrics.summary(responses().with_columns(reward=pl.Series([0.5, 0.0, 0.25, 1.0])))
    assert found["accuracy"] == 1.75 / 4
    assert found["accuracy_given_format"] == 1.5 / 3  # c is not in the format


def four_samples():
    """Two questions of four responses: one with two spellings of its answer, one never solved."""
    return pl.DataFrame(
        {
            "question_id": ["a"] * 4 + ["b"] * 4,
            "reward": [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            "format_ok": [True] * 4 + [False] * 4,
            "response_ids": [[1]] * 8,
            "finish_reason": ["stop"] * 8,
            "policy": ["p"] * 8,
            "level": ["Level 1"] * 4 + ["Level 2"] * 4,
            "subject": ["x"] * 8,
            "entropy": [None] * 8,
            "extracted": [r"\frac12", r"\dfrac{1}{2}", "3", "4", None, None, None, None],
        }
    )


def test_several_samples_give_pass_and_majority_for_every_power_of_two():
    found = metrics.summary(four_samples())
    assert found["samples"] == 4
    # Of the 6 pairs of responses to a, one (3 and 4) holds no right one; b is never solved.
    assert found["pass_at_k"] == pytest.approx({"1": 0.25, "2": 5 / 6 / 2, "4": 0.5})
    # Of the pairs of a, one has both right and wins, and four have one right and tie. Of all four
    # responses the right answer has 2 votes, the others 1 each.
    assert found["majority_at_k"] == pytest.approx({"1": 0.25, "2": (1 + 4 / 2) / 6 / 2, "4": 0.5})
    assert metrics.by(four_samples(), "level")["Level 1"]["pass_at_k"]["4"] == 1.0


def test_pass_at_k_of_rewards_between_0_and_1_is_the_expected_highest():
    found = metrics.at_k(four_samples().with_columns(reward=pl.Series([0.2, 0.6, 0.0, 0.0] * 2)))
    # Of the 6 pairs, 3 hold the 0.6, and of the other three 2 hold the 0.2.
    assert found["pass_at_k"] == pytest.approx({"1": 0.2, "2": (3 * 0.6 + 2 * 0.2) / 6, "4": 0.6})


def test_one_sample_has_no_pass_at_k():
    assert "pass_at_k" not in metrics.summary(responses())


def test_a_number_of_samples_that_is_no_power_of_two_is_there_as_well():
    three = four_samples().filter(pl.int_range(pl.len()).over("question_id") < 3)
    assert list(metrics.summary(three)["pass_at_k"]) == ["1", "2", "3"]


def write(folder, table, split):
    """The table as a stage leaves it: with all columns, those that it lacks empty or null."""
    filled = {"question": "Q", "sample": 0, "status": "wrong", "prompt_ids": []}
    missing = [
        pl.Series(name, [filled.get(name)] * table.height, dtype=kind)
        for name, kind in RESPONSES.items()
        if name not in table.columns
    ]
    path = folder / f"{split}.parquet"
    table.with_columns(missing).write_parquet(path)
    return path


def evaluated(folder, validation, development):
    """The contents of eval.json and development.json."""
    outputs = [folder / "eval.json", folder / "development.json"]
    result = script(
        "metrics.py", "--responses", write(folder, validation, "validation"),
        "--development_responses", write(folder, development, "development"), "--step", 3,
        "--output", outputs[0], "--development", outputs[1], "--lineage", "x",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return [json.loads(output.read_text()) for output in outputs]


def test_both_splits_are_summarized_each_in_its_own_file(tmp_path):
    of_validation, of_development = evaluated(tmp_path, four_samples(), responses())
    assert (of_validation["step"], of_validation["n"], of_validation["samples"]) == (3, 2, 4)
    assert (of_development["step"], of_development["n"], of_development["samples"]) == (3, 4, 1)
    assert of_development["policy"] == "p"
    assert list(of_development["by_subject"]) == ["x"]


def test_an_evaluation_of_no_questions_says_just_that(tmp_path):
    _, found = evaluated(tmp_path, responses(), responses().clear())
    metadata = {"lineage": "x", "version": __version__, "settings": {"step": 3}}
    assert found == {"step": 3, "n": 0} | metadata


def test_without_development_responses_only_the_validation_is_summarized(tmp_path):
    output = tmp_path / "eval.json"
    table = write(tmp_path, responses(), "validation")
    result = script("metrics.py", "--responses", table, "--step", 0, "--output", output)
    assert result.returncode == 0, result.stderr
    assert json.loads(output.read_text())["n"] == 4
    half = script(
        "metrics.py", "--responses", table, "--development", tmp_path / "d.json",
        "--step", 0, "--output", output,
    )  # fmt: skip
    assert half.returncode == 2
    assert "need each other" in half.stderr


def test_a_table_that_is_no_responses_is_named_with_what_it_lacks(tmp_path):
    table = tmp_path / "responses.parquet"
    pl.DataFrame({"question_id": ["a"]}).write_parquet(table)
    result = script(
        "metrics.py", "--responses", table, "--development_responses", table, "--step", 0,
        "--output", tmp_path / "eval.json", "--development", tmp_path / "development.json",
    )  # fmt: skip
    assert result.returncode == 1
    assert f"error: {table} has no column question, answer" in result.stderr
    assert not (tmp_path / "eval.json").exists()
