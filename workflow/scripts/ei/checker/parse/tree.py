r"""The tree of an expression: nested tuples whose first member says what they are.

    ("num", Fraction)  ("var", "x_1")  ("const", "pi" | "e" | "i" | "oo")
    ("+", a, b, ...)  ("*", a, b, ...)  ("/", a, b)  ("^", a, b)  ("neg", a)  ("pm", a, b, sign)
    ("fn", name, a, ...)  ("root", a, n)  ("!", a)  ("!!", a)
    ("sum" | "prod", variable, low, high, body)  ("int", variable, low, high, body)
    ("lim", variable, to, direction, body)  ("grid", (row, ...))  ("node", Node)

A `grid` is a matrix or a vector; a `node` is an answer of another shape inside an expression.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

Tree = tuple[Any, ...]
ZERO: Tree = ("num", Fraction(0))
TWO: Tree = ("num", Fraction(2))
PI: Tree = ("const", "pi")
E: Tree = ("const", "e")
INFINITY: Tree = ("const", "oo")


def number(value: Fraction | int) -> Tree:
    """A number as a tree."""
    return ("num", Fraction(value))


def negative(tree: Tree) -> Tree:
    """The tree with its sign changed."""
    return number(-tree[1]) if tree[0] == "num" else ("neg", tree)


def parts(tree: Tree) -> Iterator[Tree]:
    """The tree and every tree in it."""
    stack: list[Any] = [tree]
    while stack:
        at = stack.pop()
        if isinstance(at, tuple) and at and isinstance(at[0], str):
            yield at
            stack += at[1:]
        elif isinstance(at, tuple):
            stack += at


def letters(tree: Tree) -> frozenset[str]:
    """The names of the variables, bound ones too; `i` is one where a sum or product binds it."""
    return frozenset(part[1] for part in parts(tree) if part[0] == "var")


def is_numeric(tree: Tree) -> bool:
    """Whether the tree has no variables."""
    return not letters(tree)


def signs(tree: Tree, sign: int) -> Tree:
    """The tree with `+` (sign 1) or `-` (sign -1) for each plus-minus sign."""
    if tree[0] == "pm":
        second = signs(tree[2], sign)
        return ("+", signs(tree[1], sign), second if tree[3] == sign else negative(second))
    if tree[0] in ("num", "var", "const", "node"):
        return tree
    return tuple(
        signs(part, sign) if isinstance(part, tuple) and part and isinstance(part[0], str) else part
        for part in tree
    )
