"""The values of numerals and mixed numbers."""

from fractions import Fraction

from ei.checker.parse.tokens import Unreadable
from ei.checker.parse.tree import Tree

MAX_DIGITS = 400  # of a numeral


def numeral(text: str) -> Fraction:
    r"""The exact value of `12`, `1,234.5`, `1.2e-3`, `0.1\overline{6}`, `0.\dot3` or `0.(3)`."""
    if len(text) > MAX_DIGITS:
        raise Unreadable("a numeral that is too long")
    if "\\" in text or "(" in text:
        return _repeating(text)
    try:
        return Fraction(text.replace(",", ""))
    except ValueError:
        raise Unreadable(f"{text} is no numeral") from None


def _repeating(text: str) -> Fraction:
    """A repeating decimal. With two dots, the cycle reaches from the first to the second."""
    start = min(index for index in (text.find("\\"), text.find("(")) if index >= 0)
    whole, _, plain = text[:start].partition(".")
    cycle = "".join(char for char in text[start:] if char.isdigit())
    places = len(plain)
    top = int((whole or "0") + plain) * (10 ** len(cycle) - 1) + int(cycle)
    return Fraction(top, (10 ** len(cycle) - 1) * 10**places)


def mixed_number(whole: Tree, fraction: Tree) -> Tree:
    r"""`2\frac13`; one with a fraction above 1 may be a sum or a product, so it is neither."""
    top, bottom = fraction[1][1], fraction[2][1]
    simple = (
        whole[0] == "num" and whole[1].denominator == top.denominator == bottom.denominator == 1
    )
    if not simple or whole[1] < 1 or not 0 < top < bottom:
        raise Unreadable("a number before a fraction that makes no mixed number")
    return ("+", whole, fraction)
