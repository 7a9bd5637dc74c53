"""Exact arithmetic: fractions, letters at rational points, and remainders of what is too large.

Whatever is not rational, or not known here, raises Unknown: another rule must decide. Sizes are
bounded before a power is computed.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from ei.checker.parse.tree import Tree, letters

MAX_BITS = 20_000  # of a number that is computed
MAX_TERMS = 2_000  # of a sum or product that is written out
MAX_FACTORIAL = 1_000
MAX_MODULAR_FACTORIAL = 200_000  # multiplications, about 20 ms
PRIMES = (2**61 - 1, 2**62 - 57)
Env = Mapping[str, Fraction]


class Unknown(Exception):
    """The expression has something that this arithmetic does not know."""


class TooLarge(Unknown):
    """The value is rational, and has more than MAX_BITS."""


def same_exactly(first: Tree, second: Tree) -> bool:
    """Whether two rational expressions are equal; raises Unknown where one is not rational.

    With letters, equality at three rational points with 30-bit coordinates is taken as proof (two
    different polynomials of degree d agree at one with probability below d / 2**30). Values of
    more than MAX_BITS are compared by their remainders modulo two primes of 61 bits.
    """
    names = letters(first) | letters(second)
    for point in range(3 if names else 1):
        env = {name: at_point(name, point) for name in names}
        try:
            if exact(first, env) != exact(second, env):
                return False
        except TooLarge:
            if not all(modular(first, env, p) == modular(second, env, p) for p in PRIMES):
                return False
    return True


def constant(tree: Tree) -> Fraction | None:
    """The rational value of an expression without letters, or None."""
    try:
        return exact(tree, {})
    except Unknown:
        return None


def at_point(letter: str, point: int) -> Fraction:
    """The value of a letter at test point number `point`; points 1 and 2 have both signs."""
    if letter == "i":
        raise Unknown("the imaginary unit")
    digest = hashlib.sha256(f"{point}/{letter}".encode()).digest()
    top, bottom = int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:6], "big")
    size = Fraction(top + 2**28, 2**30 + bottom)
    return -size if point and digest[6] & 1 else size


def exact(tree: Tree, env: Env) -> Fraction:
    """The value, with the letters at the values of `env`."""
    kind = tree[0]
    if kind == "num":
        return tree[1]
    if kind == "var":
        if tree[1] not in env or tree[1].startswith("set "):
            raise Unknown(tree[1])
        return env[tree[1]]
    rule = RULES.get(kind)
    if rule is None:
        raise Unknown(kind)
    return rule(tree, env)


def _sum(tree: Tree, env: Env) -> Fraction:
    return _sized(exact(tree[1], env) + exact(tree[2], env))


def _product(tree: Tree, env: Env) -> Fraction:
    return _sized(exact(tree[1], env) * exact(tree[2], env))


def _quotient(tree: Tree, env: Env) -> Fraction:
    top, bottom = exact(tree[1], env), exact(tree[2], env)
    if bottom == 0:
        raise Unknown("division by zero")
    return _sized(top / bottom)


def _negative(tree: Tree, env: Env) -> Fraction:
    return -exact(tree[1], env)


def _sized(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise TooLarge("size")
    return value


def _power(tree: Tree, env: Env) -> Fraction:
    base, exponent = exact(tree[1], env), exact(tree[2], env)
    return power(base, exponent)


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """The power, where it is rational."""
    if exponent.denominator != 1:
        return power(root(base, exponent.denominator), Fraction(exponent.numerator))
    if base == 0 and exponent <= 0:
        raise Unknown("a power of zero")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and base != 0 and bits * abs(exponent) > MAX_BITS:
        raise TooLarge("power")
    return base ** int(exponent % 2 + 2 if abs(base) == 1 else exponent)


def _root(tree: Tree, env: Env) -> Fraction:
    degree = exact(tree[2], env)
    if degree.denominator != 1 or not 2 <= degree <= 64:
        raise Unknown("the degree of a root")
    return root(exact(tree[1], env), int(degree))


def root(value: Fraction, degree: int) -> Fraction:
    """The real root, where it is rational."""
    sign = -1 if value < 0 else 1
    if sign < 0 and degree % 2 == 0:
        raise Unknown("an even root of a negative number")
    top, bottom = (_integer_root(n, degree) for n in (abs(value.numerator), value.denominator))
    return Fraction(sign * top, bottom)


def _integer_root(value: int, degree: int) -> int:
    """The root, where it is an integer."""
    if degree == 2:
        found = math.isqrt(value)
    elif value.bit_length() <= 900:
        found = round(value ** (1 / degree))
    else:
        raise Unknown("root")
    if found**degree != value:
        raise Unknown("an irrational root")
    return found


def _factorial(tree: Tree, env: Env) -> Fraction:
    n, step = natural(tree[1], env), len(tree[0])
    if n > MAX_FACTORIAL:
        raise TooLarge("factorial")
    return Fraction(math.prod(range(n, 0, -step)))


def natural(tree: Tree, env: Env) -> int:
    """The value, where it is a natural number or zero."""
    value = exact(tree, env)
    if value.denominator != 1 or value < 0:
        raise Unknown("not a natural number")
    return int(value)


def _binomial(tree: Tree, env: Env) -> Fraction:
    n, k = natural(tree[2], env), natural(tree[3], env)
    if n > MAX_FACTORIAL:
        raise TooLarge("binomial")
    return Fraction(math.comb(n, k) if tree[1] == "binom" else math.perm(n, k))


def _function(tree: Tree, env: Env) -> Fraction:
    name = tree[1]
    if name in ("binom", "perm"):
        return _binomial(tree, env)
    if name in SIMPLE:
        return Fraction(SIMPLE[name](*(exact(part, env) for part in tree[2:])))
    if name in ("gcd", "lcm"):
        values = [natural(part, env) for part in tree[2:]]
        return Fraction(math.gcd(*values) if name == "gcd" else math.lcm(*values))
    raise Unknown(name)


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


SIMPLE: dict[str, Callable[..., Fraction | int]] = {
    "abs": abs, "floor": math.floor, "ceil": math.ceil, "max": max, "min": min, "conj": Fraction,
    "sgn": _sign, "re": Fraction,
}  # fmt: skip


def _series(tree: Tree, env: Env) -> Fraction:
    kind, name, low, high, body = tree
    start, end = exact(low, env), exact(high, env)
    if start.denominator != 1 or end.denominator != 1 or end - start > MAX_TERMS:
        raise Unknown("the bounds of a sum")
    total = Fraction(0 if kind == "sum" else 1)
    for index in range(int(start), int(end) + 1):
        term = exact(body, {**env, name: Fraction(index)})
        total = _sized(total + term if kind == "sum" else total * term)
    return total


RULES: dict[str, Callable[[Tree, Env], Fraction]] = {
    "+": _sum, "*": _product, "/": _quotient, "neg": _negative, "^": _power, "root": _root,
    "!": _factorial, "!!": _factorial, "fn": _function, "sum": _series, "prod": _series,
}  # fmt: skip


def modular(tree: Tree, env: Env, prime: int) -> int:
    """The remainder of a rational value modulo a prime."""
    kind = tree[0]
    if kind in ("num", "var"):
        value = exact(tree, env)
        return value.numerator * _inverse(value.denominator, prime) % prime
    if kind in ("+", "*", "/"):
        a, b = modular(tree[1], env, prime), modular(tree[2], env, prime)
        return (a + b if kind == "+" else a * (b if kind == "*" else _inverse(b, prime))) % prime
    if kind == "neg":
        return -modular(tree[1], env, prime) % prime
    if kind == "^":
        return _modular_power(tree, env, prime)
    if kind in ("!", "!!"):
        return _modular_range(natural(tree[1], env), len(kind), prime)
    if kind == "fn" and tree[1] in ("binom", "perm"):
        n, k = natural(tree[2], env), natural(tree[3], env)
        below = _modular_range(k, 1, prime) if tree[1] == "binom" else 1
        lower = _modular_range(n - k, 1, prime) if k <= n else 0
        return _modular_range(n, 1, prime) * _inverse(below * lower, prime) % prime
    value = exact(tree, env)
    return value.numerator * _inverse(value.denominator, prime) % prime


def _modular_power(tree: Tree, env: Env, prime: int) -> int:
    base, exponent = modular(tree[1], env, prime), exact(tree[2], env)
    if exponent.denominator != 1:
        raise Unknown("an irrational power")
    if exponent < 0:
        base, exponent = _inverse(base, prime), -exponent
    return pow(base, int(exponent), prime)


def _modular_range(n: int, step: int, prime: int) -> int:
    """n (n - step) (n - 2 step) ... modulo the prime."""
    if n > MAX_MODULAR_FACTORIAL * step:
        raise Unknown("factorial")
    found = 1
    for factor in range(n, 0, -step):
        found = found * factor % prime
    return found


def _inverse(value: int, prime: int) -> int:
    if value % prime == 0:
        raise Unknown("division by zero")
    return pow(value, -1, prime)
