"""The rule by which a difference between two evaluations is reported; it stands here alone."""

from collections.abc import Sequence
from enum import IntEnum

from ei.schema import Comparison

ALPHA = 0.05


class Verdict(IntEnum):
    """What a comparison of a with b says of a."""

    BETTER = 1
    WORSE = -1
    UNCLEAR = 0  # no significant difference


def verdict(comparisons: Sequence[Comparison]) -> Verdict:
    """The verdict that all of the comparisons (one per seed) share; UNCLEAR of none.

    A single comparison is significant when its 95 % interval excludes 0 and McNemar's p is below
    ALPHA. With one response per question the two nearly always agree; with several, the interval
    weighs how far a question moved, and the test counts the questions that moved.
    """
    verdicts = {_one(comparison) for comparison in comparisons}
    return verdicts.pop() if len(verdicts) == 1 else Verdict.UNCLEAR


def _one(comparison: Comparison) -> Verdict:
    low, high = comparison["ci95"]
    if low <= 0 <= high or comparison["mcnemar_p"] >= ALPHA:
        return Verdict.UNCLEAR
    return Verdict.BETTER if low > 0 else Verdict.WORSE
