r"""Math-Verify behind the exact rules: its parser reads the leaves, sympy computes, its comparison judges sets.

Only `latex2sympy` reads text here: a grammar, no evaluation of code. (Math-Verify's extraction of plain expressions
is not used: it passes text to sympy's `parse_expr`, which evaluates Python.) Decimals are read as fractions, so
nothing is rounded away; Math-Verify itself calls values equal that agree to six decimals.
"""

import re
import sys
from functools import lru_cache
from typing import Any

import sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
from math_verify import verify

from ei.checker.answer.spelling import trimmed
from ei.checker.compare.arithmetic import same_value
from ei.checker.compare.values import Leaves, proportional

DIGITS = 50  # of an evaluation
CLOSE = sympy.Float("1e-40", DIGITS)  # relative difference below which two constants are the same
POINTS = [
    sympy.Rational(n, d) for n, d in ((17, 23), (31, 13), (57, 11), (-19, 29), (-43, 17), (223, 9))
]
NEEDED = 3  # points at which both sides must be defined
DECIMAL = re.compile(r"(?<![\d\\_])(\d*)\.(\d+)(?!\d*\s*\\overline)")
REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\{(\d+)\}")
MIXED = re.compile(r"(?<![\d.^_{}\\])(\d+)\s*(\\frac\{\d+\}\{\d+\})")
CAPITAL_E = re.compile(
    r"\\[a-zA-Z]+|E"
)  # the parser reads E as the base of logarithms, and cannot read E_0
BESIDE = re.compile(
    r"(?<=\d)\s*(?=\(|\\[dt]?binom|\\frac)"
)  # the parser reads 3(4) as 3 + 4, a mixed number
COMMANDS = re.compile(r"\\([a-zA-Z]+|.)")
KNOWN_NAMES = (
    "frac sqrt pi cdot times div infty sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth sech csch log"
    " ln"
    " lg exp binom dbinom tbinom choose sum prod int lim to max min gcd lcm lfloor rfloor lceil rceil floor ceil alpha"
    " beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon phi"
    " chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega begin end cap cup setminus mathbb in emptyset"
    " overline bar hat vec le ge ne det operatorname pmod mod bmod angle ell arcsec arccsc arccot cis mathcal prime"
    " backslash partial nabla pm mp circ { } | \\ "
)
KNOWN = set(KNOWN_NAMES.split())
CONFIG = ConversionConfig(lowercase_symbols=False, interpret_as_mixed_fractions=False)
sys.setrecursionlimit(3000)  # the parser needs about 30 frames for a brace


class Unparsable(Exception):
    """The text is no mathematics that the parser knows."""


class SymbolicLeaves(Leaves):
    """Leaves compared by exact arithmetic, then by Math-Verify."""

    def texts(self, first: str, second: str) -> bool | None:
        found = same_value(first, second)
        if found is not None:
            return found
        self.used.add("math-verify")
        try:
            a, b = read(first), read(second)
        except Unparsable:
            self.used.add("unparsable")
            return False
        return self.same(a, b)

    def same(self, a: Any, b: Any) -> bool:
        """Whether two sympy objects are equal."""
        if a == b and a is not sympy.nan and a is not sympy.zoo:
            return True
        if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
            return self.expressions(a, b)
        if isinstance(a, sympy.MatrixBase) or isinstance(b, sympy.MatrixBase):
            return self.matrices(a, b)
        return bool(verify(a, b, float_rounding=15, timeout_seconds=None))

    def expressions(self, a: sympy.Expr, b: sympy.Expr) -> bool:
        """Equality at test points; where too few points are in both domains, Math-Verify's."""
        at_points = agree(a, b)
        if at_points is not None:
            self.used.add("points")
            return at_points
        if a.free_symbols != b.free_symbols:
            return False
        return bool(verify(a, b, float_rounding=15, timeout_seconds=None))

    def matrices(self, a: Any, b: Any) -> bool:
        a, b = (m.doit() if hasattr(m, "doit") else m for m in (a, b))
        if (
            not isinstance(a, sympy.MatrixBase)
            or not isinstance(b, sympy.MatrixBase)
            or a.shape != b.shape
        ):
            return False
        return all(self.same(x, y) for x, y in zip(a, b, strict=True))

    def equations(
        self, first: tuple[str, str], second: tuple[str, str], directed: bool = False
    ) -> bool | None:
        found = proportional(first, second, directed)
        if found is not None:
            return found
        try:
            a, b = (read(left) - read(right) for left, right in (first, second))
        except (Unparsable, TypeError):
            self.used.add("unparsable")
            return False
        if not directed:
            a, b = (sympy.fraction(sympy.together(side.doit()))[0] for side in (a, b))
        self.used.add("points")
        return bool(constant_ratio(a, b, directed))


@lru_cache(maxsize=256)
def read(text: str) -> Any:
    """The sympy object of a cleaned expression; raises Unparsable."""
    text = REPEATING.sub(_repeating, trimmed(text))
    text = DECIMAL.sub(lambda m: rf"\frac{{{int(m[1] + m[2])}}}{{{10 ** len(m[2])}}}", text)
    text = MIXED.sub(r"(\1+\2)", text)
    text = CAPITAL_E.sub(lambda m: r"\Xi " if m[0] == "E" else m[0], text)
    text = re.sub(r"\^(\d+)", r"^{\1}", re.sub(r"_(\w)", r"_{\1}", re.sub(r"(?<!\\)%", "", text)))
    text = BESIDE.sub(r"\\cdot ", text)
    text = re.sub(
        r"\^\\circ",
        r"\\cdot \\frac{\\pi}{180}" if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)", text) else "",
        text,
    )
    checked(text)
    complex_numbers = bool(re.search(r"(?<![a-zA-Z\\])i(?![a-zA-Z])|\\(?:det|cis)", text))
    try:
        found = latex2sympy(
            text, is_real=not complex_numbers, convert_degrees=False, normalization_config=None,
            conversion_config=CONFIG,
        )  # fmt: skip
    except RecursionError:
        raise
    except (
        Exception
    ) as error:  # the grammar's listener raises bare Exception; sympy constructors anything
        raise Unparsable(type(error).__name__) from None
    if complex_numbers and hasattr(found, "subs"):
        found = found.subs({s: sympy.I for s in found.free_symbols if s.name == "i"})
    return found


def _repeating(match: re.Match[str]) -> str:
    whole, plain, cycle = match[1] or "0", match[2], match[3]
    bottom = (10 ** len(cycle) - 1) * 10 ** len(plain)
    top = int(whole + plain) * (10 ** len(cycle) - 1) + int(cycle)
    return rf"\frac{{{top}}}{{{bottom}}}"


def checked(text: str) -> None:
    """Raise Unparsable for what the parser would read wrongly rather than refuse."""
    if unknown := {name for name in COMMANDS.findall(text) if name not in KNOWN}:
        raise Unparsable(f"commands {sorted(unknown)}")
    if re.search(r"\d\s+\d(?!\d*\s*/)|[\"@#;?]|'|\d\s*\\(?:ldots|dots)", text):
        raise Unparsable(
            "two numbers side by side, or a sign that is dropped"
        )  # 2 3 would be read as 2 + 3
    bare = re.sub(r"\\[a-zA-Z]+(?:\{(?:[pbBvV]?matrix|array)\})?|_\{[^{}]*\}", " ", text)
    if re.search(r"[a-zA-Z]{5,}", bare) or re.search(r"[a-zA-Z][a-zA-Z]+\s+[a-zA-Z]{2,}", bare):
        raise Unparsable("words")
    if re.search(r"[^\x00-\x7f]", text):
        raise Unparsable("characters")


def agree(a: sympy.Expr, b: sympy.Expr) -> bool | None:
    """Whether the expressions agree at every test point where both are defined; None below NEEDED points."""
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    a, b = (side.doit().replace(_odd_root_of_negative, _real_root) for side in (a, b))
    if a == b:
        return True
    if not symbols:
        return close(a.evalf(DIGITS), b.evalf(DIGITS))
    defined = 0
    for shift in range(len(POINTS)):
        point = {
            s: POINTS[(shift + 2 * i) % len(POINTS)] + sympy.Rational(i, 7)
            for i, s in enumerate(symbols)
        }
        if _branches(a, b, point):
            continue
        same = close(_at(a, point), _at(b, point))
        if same is False:
            return False
        defined += same is True
    return True if defined >= NEEDED else None


def _odd_root_of_negative(node: sympy.Basic) -> bool:
    return bool(
        isinstance(node, sympy.Pow) and node.base.is_negative and node.exp.is_Rational
        and node.exp.q % 2 and node.exp.q > 1
    )  # fmt: skip


def _real_root(node: sympy.Pow) -> sympy.Expr:
    """The cube root of -8 is -2, not the principal complex root."""
    return sympy.Integer(-1) ** node.exp.p * (-node.base) ** node.exp


def _at(expression: sympy.Expr, point: dict[Any, Any]) -> Any:
    return expression.subs(point).evalf(DIGITS)


def _branches(a: sympy.Expr, b: sympy.Expr, point: dict[Any, Any]) -> bool:
    """Whether a root or logarithm of something not positive is met: there, equal formulas may differ."""
    for node in (a.atoms(sympy.Pow, sympy.log)) | (b.atoms(sympy.Pow, sympy.log)):
        if isinstance(node, sympy.Pow) and node.exp.is_integer:
            continue
        if node.args[0].is_number:
            continue
        value = _at(node.args[0], point)
        if not value.is_real or value <= 0:
            return True
    return False


def close(a: Any, b: Any) -> bool | None:
    """Whether two numbers agree to 40 digits; None where one is no number."""
    if a == b and a.is_number and a not in (sympy.nan, sympy.zoo):
        return True
    if (
        not (a.is_number and b.is_number)
        or a.has(sympy.nan, sympy.zoo)
        or b.has(sympy.nan, sympy.zoo)
    ):
        return None
    if a.is_infinite or b.is_infinite:
        return bool(a == b)
    try:
        difference, size = (
            abs(sympy.N(a - b, DIGITS)),
            max(abs(sympy.N(a, DIGITS)), abs(sympy.N(b, DIGITS))),
        )
        return bool(difference <= CLOSE * size) if size else True
    except TypeError:
        return None


def constant_ratio(a: Any, b: Any, directed: bool) -> bool:
    """Whether a is a constant multiple of b, of positive sign where directed."""
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    ratios = []
    for shift in range(len(POINTS)):
        point = {
            s: POINTS[(shift + 2 * i) % len(POINTS)] + sympy.Rational(i, 7)
            for i, s in enumerate(symbols)
        }
        top, bottom = _at(a, point), _at(b, point)
        if (
            top.is_number
            and bottom.is_number
            and top.is_finite
            and bottom.is_finite
            and bottom != 0
            and top != 0
        ):
            ratios.append(top / bottom)
    if len(ratios) < NEEDED or not all(close(ratio, ratios[0]) for ratio in ratios[1:]):
        return False
    return not directed or bool(ratios[0].is_real and ratios[0] > 0)
