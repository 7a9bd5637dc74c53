"""Numbers as a reader says them: percent with one decimal, differences with their interval, steps in a row."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from ei.analysis.verdict import verdict


def percent(share: float) -> str:
    """68.8 %"""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A signed difference of shares in percentage points, without its unit; never -0.0."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def interval(ci95: Sequence[float]) -> str:
    """-5.8 to +0.6"""
    return f"{points(ci95[0])} to {points(ci95[1])}"


def figures(comparisons: Sequence[dict[str, Any]]) -> str:
    """The difference with its interval; of several seeds the mean, the range, and the interval with the first."""
    first, differences = comparisons[0], [comparison["difference"] for comparison in comparisons]
    told = f"95 % interval {interval(first['ci95'])}"
    if verdict([first]) == 0:
        told += f", McNemar p = {first['mcnemar_p']:.2f}"
    if len(differences) == 1:
        return f"{points(differences[0])} points, {told}"
    return (
        f"{points(fmean(differences))} points on average, from {points(min(differences))} to"
        f" {points(max(differences))}; with the first seed {told}"
    )


def shares(values: Sequence[float]) -> str:
    """The share; of several seeds the mean and the range, where they differ."""
    if min(values) == max(values):
        return percent(values[0])
    return f"{percent(fmean(values))} ({percent(min(values))} to {percent(max(values))})"


def listed(words: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def steps(numbers: Sequence[int]) -> str:
    """`step 5`, `steps 1 to 4`, `steps 1, 2 and 5`"""
    if len(numbers) == 1:
        return f"step {numbers[0]}"
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"steps {numbers[0]} to {numbers[-1]}"
    return f"steps {listed([str(number) for number in numbers])}"


def counted(number: int, noun: str) -> str:
    """`1 step`, `5 steps`"""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counted_range(numbers: Sequence[int], noun: str) -> str:
    """`5 steps`, or `3 to 5 steps`"""
    low, high = min(numbers), max(numbers)
    return counted(high, noun) if low == high else f"{low:,} to {counted(high, noun)}"
