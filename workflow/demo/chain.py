"""Chains of thought: a sequence of elementary results, any one of which can be off by a slip."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

Number = int | Fraction


def render(value: Number) -> str:
    """The number as chains and answers write it, in lowest terms: `17`, `-3` or `3/4`."""
    return str(Fraction(value))


def worded(rng: Random, expression: str) -> str:
    """The expression as a question, in one of three wordings."""
    return rng.choice(("What is {}?", "Compute {}.", "Calculate {}.")).format(expression)


class Steps:
    """A chain under construction, in which elementary result number `slip_at` is off by `slip`.

    Results are numbered from 0; -1 means no slip. Later steps compute with the slipped value, as a
    person would.
    """

    def __init__(self, slip_at: int = -1, slip: int = 0) -> None:
        self.slip_at, self.slip = slip_at, slip
        self.found = 0
        self.written: list[str] = []

    def find(self, expression: str, value: Number) -> Number:
        """Write `expression=value` and return the value, which is off if the slip is due here."""
        if self.found == self.slip_at:
            slipped = value + self.slip
            # a slip never flips a sign: 0-1 in a column of digits would have nothing to borrow from
            value = slipped if (slipped < 0) == (value < 0) else value - self.slip
        self.found += 1
        self.written.append(f"{expression}={render(value)}")
        return value

    def say(self, text: str) -> None:
        """Write something that no slip can change, such as a fraction already in lowest terms."""
        self.written.append(text)

    def text(self) -> str:
        """The chain so far, its steps separated by semicolons."""
        return ";".join(self.written)


@dataclass(frozen=True)
class Problem:
    """A question with its worked solution.

    `canonical` identifies the problem whatever its wording: questions with equal `canonical` are
    held out together. `solve(steps, misconception)` writes a chain and returns its answer;
    misconception 0 is the correct method, 1 and 2 are wrong ones (both mean the same where a kind
    has only one).
    """

    question: str
    canonical: str
    solve: Callable[[Steps, int], Number]


def quotient(steps: Steps, numerator: Number, denominator: Number, name: str = "") -> Number:
    """Write and return `numerator / denominator` in lowest terms; reducing it can slip."""
    value = Fraction(numerator) / Fraction(denominator)
    expression = f"{render(numerator)}/{render(denominator)}"
    if render(value) == expression:
        steps.say(f"{name}{expression}")
        return value
    return steps.find(f"{name}{expression}", value)


def columns_sum(steps: Steps, a: int, b: int, drop_carry: bool) -> int:
    """`a + b`, column by column from the units; the misconception drops every carry."""
    total, carry, unit = 0, 0, 1
    while a or b:
        expression = f"{a % 10}+{b % 10}" + (f"+{carry}" if carry else "")
        column = int(steps.find(expression, a % 10 + b % 10 + carry))
        a, b = a // 10, b // 10
        total += unit * (column % 10 if a or b else column)
        carry = 0 if drop_carry else column // 10
        unit *= 10
    return total


def columns_difference(steps: Steps, a: int, b: int, smaller_from_larger: bool) -> int:
    """`a - b` for a >= b, column by column.

    The misconception subtracts the smaller digit from the larger, so that it never borrows.
    """
    total, borrow, unit = 0, 0, 1
    while a or b:
        x, y = a % 10 - borrow, b % 10
        if smaller_from_larger:
            x, y = max(x, y), min(x, y)
        borrow = int(x < y)
        total += unit * int(steps.find(f"{x + 10 * borrow}-{y}", x + 10 * borrow - y))
        a, b, unit = a // 10, b // 10, unit * 10
    return total


def product(steps: Steps, a: int, b: int, tens_as_units: bool = False) -> Number:
    """`a * b` by partial products over the digits of `a`, largest first.

    The misconception reads every digit as units: 23 * 4 becomes 2*4 + 3*4.
    """
    digits = [(int(digit), power) for power, digit in enumerate(reversed(str(a))) if digit != "0"]
    factors = [digit * (1 if tens_as_units else 10**power) for digit, power in reversed(digits)]
    total = steps.find(f"{factors[0]}*{b}", factors[0] * b)
    for factor in factors[1:]:
        partial = steps.find(f"{factor}*{b}", factor * b)
        total = steps.find(f"{render(total)}+{render(partial)}", total + partial)
    return total
