"""The points at which formulas are compared."""

from collections.abc import Mapping
from typing import Any

from mpmath import mp

from ei.checker.parse.tree import Tree, letters, number, parts

DIGITS = 50  # of a first look
Env = Mapping[str, Any]
POINTS = [(17, 23), (31, 13), (57, 11), (-19, 29), (-43, 17), (223, 9), (5, 7), (3, 11)]
WHOLE = (3, 4, 6, 7, 9)  # points of letters that count something


def has_roots(tree: Tree) -> bool:
    """Whether a letter stands under an even root."""
    return any(
        (part[0] == "root" and letters(part[1]) and part[2] == number(2))
        or (part[0] == "^" and part[2][0] == "/" and letters(part[1]))
        for part in parts(tree)
    )


@mp.workdps(DIGITS)
def points(names: list[str], whole: frozenset[str], positive: bool) -> list[Env]:
    """The test points: rational, or natural numbers for letters that count something."""
    if whole:
        return [{name: mp.mpf(start + 2 * i) for i, name in enumerate(names)} for start in WHOLE]
    found: list[Env] = []
    for shift in range(len(POINTS)):
        env = {}
        for i, name in enumerate(names):
            top, bottom = POINTS[(shift + 2 * i) % len(POINTS)]
            value = mp.mpf(top) / bottom + mp.mpf(i) / 7
            env[name] = abs(value) if positive else value
        found.append(env)
    return found


def counting(tree: Tree) -> frozenset[str]:
    """The letters in factorials, binomials, bounds of sums, and exponents of negative numbers."""
    found: frozenset[str] = frozenset()
    for part in parts(tree):
        if part[0] in ("!", "!!") or (
            part[0] == "fn" and part[1] in ("binom", "perm", "gcd", "lcm")
        ):
            found |= letters(part)
        elif part[0] in ("sum", "prod"):
            found |= letters(part[2]) | letters(part[3])
        elif (
            part[0] == "^" and (part[1][0] == "neg" or (part[1][0] == "num" and part[1][1] < 0))
        ) or (part[0] == "^" and part[1] == ("var", "i")):
            found |= letters(part[2])
    return found
