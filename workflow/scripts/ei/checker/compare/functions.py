"""Functions of numbers with many digits, by mpmath."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp

from ei.checker.compare.exact import Unknown


class Undefined(Unknown):
    """The expression has no value at this point, or none that is the same on every branch."""


def _rounded(rule: Callable[[Any], Any], value: Any) -> Any:
    """Floor or ceiling; what lies within rounding error of an integer is that integer."""
    nearest = mp.nint(value)
    return nearest if abs(value - nearest) < mp.mpf(10) ** (20 - mp.dps) else rule(value)


def _extreme(rule: Callable[[list[Any]], Any], values: tuple[Any, ...]) -> Any:
    if any(mpmath.im(value) for value in values):
        raise Unknown("the larger of complex numbers")
    return rule(list(values))


def _integers(rule: Callable[..., int], values: tuple[Any, ...]) -> Any:
    if not all(mpmath.isint(value) for value in values):
        raise Unknown("a divisor of no integer")
    return mp.mpf(rule(*(int(value) for value in values)))


def _logarithm(value: Any) -> Any:
    if value == 0:
        raise Undefined("the logarithm of zero")
    return mp.log(value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "cot": mp.cot, "sec": mp.sec, "csc": mp.csc,
    "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arccot": mp.acot,
    "arcsec": mp.asec, "arccsc": mp.acsc, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "coth": mp.coth, "arcsinh": mp.asinh, "arccosh": mp.acosh, "arctanh": mp.atanh,
    "ln": _logarithm, "log": _logarithm, "abs": abs, "conj": mp.conj, "re": mp.re, "im": mp.im,
    "arg": mp.arg, "sgn": mp.sign, "binom": mp.binomial,
    "cis": lambda x: mp.cos(x) + mp.mpc(0, 1) * mp.sin(x),
    "perm": lambda n, k: mp.factorial(n) / mp.factorial(n - k),
    "pow": lambda a, b: a**b,
    "floor": lambda x: _rounded(mp.floor, x), "ceil": lambda x: _rounded(mp.ceil, x),
    "max": lambda *v: _extreme(max, v), "min": lambda *v: _extreme(min, v),
    "gcd": lambda *v: _integers(math.gcd, v), "lcm": lambda *v: _integers(math.lcm, v),
}  # fmt: skip
