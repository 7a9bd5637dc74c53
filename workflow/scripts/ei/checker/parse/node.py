"""What an answer is parsed into: values, and lists, intervals, sets, equations made of them."""

from dataclasses import dataclass

from ei.checker.parse.tree import INFINITY, Tree, negative
from ei.checker.parse.units import Unit


@dataclass(frozen=True)
class Node:
    """A piece of an answer.

    `kind` is value, words, choice, list, tuple, set, interval, union, minus (set difference),
    matrix, row, relation (an inequality), chain (equalities), except (x is not 2), cases, time,
    ratio, compound (5 feet 3 inches), reals, none (no solution) or missing (does not exist).
    """

    kind: str
    key: str = ""  # its tokens without spaces: equal keys are the same answer
    items: tuple["Node", ...] = ()
    mark: str = ""  # brackets, joiner, relation signs, or the base of a numeral
    label: str = ""  # what it is said to be: x, f(x), width
    tree: Tree | None = None
    unit: Unit = ()
    percent: bool = False
    degrees: bool = False
    left: "Node | None" = None  # the left side that the label was read from
    qualifier: str = ""  # "for all x"


def value(tree: Tree, key: str = "") -> Node:
    """A value without a unit."""
    return Node("value", key, tree=tree)


INFINITE = value(INFINITY, "infty")
MINUS_INFINITE = value(negative(INFINITY), "-infty")
REALS = Node("interval", "mathbb{R}", (MINUS_INFINITE, INFINITE), mark="()")
