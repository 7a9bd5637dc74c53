"""Exact rational arithmetic where it stays rational, floats where a root does not; sizes are bounded first."""

import math
import re
from fractions import Fraction

MAX_BITS = 4096  # of a power's result
MAX_DIGITS = 400  # of a numeral
Value = Fraction | complex


class Unknown(Exception):
    """The expression has something that this arithmetic does not know."""


def numeral(token: str) -> Fraction:
    """The exact value of a numeral; `0.1\\overline{36}` repeats."""
    if len(token) > MAX_DIGITS:
        raise Unknown("numeral")
    if r"\overline" not in token:
        return Fraction(token if token[0] != "." else "0" + token)
    plain, cycle = re.fullmatch(r"(\d*\.\d*)\\overline\{(\d+)\}", token).groups()  # type: ignore[union-attr]
    places = len(plain.split(".")[1])
    return Fraction(plain + "0" if plain != "." else "0") + Fraction(
        int(cycle), (10 ** len(cycle) - 1) * 10**places
    )


def mixed(whole: Value, part: Value) -> Value:
    """The mixed number."""
    if (
        not isinstance(whole, Fraction)
        or whole.denominator != 1
        or not isinstance(part, Fraction)
        or part >= 1
    ):
        raise Unknown("mixed number")
    return whole + part if whole >= 0 else whole - part


def divide(top: Value, bottom: Value) -> Value:
    """The quotient."""
    if bottom == 0:
        raise Unknown("division by zero")
    return top / bottom


def power(base: Value, exponent: Value) -> Value:
    """base ** exponent, exact where both are rational and the result is."""
    if isinstance(exponent, Fraction) and exponent.denominator != 1 and isinstance(base, Fraction):
        return power(root(base, Fraction(exponent.denominator)), Fraction(exponent.numerator))
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) > MAX_BITS or (base == 0 and exponent <= 0):
            raise Unknown("power")
        return base ** int(exponent)
    if base == 0:
        raise Unknown("power of zero")
    return complex(base) ** complex(exponent)


def root(value: Value, degree: Value) -> Value:
    """The principal root: exact of perfect powers, a float elsewhere."""
    if not isinstance(degree, Fraction) or degree.denominator != 1 or not 2 <= degree <= 64:
        raise Unknown("degree of root")
    n = int(degree)
    if isinstance(value, Fraction) and value >= 0:
        top, bottom = integer_root(value.numerator, n), integer_root(value.denominator, n)
        if top is not None and bottom is not None:
            return Fraction(top, bottom)
    if isinstance(value, Fraction) and value < 0 and n % 2:
        raise Unknown("odd root of a negative number")  # real or principal?
    return complex(value) ** (1 / n)


def integer_root(value: int, n: int) -> int | None:
    """The n-th root where it is an integer."""
    if n == 2:
        found = math.isqrt(value)
    elif value < 2**52:
        found = round(value ** (1 / n))
    else:
        return None
    return found if found**n == value else None
