"""Values to any number of digits, by mpmath: constants, and formulas at test points.

Two constants are equal when their difference vanishes to far more digits than either could hide
a small term in; two formulas when they agree at NEEDED points where both are defined.
"""

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp

from ei.checker.compare.exact import Unknown
from ei.checker.compare.functions import FUNCTIONS, Undefined
from ei.checker.compare.grid import Grid
from ei.checker.compare.points import DIGITS, Env, counting, has_roots, points
from ei.checker.parse.tree import Tree, letters, parts

CLOSE = 40  # digits that must agree in it
PROOF = 1_000  # digits of a second look at constants that seem equal
MOST_PROOF = 20_000  # beyond them a value takes seconds
MAX_TERMS = 20_000
MAX_EXPONENT = 10**9  # and beyond it a value has more digits than any answer
MAX_FACTORIAL = 100_000
NEEDED = 3  # points at which both sides must be defined


def same_value(first: Tree, second: Tree) -> bool:
    """Whether two expressions are equal; raises Unknown where this cannot tell."""
    names = sorted((letters(first) | letters(second)) - {"i"})
    free = [name for name in names if not _bound_only(first, second, name)]
    if not free:
        return _same_constant(first, second)
    return _same_formula(first, second, free)


def _bound_only(first: Tree, second: Tree, name: str) -> bool:
    """Whether a letter occurs only as the variable of sums and integrals."""
    return not (_free(first, name) or _free(second, name))


def _free(tree: Tree, name: str) -> bool:
    """Whether the letter occurs free."""
    if tree[0] == "var":
        return bool(tree[1] == name)
    if tree[0] in ("sum", "prod", "int", "lim") and tree[1] == name:
        return any(_free(part, name) for part in tree[2:4] if isinstance(part, tuple))
    return any(_free(part, name) for part in tree[1:] if isinstance(part, tuple) and part)


def _same_constant(first: Tree, second: Tree) -> bool:
    """Whether two constants agree to DIGITS and then to as many as could tell them apart."""
    with mp.workdps(DIGITS):
        if not agree(evaluate(first, {}), evaluate(second, {}), CLOSE):
            return False
    digits = min(MOST_PROOF, PROOF + hidden_digits(first) + hidden_digits(second))
    with mp.workdps(digits):
        return agree(evaluate(first, {}), evaluate(second, {}), digits - DIGITS)


def hidden_digits(tree: Tree) -> int:
    """How many decimal places a term may lie below the others, by its powers and decimals.

    1 - cos(10^-25) lies twice as far down as its exponent says, hence a factor of 4.
    """
    found = 0
    for part in parts(tree):
        if part[0] == "num":
            found += 4 * len(str(part[1].denominator))
        elif part[0] == "^":
            exponents = [int(min(abs(p[1]), MOST_PROOF)) for p in parts(part[2]) if p[0] == "num"]
            bases = [len(str(p[1].numerator)) for p in parts(part[1]) if p[0] == "num"]
            found += 4 * sum(exponents) * max(bases, default=1)
    return found


def agree(a: Any, b: Any, digits: int) -> bool:
    """Whether two values, or grids of them, agree to so many digits, relative to their size."""
    if isinstance(a, Grid) or isinstance(b, Grid):
        return (
            isinstance(a, Grid)
            and isinstance(b, Grid)
            and a.agrees(b, lambda x, y: agree(x, y, digits))
        )
    if mpmath.isnan(a) or mpmath.isnan(b):
        raise Undefined("not a number")
    if mpmath.isinf(a) or mpmath.isinf(b):
        return bool(a == b)
    size = max(abs(a), abs(b))
    return bool(abs(a - b) <= size * mp.mpf(10) ** -digits) or bool(size < mp.mpf(10) ** (-digits))


def _same_formula(first: Tree, second: Tree, names: list[str]) -> bool:
    """Whether two formulas agree at enough points.

    Points of both signs first, then positive ones; where roots and logarithms leave too few, their
    principal values. Textbooks take letters under roots to be positive.
    """
    whole = counting(first) | counting(second)
    roots = has_roots(first) and has_roots(second) and not whole
    for positive, strict in ((False, True), (True, True), (True, False))[roots:]:
        found = [_agree_at(first, second, env, strict) for env in points(names, whole, positive)]
        if False in found:
            return False
        if found.count(True) >= NEEDED:
            return True
    raise Unknown("defined at too few points")


def _agree_at(first: Tree, second: Tree, env: Env, strict: bool) -> bool | None:
    """Whether two formulas agree at a point; None where one is not defined."""
    with mp.workdps(DIGITS):
        try:
            return agree(evaluate(first, env, strict), evaluate(second, env, strict), CLOSE)
        except Undefined:
            return None


def evaluate(tree: Tree, env: Env, strict: bool = False) -> Any:
    """The value as an mpf, mpc or Grid; `strict` raises Undefined where branches may differ."""
    kind = tree[0]
    if kind == "num":
        return mp.mpf(tree[1].numerator) / tree[1].denominator
    if kind == "const":
        return {"pi": mp.pi, "e": mp.e, "oo": mp.inf}[tree[1]] + 0
    if kind == "var":
        return _variable(tree[1], env)
    rule = RULES.get(kind)
    if rule is None:
        raise Unknown(kind)
    try:
        return rule(tree, env, strict)
    except ZeroDivisionError:
        raise Undefined("division by zero") from None
    except (
        ValueError,
        TypeError,
        OverflowError,
        AttributeError,
        NotImplementedError,
        mpmath.libmp.libhyper.NoConvergence,
    ) as error:
        raise Unknown(str(error)) from None


def _variable(name: str, env: Env) -> Any:
    if name in env:
        return env[name]
    if name == "i":
        return mp.mpc(0, 1)
    raise Unknown(name)


def _binary(tree: Tree, env: Env, strict: bool) -> Any:
    a, b = evaluate(tree[1], env, strict), evaluate(tree[2], env, strict)
    if tree[0] == "+":
        return a + b
    return a * b if tree[0] == "*" else a / b


def _power(tree: Tree, env: Env, strict: bool) -> Any:
    base, exponent = evaluate(tree[1], env, strict), evaluate(tree[2], env, strict)
    if isinstance(base, Grid):
        return base.power(exponent)
    if isinstance(exponent, Grid) or abs(exponent) > MAX_EXPONENT:
        raise Unknown("an exponent that is no number, or too large")
    if mpmath.isint(exponent):
        return base ** int(exponent)
    if base == 0 and mpmath.re(exponent) > 0:
        return mp.mpf(0)
    if strict and letters(tree[1]) and not _positive(base):
        raise Undefined("a root of a number that is not positive")
    if tree[2][0] == "/" and tree[2][2][0] == "num" and tree[2][2][1] % 2 and _negative(base):
        odd = tree[2][2][1]
        top = evaluate(tree[2][1], env, strict)
        return (
            -((-base) ** exponent)
            if mpmath.isint(top) and int(top) % 2 and odd
            else abs(base) ** exponent
        )
    return base**exponent


def _positive(value: Any) -> bool:
    return mpmath.im(value) == 0 and mpmath.re(value) > 0


def _negative(value: Any) -> bool:
    return mpmath.im(value) == 0 and mpmath.re(value) < 0


def _root(tree: Tree, env: Env, strict: bool) -> Any:
    value, degree = evaluate(tree[1], env, strict), evaluate(tree[2], env, strict)
    if strict and letters(tree[1]) and not _positive(value) and value != 0:
        raise Undefined("a root of a number that is not positive")
    if _negative(value) and mpmath.isint(degree) and int(degree) % 2:
        return -((-value) ** (1 / degree))  # the real cube root of -8, not the principal one
    return value ** (1 / degree)


def _negation(tree: Tree, env: Env, strict: bool) -> Any:
    return -evaluate(tree[1], env, strict)


def _factorial(tree: Tree, env: Env, strict: bool) -> Any:
    n = evaluate(tree[1], env, strict)
    if isinstance(n, Grid) or (mpmath.isint(n) and n < 0):
        raise Undefined("the factorial of a negative number")
    if abs(n) > MAX_FACTORIAL:
        raise Unknown("the factorial of a number that is too large")
    if tree[0] == "!!" and not mpmath.isint(n):
        raise Unknown("a double factorial of no integer")
    return mp.factorial(n) if tree[0] == "!" else mp.fac2(n)


def _function(tree: Tree, env: Env, strict: bool) -> Any:
    name, arguments = tree[1], [evaluate(part, env, strict) for part in tree[2:]]
    if name in ("ln", "log") and strict and letters(tree[2]) and not _positive(arguments[0]):
        raise Undefined("the logarithm of a number that is not positive")
    if name in ("f", "g", "h"):  # a function that is not known: any that no formula has
        return mp.sin(arguments[0] * 7 + ord(name)) + 2
    rule = FUNCTIONS.get(name)
    if rule is None:
        raise Unknown(name)
    return rule(*arguments)


def _series(tree: Tree, env: Env, strict: bool) -> Any:
    kind, name, low, high, body = tree
    start, end = evaluate(low, env, strict), evaluate(high, env, strict)
    if not (mpmath.isint(start) and mpmath.isint(end)) or end - start > MAX_TERMS:
        raise Unknown("an infinite sum")
    total = mp.mpf(0 if kind == "sum" else 1)
    for index in range(int(start), int(end) + 1):
        term = evaluate(body, {**env, name: mp.mpf(index)}, strict)
        total = total + term if kind == "sum" else total * term
    return total


def _grid(tree: Tree, env: Env, strict: bool) -> Any:
    """A matrix or a vector inside an expression."""
    node = tree[1]
    rows = node.items if node.kind == "matrix" and node.mark in ("[", "|") else None
    cells = [row.items for row in rows] if rows else [[item] for item in node.items]
    if node.kind not in ("matrix", "tuple") or not cells:
        raise Unknown(node.kind)
    if any(cell.tree is None for row in cells for cell in row):
        raise Unknown("a cell that is no value")
    grid = Grid([[evaluate(cell.tree, env, strict) for cell in row] for row in cells])
    return grid.determinant() if node.mark == "|" else grid


RULES: dict[str, Callable[[Tree, Env, bool], Any]] = {
    "+": _binary, "*": _binary, "/": _binary, "^": _power, "neg": _negation, "root": _root,
    "!": _factorial, "!!": _factorial, "fn": _function, "sum": _series, "prod": _series,
    "node": _grid,
}  # fmt: skip
