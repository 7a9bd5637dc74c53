"""Statistics against enumeration, another library, hand-computed values, and simulated data."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from ei.analysis import statistics
from ei.analysis.statistics import (
    bootstrap,
    majority_at_k,
    mcnemar,
    paired_difference,
    pass_at_k,
    wilson,
)


def test_a_wilson_interval_computed_by_hand():
    """3 of 10 with z = 1.96.

    Centre (0.3 + 0.19207) / 1.38415, half width 1.96 sqrt(0.021 + 0.009604) / 1.38415.
    """
    assert wilson(3, 10) == pytest.approx((0.10779, 0.60323), abs=1e-4)


@given(
    st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_all_subsets_that_hold_a_right_response(case):
    n, right, k = case
    subsets = list(itertools.combinations([1] * right + [0] * (n - right), k))
    assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_does_not_lose_small_chances_to_rounding():
    assert pass_at_k(1000, 1, 1) == 1 / 1000
    assert pass_at_k(10**6, 1, 2) == pytest.approx(2e-6, rel=1e-12)


def enumerated(answers, right, k):
    """Majority@k by enumerating all subsets; a tie is shared by the answers that tie."""
    total = 0.0
    for subset in itertools.combinations(range(len(answers)), k):
        counts = Counter(answers[i] for i in subset if answers[i] is not None)
        first = [answer for answer, count in counts.items() if count == max(counts.values())]
        total += sum(
            next(right[i] for i in subset if answers[i] == answer) for answer in first
        ) / max(len(first), 1)
    return total / math.comb(len(answers), k)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1, max_size=9), st.data())
def test_majority_at_k_is_the_mean_over_all_subsets(answers, data):
    k = data.draw(st.integers(1, len(answers)))
    accepted = data.draw(st.sets(st.sampled_from("abcd")))  # the checker may accept two spellings
    right = [float(answer in accepted) for answer in answers]
    assert majority_at_k(answers, right, k) == pytest.approx(enumerated(answers, right, k))


def test_two_against_one_wins_and_one_against_one_is_half():
    assert majority_at_k(["7", "7", "8"], [1, 1, 0], 3) == 1.0
    assert majority_at_k(["7", "8"], [1, 0], 2) == 0.5


def test_a_response_without_an_answer_does_not_vote():
    assert majority_at_k([None, None, "7"], [0, 0, 1], 3) == 1.0
    assert majority_at_k([None, None], [0, 0], 2) == 0.0


def test_majority_at_1_is_the_accuracy_and_large_groups_stay_exact():
    answers = ["7"] * 40 + ["8"] * 30 + [None] * 30 + [str(i) for i in range(100, 128)]
    right = [1.0] * 40 + [0.0] * 88
    assert majority_at_k(answers, right, 1) == pytest.approx(40 / 128)
    drawn = np.random.default_rng(0)
    simulated = np.mean(
        [vote(answers, drawn.choice(128, 64, replace=False), drawn) for _ in range(2000)]
    )
    assert majority_at_k(answers, right, 64) == pytest.approx(simulated, abs=0.03)


def vote(answers, subset, rng):
    counts = Counter(answers[i] for i in subset if answers[i] is not None)
    return float(
        rng.choice([answer for answer, count in counts.items() if count == max(counts.values())])
        == "7"
    )


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test_of_the_discordant_questions(only_a, only_b):
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected)


def coverage(simulate, truth):
    """The share of 300 simulated data sets whose interval holds the truth."""
    rng = np.random.default_rng(1)
    intervals = [simulate(rng) for _ in range(300)]
    return np.mean([low <= truth <= high for low, high in intervals])


@pytest.fixture
def fewer_draws(monkeypatch):
    monkeypatch.setattr(statistics, "DRAWS", 2000)


@pytest.mark.usefixtures("fewer_draws")
def test_the_paired_interval_holds_the_true_difference_95_times_of_100():
    def simulate(rng):
        hard = rng.random(300)  # the same questions are hard for both: the pairs are correlated
        a, b = rng.random(300) > hard * 0.8, rng.random(300) > hard * 0.9
        return paired_difference(a, b)

    assert 0.92 <= coverage(simulate, truth=0.6 - 0.55) <= 0.98


@pytest.mark.usefixtures("fewer_draws")
def test_the_interval_of_rollouts_holds_the_true_mean_although_those_of_a_question_are_alike():
    def simulate(rng):
        right = rng.binomial(8, rng.beta(0.3, 0.7, size=200))
        return bootstrap(right, [8] * 200)

    assert 0.92 <= coverage(simulate, truth=0.3) <= 0.98


def test_drawing_kinds_of_questions_is_drawing_questions():
    """Against a bootstrap that draws questions one by one, with groups of different sizes."""
    sums, counts = [0, 1, 3, 4, 0, 2, 2, 1], [4, 4, 4, 4, 2, 2, 4, 1]
    picks = np.random.default_rng(0).integers(8, size=(20_000, 8))
    plain = np.quantile(np.take(sums, picks).sum(1) / np.take(counts, picks).sum(1), [0.025, 0.975])
    assert bootstrap(sums, counts) == pytest.approx(plain, abs=0.02)


def test_the_same_seed_gives_the_same_interval_in_any_order_of_questions():
    a, b = [1, 1, 0, 1, 0, 1], [0, 1, 0, 0, 1, 0]
    assert paired_difference(a, b, seed=3) == paired_difference(a[::-1], b[::-1], seed=3)


def test_without_questions_nothing_is_known_and_without_differences_the_interval_is_a_point():
    assert bootstrap([], []) == (0.0, 1.0)
    assert paired_difference([1, 0], [1, 0]) == (0.0, 0.0)
