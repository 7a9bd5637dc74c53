"""Numbers and lists as a reader says them; each docstring shows what comes back."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from ei.analysis.verdict import Verdict, verdict
from ei.schema import Comparison


def percent(share: float) -> str:
    """`68.8 %`"""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """`+2.5`: a difference of shares in percentage points, without its unit; never -0.0."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def interval(ci95: Sequence[float]) -> str:
    """`-5.8 to +0.6`: the interval of a difference, in percentage points."""
    return f"{points(ci95[0])} to {points(ci95[1])}"


def with_interval(share: float, ci95: Sequence[float]) -> str:
    """`68.8 % [64.6, 72.7]`"""
    low, high = ci95
    return f"{percent(share)} [{100 * low:.1f}, {100 * high:.1f}]"


def figures(comparisons: Sequence[Comparison]) -> str:
    """`+4.0 points, 95 % interval +1.0 to +7.0`; with McNemar's p where the verdict is unclear.

    Of several seeds: the mean, the range, and the interval of the first.
    """
    first, differences = comparisons[0], [comparison["difference"] for comparison in comparisons]
    precision = f"95 % interval {interval(first['ci95'])}"
    if verdict([first]) == Verdict.UNCLEAR:
        precision += f", McNemar p = {first['mcnemar_p']:.2f}"
    if len(differences) == 1:
        return f"{points(differences[0])} points, {precision}"
    return (
        f"{points(fmean(differences))} points on average, from {points(min(differences))} to"
        f" {points(max(differences))}; first seed: {precision}"
    )


def mean_and_range(shares: Sequence[float]) -> str:
    """`50.0 %`; of several seeds that differ `50.0 % (48.0 % to 52.0 %)`."""
    if min(shares) == max(shares):
        return percent(shares[0])
    return f"{percent(fmean(shares))} ({percent(min(shares))} to {percent(max(shares))})"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`"""
    return _joined(words, " and ")


def clauses(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b, and c`: with a last comma, as clauses have commas of their own."""
    return _joined(parts, ", and " if len(parts) > 2 else " and ")


def _joined(words: Sequence[str], last: str) -> str:
    *first, final = words
    return f"{', '.join(first)}{last}{final}" if first else final


def named_steps(numbers: Sequence[int]) -> str:
    """`step 5`, `steps 1 to 4`, `steps 1, 2 and 5`"""
    if len(numbers) == 1:
        return f"step {numbers[0]}"
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"steps {numbers[0]} to {numbers[-1]}"
    return f"steps {listed([str(number) for number in numbers])}"


def counted(number: int, noun: str) -> str:
    """`1 step`, `5 steps`, `1,024 questions`"""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counted_range(numbers: Sequence[int], noun: str) -> str:
    """`5 steps`, or `3 to 5 steps` where the numbers differ"""
    low, high = min(numbers), max(numbers)
    return counted(high, noun) if low == high else f"{low:,} to {counted(high, noun)}"


def in_turn(value: Any) -> str:
    """A setting, or its values for one step after the other: `8`; `32, then 8`; `2e-5`."""
    values = value if isinstance(value, list | tuple) else [value]
    return ", then ".join(map(_short, values))


def _short(value: Any) -> str:
    """A setting; as a power of ten where it is small, as learning rates are."""
    if not isinstance(value, float) or not 0 < abs(value) < 1e-3:
        return str(value)
    mantissa, exponent = f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
