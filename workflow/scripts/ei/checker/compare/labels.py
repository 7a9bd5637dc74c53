"""Whether two labels may name the same, and lists of values by their names."""

import re
from dataclasses import replace

from ei.checker.parse.node import Node

FUNCTION = re.compile(r"(?:y|[a-zA-Z](?:\^-1)?'*\([^()]*\))")  # y, f(x), f^-1(x)


def labels_agree(first: str, second: str) -> bool:
    """Whether two labels may stand for the same: equal, or y and a function of x."""
    if first == second:
        return True
    if "," in first and "," in second:
        return True  # (x, y) and (a, b): how a pair is called says nothing of its order
    functions = FUNCTION.fullmatch(first) and FUNCTION.fullmatch(second)
    return bool(functions) and "y" in (first, second)


def names_of(node: Node) -> list[str]:
    """The names of a list's items, or those of a tuple with a label such as (x, y)."""
    if node.kind == "tuple" and "," in node.label:
        return [name.strip() for name in node.label.strip("()[]").split(",")]
    return [item.label for item in node.items] if node.kind == "list" else []


def by_names(ref: Node, ans: Node) -> tuple[list[Node], list[Node]] | None:
    """The items of both in the order of their names; None where neither or only one has names.

    A pair without names has those of the other, in the order of the alphabet: (2, 3) is x = 2,
    y = 3 and never y = 2, x = 3. Names in words have the order in which they stand.
    """
    if not ({ref.kind, ans.kind} <= {"list", "tuple"}):
        return None
    names = [names_of(node) for node in (ref, ans)]
    distinct = [bool(n) and all(n) and len(set(n)) == len(n) == len(node.items) for n, node in
                zip(names, (ref, ans), strict=True)]  # fmt: skip
    if not any(distinct) or len(ref.items) != len(ans.items):
        return None
    if all(distinct):
        if set(names[0]) == set(names[1]):
            return _sorted(ref, names[0]), _sorted(ans, names[1])
        return None if ref.kind == ans.kind == "tuple" else ([], [Node("words")])
    named = 0 if distinct[0] else 1
    other = (ref, ans)[1 - named]
    if other.kind != "tuple" or "," in other.label or (ref, ans)[named].kind == "tuple":
        return None
    order = _sorted((ref, ans)[named], names[named], alphabet=True)
    pair = [order, [replace(item, label="") for item in other.items]]
    return (pair[0], pair[1]) if named == 0 else (pair[1], pair[0])


def _sorted(node: Node, names: list[str], alphabet: bool = False) -> list[Node]:
    """The items in the order of their names, without them."""
    pairs = list(zip(names, node.items, strict=True))
    single = all(len(re.sub(r"_.*", "", name)) == 1 for name in names)
    if single or not alphabet:
        pairs.sort(key=lambda pair: pair[0])
    return [replace(item, label="") for _, item in pairs]
