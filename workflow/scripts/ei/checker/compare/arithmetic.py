r"""Exact arithmetic on small expressions: fractions, powers, roots of squares, polynomials at rational points.

A tiny recursive-descent reader of cleaned LaTeX. It computes with `Fraction` where everything is rational and with
`complex` floats where a root, pi or a function comes in. Whatever it does not know raises `Unknown`: another rule
must decide. Sizes are bounded before a power is computed, so no input can make it slow.
"""

import cmath
import hashlib
import math
import re
from collections.abc import Callable
from fractions import Fraction

from ei.checker.compare.rational import Unknown, Value, divide, mixed, numeral, power, root

MAX_DEPTH = 40
MAX_TOKENS = 400
FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    r"\sin": cmath.sin, r"\cos": cmath.cos, r"\tan": cmath.tan, r"\ln": cmath.log, r"\exp": cmath.exp,
    r"\sec": lambda x: 1 / cmath.cos(x), r"\csc": lambda x: 1 / cmath.sin(x), r"\cot": lambda x: 1 / cmath.tan(x),
    r"\arcsin": cmath.asin, r"\arccos": cmath.acos, r"\arctan": cmath.atan, r"\sinh": cmath.sinh,
    r"\cosh": cmath.cosh, r"\tanh": cmath.tanh,
}  # fmt: skip
TOKEN = re.compile(
    r"\s*(?:(?P<repeat>\d*\.\d*\\overline\{\d+\})|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<command>\\[a-zA-Z]+|\\[{}|])"
    r"|(?P<letter>[a-zA-Z](?:_(?:[a-zA-Z0-9]|\{[a-zA-Z0-9,]{1,8}\}))?'*)|(?P<sign>[-+*/^!(){}\[\]|]))"
)
GREEK = {r"\alpha", r"\beta", r"\gamma", r"\theta", r"\lambda", r"\mu", r"\phi", r"\omega", r"\rho", r"\sigma",
         r"\delta", r"\epsilon", r"\tau", r"\psi", r"\eta", r"\xi", r"\zeta", r"\kappa"}  # fmt: skip


class Reader:
    """A cursor over the tokens of an expression, and the values of its letters."""

    def __init__(self, text: str, point: int) -> None:
        self.tokens, self.at, self.depth, self.point = tokens(text), 0, 0, point
        self.letters: set[str] = set()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.next() != token:
            raise Unknown(f"no {token}")

    def whole(self) -> Value:
        value = self.sum()
        if self.at < len(self.tokens):
            raise Unknown(f"left over: {self.peek()}")
        return value

    def sum(self) -> Value:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unknown("nested too deeply")
        total = self.product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.next() == "+" else -1
            total = total + sign * self.product()
        self.depth -= 1
        return total

    def product(self) -> Value:
        total = self.signed()
        while True:
            token = self.peek()
            if token in ("*", r"\cdot", r"\times"):
                self.next()
                total = total * self.signed()
            elif token in ("/", r"\div"):
                self.next()
                total = divide(total, self.signed())
                if starts_factor(self.peek()):
                    raise Unknown("a/b c may be a/(b c)")
            elif starts_factor(token):
                total = self.beside(total)
            else:
                return total

    def beside(self, total: Value) -> Value:
        """Juxtaposition: a product, but 2 1/3 and 2\\frac{1}{3} are sums, and 2 3 is nothing."""
        before, after = self.tokens[self.at - 1], self.peek()
        if is_number(before) and is_number(after):
            numerator = self.next()
            if self.next() != "/" or not is_number(self.peek()):
                raise Unknown("two numbers side by side")
            return mixed(total, divide(Fraction(numerator), Fraction(self.next())))
        if is_number(after):
            raise Unknown("a number after a factor")
        if is_number(before) and after == r"\frac":
            start = self.at
            part = self.power()
            if re.fullmatch(r"\\frac \{ \d+ \} \{ \d+ \}", " ".join(self.tokens[start : self.at])):
                return mixed(total, part)
            return total * part
        return total * self.power()

    def signed(self) -> Value:
        sign = 1
        while self.peek() in ("+", "-"):
            sign = -sign if self.next() == "-" else sign
        if sign > 0:
            return self.power()
        value = self.power()
        while starts_factor(self.peek()):  # -1\frac{1}{2} is -(1\frac{1}{2})
            value = self.beside(value)
        return -value

    def power(self) -> Value:
        base = self.factorial()
        if self.peek() != "^":
            return base
        self.next()
        return power(base, self.argument())

    def factorial(self) -> Value:
        value = self.atom()
        while self.peek() == "!":
            self.next()
            if not isinstance(value, Fraction) or value.denominator != 1 or not 0 <= value <= 200:
                raise Unknown("factorial")
            value = Fraction(math.factorial(int(value)))
        return value

    def argument(self) -> Value:
        """What follows `^`, a function or a root: a group, or one token with its sign."""
        if self.peek() == "{":
            return self.group("{", "}")
        if self.peek() == "-":
            self.next()
            return -self.argument()
        return self.atom()

    def group(self, opening: str, closing: str) -> Value:
        self.expect(opening)
        value = self.sum()
        self.expect(closing)
        return value

    def atom(self) -> Value:
        token = self.peek()
        for opening, closing in (("(", ")"), ("{", "}"), ("[", "]")):
            if token == opening:
                return self.group(opening, closing)
        self.next()
        if is_number(token):
            return numeral(token)
        if token == r"\frac":
            return divide(self.argument(), self.argument())
        if token == r"\sqrt":
            return self.root()
        if token in FUNCTIONS:
            return self.call(token)
        if token == r"\pi":
            return complex(math.pi)
        if token in ("e", "i"):
            return complex(math.e) if token == "e" else 1j
        if token in ("f", "g", "h") and self.peek() == "(":
            raise Unknown("function")
        if token in GREEK or token[:1].isalpha():
            self.letters.add(token)
            return at_point(token, self.point)
        raise Unknown(token)

    def root(self) -> Value:
        degree = self.group("[", "]") if self.peek() == "[" else Fraction(2)
        return root(self.argument(), degree)

    def call(self, name: str) -> Value:
        exponent = Fraction(1)
        if self.peek() == "^":
            self.next()
            found = self.argument()
            if not isinstance(found, Fraction) or found < 1:
                raise Unknown("inverse function")
            exponent = found
        if self.peek() not in ("(", "{"):
            raise Unknown("argument without parentheses")
        inner = self.argument() if self.peek() == "{" else self.group("(", ")")
        if starts_factor(self.peek()) or self.peek() == "^":
            raise Unknown("argument may go on")
        return power(FUNCTIONS[name](complex(inner)), exponent)


def tokens(text: str) -> list[str]:
    """The tokens of an expression; anything unknown raises."""
    found: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None or len(found) >= MAX_TOKENS:
            raise Unknown(text[at : at + 10])
        found.append(
            re.sub(r"(?<=_)\{|\}(?='*$)", "", match[0].strip())
            if match["letter"]
            else match[0].strip()
        )
        at = match.end()
    if re.search(r"(?<![a-zA-Z\\])[a-zA-Z]{4,}", text):  # a word, not a product of four letters
        raise Unknown("word")
    return found


def is_number(token: str) -> bool:
    """Whether the token is a plain numeral."""
    return token[:1].isdigit() or token[:1] == "."


def starts_factor(token: str) -> bool:
    """Whether the token can begin a factor that stands beside another."""
    if token[:1].isalnum() or token in ("(", "{", "["):
        return True
    return (
        token in (r"\frac", r"\sqrt", r"\pi")
        or token in FUNCTIONS
        or token in GREEK
        or token[:1] == "."
    )


def at_point(letter: str, point: int) -> Fraction:
    """The rational value of a letter at test point number `point`; some points have letters of both signs."""
    digest = hashlib.sha256(f"{point}/{letter}".encode()).digest()
    size = Fraction(
        int.from_bytes(digest[:4], "big") + 2**28, 2**30 + int.from_bytes(digest[4:6], "big")
    )
    return -size if point and digest[6] & 1 else size


def evaluate(text: str, point: int = 0) -> tuple[Value, frozenset[str]]:
    """The value with every letter at its test point, and the letters; raises Unknown."""
    try:
        reader = Reader(text, point)
        value = reader.whole()
    except (OverflowError, ZeroDivisionError, RecursionError, ValueError) as error:
        raise Unknown(str(error)) from None
    if isinstance(value, complex) and not cmath.isfinite(value):
        raise Unknown("not finite")
    return value, frozenset(reader.letters)


def exact(text: str) -> Fraction | None:
    """The rational value of an expression without letters, or None."""
    try:
        value, letters = evaluate(text)
    except Unknown:
        return None
    return value if isinstance(value, Fraction) and not letters else None


def differ(a: Value, b: Value) -> bool:
    """Whether two floats are further apart than any rounding error."""
    try:
        first, second = complex(a), complex(b)
    except OverflowError:  # an exact value beyond 1e308
        return False
    return abs(first - second) > 1e-6 * max(abs(first), abs(second), 1e-6)


def same_value(first: str, second: str) -> bool | None:
    """Whether two expressions are equal; None where this arithmetic cannot tell.

    Rational values are compared exactly. With letters, equality at three rational points with 30-bit coordinates is
    taken as proof (two different polynomials of degree d agree at one with probability below d / 2**30). Floats can
    refute (relative difference above 1e-6) but never prove.
    """
    try:
        points = [(evaluate(first, 0), evaluate(second, 0))]
        if points[0][0][1] | points[0][1][1]:
            points += [(evaluate(first, point), evaluate(second, point)) for point in (1, 2)]
    except Unknown:
        return None
    for point, ((a, _), (b, _)) in enumerate(points):
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            if a != b:
                return False
        elif point == 0 and differ(a, b):
            return False  # point 0 is positive: no branch of a root or logarithm is crossed
    floats = any(isinstance(v, complex) for a, b in points for v in (a[0], b[0]))
    return None if floats else True
