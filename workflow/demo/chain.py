"""Chains of thought: elementary results written one after the other, and the slips that can befall them."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction


def render(value: Number) -> str:
    """`17`, `-3` or `3/4`."""
    return str(Fraction(value))


class Steps:
    """A chain under construction, in which the elementary result number `slip_at` is off by `slip`.

    A later step computes with the slipped value, as a person would.
    """

    def __init__(self, slip_at: int = -1, slip: int = 0) -> None:
        self.slip_at, self.slip = slip_at, slip
        self.found = 0
        self.parts: list[str] = []

    def find(self, expression: str, value: Number) -> Number:
        """The elementary result, after the slip if it strikes here; writes `expression=value`."""
        if self.found == self.slip_at:
            slipped = value + self.slip
            # a slip never turns a sign: 0-1 in a column of digits would have no place to borrow from
            value = slipped if (slipped < 0) == (value < 0) else value - self.slip
        self.found += 1
        self.parts.append(f"{expression}={render(value)}")
        return value

    def say(self, text: str) -> None:
        """Write something that cannot slip."""
        self.parts.append(text)

    def text(self) -> str:
        return ";".join(self.parts)


@dataclass(frozen=True)
class Problem:
    """A question with its worked solution.

    `canonical` names the problem whatever its wording: questions with equal `canonical` are held out
    together. `solve(steps, misconception)` writes a chain and returns its answer; misconception 0 is
    the right method, 1 and 2 are wrong ones (a kind with one wrong method takes both for it).
    """

    question: str
    canonical: str
    solve: Callable[[Steps, int], Number]


def quotient(steps: Steps, numerator: Number, denominator: Number, name: str = "") -> Number:
    """`numerator / denominator`, in lowest terms."""
    value = Fraction(numerator) / Fraction(denominator)
    expression = f"{render(numerator)}/{render(denominator)}"
    if render(value) == expression:
        steps.say(f"{name}{expression}")
        return value
    return steps.find(f"{name}{expression}", value)


def columns_sum(steps: Steps, a: int, b: int, drop_carry: bool) -> int:
    """`a + b`, column by column from the units."""
    total, carry, place = 0, 0, 1
    while a or b:
        expression = f"{a % 10}+{b % 10}" + (f"+{carry}" if carry else "")
        column = int(steps.find(expression, a % 10 + b % 10 + carry))
        a, b = a // 10, b // 10
        total += place * (column % 10 if a or b else column)
        carry = 0 if drop_carry else column // 10
        place *= 10
    return total


def columns_difference(steps: Steps, a: int, b: int, smaller_from_larger: bool) -> int:
    """`a - b` for a >= b, column by column; the misconception takes the smaller digit from the larger."""
    total, borrow, place = 0, 0, 1
    while a or b:
        x, y = a % 10 - borrow, b % 10
        if smaller_from_larger:
            x, y = max(x, y), min(x, y)
        borrow = int(x < y)
        total += place * int(steps.find(f"{x + 10 * borrow}-{y}", x + 10 * borrow - y))
        a, b, place = a // 10, b // 10, place * 10
    return total


def product(steps: Steps, a: int, b: int, tens_as_units: bool = False) -> Number:
    """`a * b` by partial products over the digits of `a`; the misconception reads every digit as units."""
    digits = [(int(digit), place) for place, digit in enumerate(reversed(str(a))) if digit != "0"]
    parts = [digit * (1 if tens_as_units else 10**place) for digit, place in reversed(digits)]
    total = steps.find(f"{parts[0]}*{b}", parts[0] * b)
    for part in parts[1:]:
        partial = steps.find(f"{part}*{b}", part * b)
        total = steps.find(f"{render(total)}+{render(partial)}", total + partial)
    return total
