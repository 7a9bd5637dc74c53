"""Whether two values are equal: their units and signs under the settings, then their numbers."""

from ei.checker.compare.exact import constant
from ei.checker.compare.leaves import Leaves
from ei.checker.parse.node import Node
from ei.checker.parse.tree import Tree, letters, number
from ei.checker.parse.units import same_unit


def values(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Whether two values are equal."""
    settings = leaves.settings
    if ref.tree is None or ans.tree is None:
        leaves.used.add("base")
        return _based(ref, ans, settings.base == "optional")
    if settings.units == "optional" and not ref.unit and not letters(ref.tree):
        ans = _short_unit(ans)
    if not same_unit(ref.unit, ans.unit, settings.units == "required"):
        leaves.used.add("units")
        return False
    if settings.units == "required" and ref.degrees != ans.degrees:
        return False
    marks = [_mark(node) for node in (ref, ans)]
    measured = [any(power for _, power in node.unit) for node in (ref, ans)]
    if marks[0] != marks[1] and all(m or u for m, u in zip(marks, measured, strict=True)):
        leaves.used.add("units")
        return False  # 20 degrees, 20 miles and 20%
    if ref.percent != ans.percent:
        return _percents(ref, ans, leaves)
    assert ans.tree is not None
    return same_number(ref.tree, ans.tree, leaves)


def _short_unit(node: Node) -> Node:
    """`20m` as a number of metres: where a number is asked for, a product with m is no answer."""
    tree = node.tree
    if (
        tree is not None
        and tree[0] == "*"
        and tree[1][0] == "num"
        and tree[2] in [("var", name) for name in "mgshL"]
    ):
        return Node("value", node.key, tree=tree[1], unit=((tree[2][1], 1),))
    return node


def _mark(node: Node) -> str:
    return "degrees" if node.degrees else "%" if node.percent else ""


def _based(ref: Node, ans: Node, optional: bool) -> bool:
    """Numerals with a base are equal as they stand; a base that one side lacks may be optional."""
    if ref.tree is None and ans.tree is None:
        return ref.mark == ans.mark
    plain, based = (ref, ans) if ref.tree is not None else (ans, ref)
    return optional and plain.key == based.mark.split(" ")[0]


def _percents(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """28% against 28 and 0.28; no sign may be added to a reference below one: 0.5% is not 0.5."""
    leaves.used.add("percent")
    setting = leaves.settings.percent
    if setting == "required":
        return False
    plain = [node.tree for node in (ref, ans) if node.tree is not None]
    first, second = (
        ("/", tree, number(100)) if node.percent else tree
        for node, tree in zip((ref, ans), plain, strict=True)
    )
    if leaves.same(first, second):
        return True
    value = constant(plain[0])
    small = ans.percent and value is not None and abs(value) < 1
    return setting == "optional" and not small and leaves.same(*plain)


def same_number(ref: Tree, ans: Tree, leaves: Leaves) -> bool:
    """Whether two expressions are equal, within the tolerance where one has been set."""
    tolerance = leaves.settings.tolerance
    if tolerance:
        a, b = constant(ref), constant(ans)
        if a is not None and b is not None and 1 not in (a.denominator * b.denominator,):
            return abs(a - b) <= tolerance * abs(a)
    return leaves.same(ref, ans)
