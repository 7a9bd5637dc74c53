"""The rule by which a difference between two evaluations is reported; it stands here and nowhere else."""

from collections.abc import Sequence
from typing import Any

ALPHA = 0.05


def verdict(comparisons: Sequence[dict[str, Any]]) -> int:
    """1 if a is better in every comparison, -1 if it is worse in every one, 0 if that cannot be told.

    A comparison tells when its 95 % interval leaves out 0 and McNemar's p is below 0.05.
    """
    signs = {_sign(comparison) for comparison in comparisons}
    return signs.pop() if len(signs) == 1 else 0


def _sign(comparison: dict[str, Any]) -> int:
    low, high = comparison["ci95"]
    if low <= 0 <= high or comparison["mcnemar_p"] >= ALPHA:
        return 0
    return 1 if low > 0 else -1
