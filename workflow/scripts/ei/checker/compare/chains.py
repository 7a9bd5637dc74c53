"""Equations and chains of equalities: as equations, or by the value on which all members agree."""

from collections.abc import Callable

from ei.checker.compare.exact import Unknown, constant
from ei.checker.compare.leaves import Leaves
from ei.checker.parse.node import Node
from ei.checker.parse.tree import Tree, letters, parts

Rule = Callable[[Node, Node, Leaves], bool]


def is_equation_pair(ref: Node, ans: Node) -> bool:
    """Whether both are equations that may say the same of their letters.

    Two values with the same label, or with labels that are functions, are compared as values.
    """
    first, second = sides_of(ref), sides_of(ans)
    if first is None or second is None:
        return False
    if ref.label and ans.label and (ref.label == ans.label or "(" in ref.label + ans.label):
        return False
    return bool(_letters(first)) and _letters(first) == _letters(second)


def same_equation(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Whether two equations have the same solutions."""
    first, second = sides_of(ref), sides_of(ans)
    assert first is not None
    assert second is not None
    return leaves.same_solutions(first, second)


def _letters(sides: tuple[Tree, Tree]) -> frozenset[str]:
    """The variables, and the unknown functions."""
    functions = frozenset(p[1] for side in sides for p in parts(side) if _is_unknown(p))
    return (letters(sides[0]) | letters(sides[1]) | functions) - {"i"}


def sides_of(node: Node) -> tuple[Tree, Tree] | None:
    """Left and right of an equation."""
    if node.kind == "chain" and not node.label and len(node.items) == 2 and node.mark == "=":
        left, right = node.items
    elif node.left is not None and node.kind == "value":
        left, right = node.left, node
    else:
        return None
    if left.tree is None or right.tree is None or right.unit or left.unit:
        return None
    return left.tree, right.tree


def chains(ref: Node, ans: Node, leaves: Leaves, equal: Rule) -> bool:
    """Whether all members of a chain agree, and the other answer is that value or its rounding."""
    if is_equation(ref):
        return False  # 2x + z = 1 is not the answer 1
    found = [
        one_value(node, ref if node is ans else ans, leaves, equal)
        for node in (ref, ans)
        if node.kind == "chain"
    ]
    return all(found)


def is_equation(node: Node) -> bool:
    """Whether a chain is one equation in letters."""
    sides = sides_of(node)
    return sides is not None and not node.label and bool(_letters(sides))


def one_value(chain: Node, other: Node, leaves: Leaves, equal: Rule) -> bool:
    """Whether the members of the chain agree with each other and with the other answer."""
    members, marks = list(chain.items), chain.mark.split(" ")
    if other.kind == "chain":
        other = other.items[0]
    if is_equation(chain) and _is_sum_of_names(members[0]) and not _has_letters(other):
        members, marks = members[1:], marks[1:]  # a + b = 5 answers 5
    if any(_has_letters(m) for m in members) and not _has_letters(other):
        return False  # x + 3 = 5 says nothing of 5
    exact = [members[0]] + [m for m, s in zip(members[1:], marks, strict=False) if s != "~="]
    rounded = [m for m, s in zip(members[1:], marks, strict=False) if s == "~="]
    if not all(equal(exact[0], member, leaves) for member in exact[1:]):
        return False
    if not all(rounds(exact[0], member) for member in rounded):
        return False
    return equal(other, exact[-1], leaves) or any(equal(other, m, leaves) for m in rounded)


def _has_letters(node: Node) -> bool:
    return node.tree is not None and bool(letters(node.tree) - {"i"})


def _is_unknown(tree: Tree) -> bool:
    """Whether the tree is an unknown function's value: f(5)."""
    return bool(tree[0] == "fn" and tree[1] in ("f", "g", "h"))


def _is_sum_of_names(node: Node) -> bool:
    """Whether a side is names with plus or minus between them: a + b."""
    stack = [node.tree]
    while stack:
        tree = stack.pop()
        if tree is None or (tree[0] not in ("+", "*", "neg", "var") and not _is_unknown(tree)):
            return False
        if tree[0] in ("+", "*", "neg"):
            stack += tree[1:]
    return True


def rounds(precise: Node, rounded: Node) -> bool:
    """Whether the second is the first to as many places as it has."""
    found = constant(rounded.tree) if rounded.tree is not None else None
    if found is None or precise.tree is None:
        return False
    from ei.checker.compare.precise import evaluate, mp

    places = len(rounded.key.partition(".")[2].rstrip("%")) if "." in rounded.key else 0
    try:
        with mp.workdps(30):
            value = evaluate(precise.tree, {})
            near = mp.mpf(found.numerator) / found.denominator
            return bool(abs(value - near) <= mp.mpf("0.5001") * mp.mpf(10) ** -places)
    except Unknown:
        return False
