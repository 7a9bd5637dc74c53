"""Sums and differences of two or three fractions."""

from collections.abc import Callable
from fractions import Fraction
from random import Random

from chain import Number, Problem, Steps, quotient, render, worded

Ratio = tuple[Number, Number]  # numerator and denominator, as written: not in lowest terms


def fraction_terms(rng: Random, level: int) -> list[tuple[int, int]]:
    """Two fractions, at level 5 three, as (numerator, denominator).

    The denominators are equal at level 1, one a multiple of the other at level 2, and any two small
    ones above; the third of level 5 repeats one of them.
    """
    b = rng.randint(3, 19) if level == 1 else rng.randint(2, 9)
    if level == 1:
        d = b
    elif level == 2:
        d = b * rng.randint(2, 4)
    else:
        d = rng.choice([d for d in range(2, 10 if level == 3 else 13) if d != b])
    denominators = [b, d] + ([rng.choice((b, d))] if level == 5 else [])
    return [
        (rng.randint(1, 2 * denominator if level < 3 else 9), denominator)
        for denominator in denominators
    ]


def common_denominator(steps: Steps, denominator: Number, q: int) -> Number:
    """`q` if it is a multiple of `denominator`, else their product, which may not be the least."""
    if (Fraction(q) / Fraction(denominator)).denominator == 1:
        return q
    return steps.find(f"{render(denominator)}*{q}", denominator * q)


def rescaled(steps: Steps, numerator: Number, factor: Number) -> Number:
    """`numerator * factor`, as a step."""
    return steps.find(f"{render(numerator)}*{render(factor)}", numerator * factor)


def add(steps: Steps, left: Ratio, sign: int, right: tuple[int, int], misconception: int) -> Ratio:
    """`left + sign * right`.

    Misconception 1 adds the denominators too, as in 1/2 + 1/3 = 2/5; misconception 2 finds a common
    denominator but leaves the numerators as they were.
    """
    numerator, denominator = left
    p, q = right
    addend: Number = p
    if misconception == 1:
        total = steps.find(f"{render(denominator)}+{q}", denominator + q)
    elif denominator == q:
        total = denominator
    else:
        total = common_denominator(steps, denominator, q)
        if misconception == 0:
            numerator = rescaled(steps, numerator, total / Fraction(denominator))
            factor = total / Fraction(q)
            addend = p if factor == 1 else rescaled(steps, p, factor)
    mark = "+" if sign > 0 else "-"
    numerator = steps.find(f"{render(numerator)}{mark}{render(addend)}", numerator + sign * addend)
    return numerator, total


def adding(signs: list[int], terms: list[tuple[int, int]]) -> Callable[[Steps, int], Number]:
    """How to add the terms from left to right, each with its sign; the first sign is +1."""

    def solve(steps: Steps, misconception: int) -> Number:
        total: Ratio = terms[0]
        for sign, term in zip(signs[1:], terms[1:], strict=True):
            total = add(steps, total, sign, term, misconception)
        return quotient(steps, *total)

    return solve


def fractions(rng: Random, level: int) -> Problem:
    """Sums and differences of fractions; misconceptions: a+c over b+d, numerators not rescaled."""
    terms = fraction_terms(rng, level)
    signs = [1] + [rng.choice((1, -1)) for _ in terms[1:]]
    marks = ["", *("+" if sign > 0 else "-" for sign in signs[1:])]
    expression = "".join(f"{mark}{p}/{q}" for mark, (p, q) in zip(marks, terms, strict=True))
    signed = sorted((sign, p, q) for sign, (p, q) in zip(signs, terms, strict=True))
    return Problem(worded(rng, expression), f"fractions {signed}", adding(signs, terms))
