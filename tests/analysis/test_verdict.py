"""When a difference is reported."""

import pytest

from ei.analysis.verdict import Verdict, verdict


def comparison(ci95, p):
    return {"ci95": ci95, "mcnemar_p": p}


BETTER, WORSE = comparison([0.01, 0.05], 0.01), comparison([-0.05, -0.01], 0.01)


@pytest.mark.parametrize(
    ("ci95", "p", "expected"),
    [
        ([0.01, 0.05], 0.01, Verdict.BETTER),
        ([-0.05, -0.01], 0.01, Verdict.WORSE),
        ([0.0, 0.05], 0.01, Verdict.UNCLEAR),
        ([-0.01, 0.05], 0.01, Verdict.UNCLEAR),
        ([0.01, 0.05], 0.05, Verdict.UNCLEAR),
    ],
)
def test_a_difference_needs_both_an_interval_without_zero_and_a_small_p(ci95, p, expected):
    assert verdict([comparison(ci95, p)]) == expected


def test_several_seeds_must_agree():
    assert verdict([BETTER, BETTER]) == Verdict.BETTER
    assert verdict([BETTER, WORSE]) == Verdict.UNCLEAR
    assert verdict([BETTER, comparison([-0.01, 0.05], 0.2)]) == Verdict.UNCLEAR


def test_without_a_comparison_nothing_is_clear():
    assert verdict([]) == Verdict.UNCLEAR
