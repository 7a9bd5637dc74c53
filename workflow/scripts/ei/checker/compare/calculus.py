"""What needs algebra: infinite sums, integrals, limits, equations, and inequalities to solve.

Imported by workers when it is first needed: sympy takes half a second and 100 MB.
"""

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ParamSpec, TypeVar

import sympy
from sympy import S

from ei.checker.compare.exact import Unknown
from ei.checker.parse.tree import INFINITY, E, Tree, letters, negative, number

P = ParamSpec("P")
T = TypeVar("T")

DIGITS = 50
CLOSE = sympy.Float("1e-40", DIGITS)  # relative difference below which two values are the same
POINTS = [sympy.Rational(a, b) for a, b in ((17, 23), (31, 13), (57, 11), (-19, 29), (223, 9))]
WHOLE = [sympy.Integer(n) for n in (3, 4, 6, 7, 9)]
NEEDED = 3


def asking_sympy(ask: Callable[P, T]) -> Callable[P, T]:
    """The same function, with Unknown for whatever sympy raises.

    On some expressions that is an error of its own: of a sum that diverges, of a comparison with
    nan, of a None where it expects a polynomial.
    """

    @functools.wraps(ask)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return ask(*args, **kwargs)
        except (Unknown, MemoryError, RecursionError):
            raise
        except Exception as error:
            raise Unknown(f"{type(error).__name__} of sympy's") from error

    return asked


@asking_sympy
def same_by_algebra(first: Tree, second: Tree) -> bool:
    """Whether two expressions with sums, integrals or limits in them are equal."""
    a, b = (algebraic(tree) for tree in (first, second))
    a, b = a.doit(), b.doit()
    if a.has(sympy.nan, sympy.zoo) or b.has(sympy.nan, sympy.zoo):
        raise Unknown("no value")
    if a == b:
        return True
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    if not symbols:
        return close(a, b)
    found = []
    for shift in range(len(POINTS)):
        at = {
            s: (WHOLE if s.is_integer else POINTS)[(shift + i) % 5] + i
            for i, s in enumerate(symbols)
        }
        same = _close_at(a.subs(at), b.subs(at))
        if same is False:
            return False
        found.append(same)
    if found.count(True) < NEEDED:
        raise Unknown("defined at too few points")
    return True


def _close_at(a: Any, b: Any) -> bool | None:
    try:
        return close(a, b)
    except Unknown:
        return None


@asking_sympy
def close(a: Any, b: Any) -> bool:
    """Whether two numbers agree to 40 digits; raises Unknown where one is no number."""
    a, b = a.evalf(DIGITS), b.evalf(DIGITS)
    if not (a.is_number and b.is_number) or a.has(sympy.nan, sympy.zoo, sympy.Integral, sympy.Sum):
        raise Unknown("no number")
    if a.is_infinite or b.is_infinite:
        return bool(a == b)
    size = max(abs(a), abs(b))
    return bool(abs(sympy.N(a - b, DIGITS)) <= CLOSE * size) if size else True


@asking_sympy
def same_solutions(first: tuple[Tree, Tree], second: tuple[Tree, Tree], directed: bool) -> bool:
    """Whether two equations (or, directed, inequalities l < r) say the same.

    They do when left minus right of one is a constant multiple of the other's, over a common
    denominator; the multiple is positive where directed.
    """
    a, b = (algebraic(left) - algebraic(right) for left, right in (first, second))
    if directed:
        if not letters(first[0]) | letters(first[1]):
            return False
    else:
        a, b = (sympy.fraction(sympy.cancel(sympy.together(side.doit())))[0] for side in (a, b))
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    if not symbols or a == 0 or b == 0 or a.free_symbols != b.free_symbols:
        return False
    ratios = []
    for shift in range(len(POINTS)):
        at = {s: POINTS[(shift + 2 * i) % 5] + sympy.Rational(i, 7) for i, s in enumerate(symbols)}
        top, bottom = a.subs(at).evalf(DIGITS), b.subs(at).evalf(DIGITS)
        if top.is_finite and bottom.is_finite and top != 0 and bottom != 0:
            ratios.append(top / bottom)
    if len(ratios) < NEEDED or not all(close(ratio, ratios[0]) for ratio in ratios[1:]):
        return False
    return not directed or bool(ratios[0].is_real and ratios[0] > 0)


@asking_sympy
def solved(sides: tuple[Tree, ...], signs: list[str]) -> list[tuple[Tree, Tree, bool, bool]]:
    """The real solutions of an inequality in one letter, as (low, high, low open, high open)."""
    names = frozenset[str]().union(*(letters(side) for side in sides))
    if len(names) != 1:
        raise Unknown("an inequality in several letters")
    symbol = _symbol(next(iter(names)), False)
    found = S.Reals
    relation = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge, "!=": sympy.Ne}
    for left, right, sign in zip(sides, sides[1:], signs, strict=False):
        if sign not in relation:
            raise Unknown(sign)
        one = relation[sign](algebraic(left), algebraic(right))
        found &= sympy.solve_univariate_inequality(one, symbol, relational=False)
    pieces = found.args if isinstance(found, sympy.Union) else [found]
    intervals = []
    for piece in pieces:
        if isinstance(piece, sympy.FiniteSet):
            intervals += [(tree_of(point), tree_of(point), False, False) for point in piece]
        elif isinstance(piece, sympy.Interval):
            ends = tree_of(piece.start), tree_of(piece.end)
            intervals.append((*ends, bool(piece.left_open), bool(piece.right_open)))
        elif piece != S.EmptySet:
            raise Unknown("a set that is no interval")
    return intervals


def warm_up() -> None:
    """Use what the first real comparison would otherwise have to wait for."""
    x = sympy.Symbol("x", real=True)
    sympy.solve_univariate_inequality(x**2 < 2, x, relational=False)
    (sympy.Integral(x**2, (x, 0, 1)).doit() + sympy.Sum(1 / x**2, (x, 1, sympy.oo)).doit()).evalf(
        DIGITS
    )
    sympy.cancel(sympy.together(1 / x + x))


def _symbol(name: str, whole: bool) -> Any:
    return (
        sympy.Symbol(name, integer=True, positive=True) if whole else sympy.Symbol(name, real=True)
    )


def algebraic(tree: Tree, bound: frozenset[str] = frozenset()) -> Any:
    """The expression as a sympy object."""
    kind = tree[0]
    if kind == "num":
        return sympy.Rational(tree[1].numerator, tree[1].denominator)
    if kind == "const":
        return CONSTANTS[tree[1]]
    if kind == "var":
        if tree[1] == "i" and "i" not in bound:
            return sympy.I
        if tree[1].startswith("set "):
            raise Unknown(tree[1])
        return _symbol(tree[1], tree[1] == "n" or tree[1] in bound)
    if kind in ("sum", "prod", "int", "lim"):
        return _calculus(tree, bound)
    arguments = [algebraic(part, bound) for part in tree[1:] if isinstance(part, tuple)]
    if kind == "fn":
        if tree[1] not in FUNCTIONS:
            raise Unknown(tree[1])
        return FUNCTIONS[tree[1]](*arguments)
    if kind not in OPERATORS:
        raise Unknown(kind)
    return OPERATORS[kind](*arguments)


def tree_of(value: Any) -> Tree:
    """The expression that a number of sympy's stands for; raises Unknown."""
    if value.is_Rational:
        return number(Fraction(int(value.p), int(value.q)))
    if value in ENDS:
        return ENDS[value]
    parts = [tree_of(part) for part in value.args]
    if value.func in SIGNS:
        return (SIGNS[value.func], *parts)
    if value.func == sympy.exp:
        return ("^", E, *parts)
    if value.func not in NAMES:
        raise Unknown(f"an end with {value.func} in it")
    return ("fn", NAMES[value.func], *parts)


def _calculus(tree: Tree, bound: frozenset[str]) -> Any:
    """A sum, product, integral or limit, not yet computed."""
    kind, name, low, high, body = tree
    inner = bound | {name} if kind in ("sum", "prod") else bound
    if low is None or (high is None and kind != "lim"):
        raise Unknown("an integral without bounds")
    symbol = (
        sympy.Symbol(name, integer=True, positive=True) if name in inner else _symbol(name, False)
    )
    body = algebraic(body, inner)
    start = algebraic(low, bound)
    if kind == "lim":
        return sympy.Limit(body, symbol, start, high or "+-")
    kinds = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}
    return kinds[kind](body, (symbol, start, algebraic(high, bound)))


def _real_root(value: Any, degree: Any) -> Any:
    return (
        sympy.real_root(value, degree)
        if value.is_negative and degree % 2
        else value ** (1 / degree)
    )


OPERATORS = {
    "+": lambda a, b: a + b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "^": lambda a, b: a**b, "neg": lambda a: -a, "root": _real_root, "!": sympy.factorial,
    "!!": sympy.factorial2,
}  # fmt: skip
FUNCTIONS = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot, "sec": sympy.sec,
    "csc": sympy.csc, "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan,
    "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log,
    "log": sympy.log, "abs": sympy.Abs, "floor": sympy.floor, "ceil": sympy.ceiling,
    "binom": sympy.binomial, "max": sympy.Max, "min": sympy.Min, "conj": sympy.conjugate,
    "sgn": sympy.sign,
}  # fmt: skip
CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "oo": sympy.oo}
# The way back from sympy, for the ends of an inequality's solution.
ENDS: dict[Any, Tree] = {made: ("const", name) for name, made in CONSTANTS.items()}
ENDS[-sympy.oo] = negative(INFINITY)
SIGNS = {sympy.Add: "+", sympy.Mul: "*", sympy.Pow: "^"}
NAMES = {made: name for name, made in FUNCTIONS.items() if name != "log"}  # which is ln here
