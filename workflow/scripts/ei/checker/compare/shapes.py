"""Whether two answers of the same or different shape are equal: True, False, or None (not decided by this rule set).

The leaves are compared by a `Leaves` object: exact arithmetic alone, or with Math-Verify behind it.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from ei.checker.answer.spelling import key
from ei.checker.compare.arithmetic import evaluate, exact
from ei.checker.compare.rational import Unknown
from ei.checker.compare.values import Leaves, either, every, values
from ei.checker.parse.node import INFINITY, MINUS_INFINITY, SUM_LABEL, Node, ambiguous, leaf

FUNCTION_LABEL = re.compile(r"^(?:y|[a-zA-Z](?:\^\{?-1\}?)?'*\([^()]*\))$")


def equal(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    """Whether the answer is the reference."""
    if ref.label and ans.label and not _labels_agree(ref, ans):
        return False
    if ref.text and key(ref.text) == key(ans.text):
        return True
    if ambiguous(ans) and ref.kind in ("list", "set", "tuple"):
        ans = _unthousand(ans)
    if "chain" in (ref.kind, ans.kind):
        return _chains(ref, ans, leaves)
    ref, ans = _as_union(ref), _as_union(ans)
    if ref.kind == ans.kind:
        return _same_kind(ref, ans, leaves)
    return _other_kind(ref, ans, leaves)


def _labels_agree(ref: Node, ans: Node) -> bool:
    first, second = key(ref.label), key(ans.label)
    if first == second or re.search(
        r"[a-z]{4,}", first + second
    ):  # a word says the same of any letter
        return True
    if (
        re.sub(r"[^a-zA-Z]", "", first) == re.sub(r"[^a-zA-Z]", "", second)
        and "_" in first
        and "_" in second
    ):
        return True
    return bool(
        FUNCTION_LABEL.match(first) and FUNCTION_LABEL.match(second) and "y" in (first, second)
    )


def _unthousand(node: Node) -> Node:
    """`1,234` read as two values."""
    return Node("list", node.text, tuple(leaf(part) for part in node.text.split(",")), mark=",")


def _same_kind(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    match ref.kind:
        case "value":
            assert ref.quantity is not None
            assert ans.quantity is not None
            return values(ref.quantity, ans.quantity, leaves)
        case "words":
            leaves.used.add("words")
            return word_key(ref.text) == word_key(ans.text)
        case "list":
            return _lists(ref, ans, leaves)
        case "set":
            return unordered(_distinct(ref.items, leaves), _distinct(ans.items, leaves), leaves)
        case "tuple" | "interval":
            return _tuples(ref, ans, leaves)
        case "union":
            return unordered(list(ref.items), list(ans.items), leaves)
        case "matrix":
            if ref.mark != ans.mark or [len(r.items) for r in ref.items] != [
                len(r.items) for r in ans.items
            ]:
                return False if ref.mark == ans.mark == "[" else leaves.texts(ref.text, ans.text)
            pairs = zip(_cells(ref), _cells(ans), strict=True)
            return every(equal(r, a, leaves) for r, a in pairs)
        case "relation":
            return _relations(ref, ans, leaves)
        case _:
            return True  # none, reals, missing: a phrase of the same meaning


def _other_kind(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    kinds = {ref.kind, ans.kind}
    if kinds == {"list", "set"}:
        return unordered(_distinct(ref.items, leaves), _distinct(ans.items, leaves), leaves)
    if kinds == {"tuple", "interval"}:
        return _tuples(ref, ans, leaves)
    if kinds == {"list", "tuple"}:
        labels = {
            item.label
            for node in (ref, ans)
            if node.kind == "list"
            for item in node.items
            if item.label
        }
        if len(ref.items) != len(ans.items) or (
            len(labels) < 2 and (ref.kind == "list" or _maybe_interval(ref))
        ):
            return False
        return every(equal(r, a, leaves) for r, a in zip(ref.items, ans.items, strict=True))
    if "set" in kinds or "list" in kinds:
        for one, other in ((ref, ans), (ans, ref)):
            if one.kind == "set" and len(one.items) == 1 and other.kind == "value":
                return equal(*((one.items[0], ans) if one is ref else (ref, one.items[0])), leaves)
    if kinds == {"interval", "relation"}:
        first, second = (_as_relation(n) if n.kind == "interval" else n for n in (ref, ans))
        return _relations(first, second, leaves)
    if kinds == {"matrix", "tuple"}:
        grid, row = (ref, ans) if ref.kind == "matrix" else (ans, ref)
        column = [r.items[0] for r in grid.items if len(r.items) == 1]
        if len(column) != len(grid.items) or len(column) != len(row.items):
            return False
        pairs = zip(column, row.items, strict=True)
        return every(equal(*((c, x) if grid is ref else (x, c)), leaves) for c, x in pairs)
    if kinds == {"reals", "tuple"} or kinds == {"reals", "interval"}:
        other = ans if ref.kind == "reals" else ref
        return _tuples(Node("tuple", "", (MINUS_INFINITY, INFINITY), mark="()"), other, leaves)
    if (
        "value" in kinds
        and kinds & {"matrix", "union", "tuple", "interval", "set"}
        and _has_operators(ref, ans)
    ):
        return leaves.texts(ref.text, ans.text)
    return False


def _has_operators(*nodes: Node) -> bool:
    """Whether a value is an expression of matrices or sets."""
    signs = r"\\begin|\\cap|\\setminus|\\backslash|\\mathbb"
    return any(n.mark == "|" or (n.kind == "value" and re.search(signs, n.text)) for n in nodes)


def _cells(matrix: Node) -> list[Node]:
    return [cell for row in matrix.items for cell in row.items]


def _as_union(node: Node) -> Node:
    """`x < 1 or x > 3`, and `x \\ne 2`, as unions of intervals."""
    if node.kind == "list" and all(item.kind == "interval" for item in node.items):
        return replace(
            node, kind="union", items=tuple(replace(item, label="") for item in node.items)
        )
    if node.kind == "except":
        point = node.items[0]
        below = Node("interval", "", (MINUS_INFINITY, point), mark="()")
        return Node("union", "", (below, Node("interval", "", (point, INFINITY), mark="()")))
    return node


def _tuples(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    if len(ref.items) != len(ans.items):
        return False
    if ref.mark != ans.mark and (len(ref.items) == 2 or "interval" in (ref.kind, ans.kind)):
        return False
    return every(equal(r, a, leaves) for r, a in zip(ref.items, ans.items, strict=True))


def _as_relation(node: Node) -> Node:
    """The inequality that an interval with one finite end was read from."""
    low, high = node.items
    if low is MINUS_INFINITY:
        return Node(
            "relation", "", (leaf(node.label), high), mark=r"\le" if node.mark[1] == "]" else "<"
        )
    if high is INFINITY:
        return Node(
            "relation", "", (low, leaf(node.label)), mark=r"\le" if node.mark[0] == "[" else "<"
        )
    signs = [r"\le" if side in "[]" else "<" for side in node.mark]
    return Node("relation", "", (low, leaf(node.label), high), mark=" ".join(signs))


def _maybe_interval(node: Node) -> bool:
    """Whether a bracketed pair may mean an interval: it has two values and the first is not known to be larger."""
    if len(node.items) != 2:
        return False
    low, high = (exact(item.quantity.value) if item.quantity else None for item in node.items)
    return low is None or high is None or low < high


def _lists(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    """Lists of the same length, in any order unless labels or the setting say otherwise."""
    if len(ref.items) != len(ans.items):
        both_sets = leaves.settings.list_order == "any"
        return (
            unordered(_distinct(ref.items, leaves), _distinct(ans.items, leaves), leaves)
            if both_sets
            else False
        )
    one_sided = any(i.label for i in ref.items) != any(i.label for i in ans.items)
    labels = {re.sub(r"[_\d{}]", "", key(i.label)) for i in (*ref.items, *ans.items) if i.label}
    if leaves.settings.list_order == "same" or (one_sided and len(labels) > 1):
        return every(equal(r, a, leaves) for r, a in zip(ref.items, ans.items, strict=True))
    return unordered(list(ref.items), list(ans.items), leaves)


def unordered(ref: list[Node], ans: list[Node], leaves: Leaves) -> bool | None:
    """Whether the answers are the references in some order; equality is transitive, so the first partner will do."""
    if len(ref) != len(ans):
        return False
    left, undecided = list(ans), False
    for item in ref:
        results = [equal(item, other, leaves) for other in left]
        if True in results:
            left.pop(results.index(True))
        elif None in results:
            undecided = True
        else:
            return False
    return None if undecided else True


def _distinct(items: Iterable[Node], leaves: Leaves) -> list[Node]:
    """The items without repeats."""
    found: list[Node] = []
    for item in items:
        if not any(equal(item, other, leaves) for other in found):
            found.append(item)
    return found


def _chains(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    """Equations: as equations where both are, else by the value on which all members agree."""
    first, second = _sides(ref), _sides(ans)
    if (
        first
        and second
        and (not ref.label or not ans.label)
        and _letters("".join(first))
        and _letters("".join(second))
    ):
        return leaves.equations(first, second)
    if _is_equation(ref):
        return False  # 2x + z = 1 is not the answer 1
    return every(
        _one_value(node, ref if node is ans else ans, leaves)
        for node in (ref, ans)
        if node.kind == "chain"
    )


def _sides(node: Node) -> tuple[str, str] | None:
    """Left and right of an equation."""
    if node.kind == "chain" and not node.label and len(node.items) == 2 and node.mark == "=":
        return node.items[0].text, node.items[1].text
    return (node.label, node.text) if node.label and node.kind == "value" else None


def _is_equation(node: Node) -> bool:
    return (
        _sides(node) is not None
        and not node.label
        and _letters(node.items[0].text + node.items[1].text)
    )


def _letters(text: str) -> bool:
    return bool(re.search(r"(?<![\\a-zA-Z])(?!e(?![a-zA-Z])|i(?![a-zA-Z]))[a-zA-Z]", text))


def _one_value(chain: Node, other: Node, leaves: Leaves) -> bool | None:
    """Whether all members of the chain agree, and the other answer is that value (or its stated rounding)."""
    members, marks = list(chain.items), chain.mark.split(" ")
    if other.kind == "chain":
        other = other.items[0]
    if SUM_LABEL.match(members[0].text) and not _letters(_bare(other)) and marks[0] == "=":
        members, marks = members[1:], marks[1:]
    start = members[0]
    exact_ones = [start] + [
        m for m, mark in zip(members[1:], marks, strict=False) if mark != r"\approx"
    ]
    rounded = [m for m, mark in zip(members[1:], marks, strict=False) if mark == r"\approx"]
    if any(_letters(_bare(m)) for m in members) and not _letters(_bare(other)):
        return False  # x + 3 = 5 says nothing of 5
    agree = every(equal(start, member, leaves) for member in exact_ones[1:])
    value = equal(other, exact_ones[-1], leaves)
    roundings = [_rounds(start, member) for member in rounded]
    for member, rounds in zip(rounded, roundings, strict=True):
        value = either(value, every((equal(other, member, leaves), rounds)))
    return False if False in roundings else every((agree, value))


def _bare(node: Node) -> str:
    """The text of a value without its unit."""
    return node.quantity.value if node.quantity else node.text


def _rounds(precise: Node, rounded: Node) -> bool | None:
    """Whether the second is the first to as many places as it has."""
    try:
        value = complex(evaluate(_bare(precise))[0])
        found = exact(_bare(rounded))
        places = len(_bare(rounded).partition(".")[2])
        return found is not None and abs(value - complex(found)) <= 0.5001 * 10**-places
    except (Unknown, OverflowError):
        return None


def _relations(ref: Node, ans: Node, leaves: Leaves) -> bool | None:
    """Inequalities in expressions: the same member by member, or, for two members, in the same proportion."""
    signs, texts = ref.mark.split(" "), [item.text for item in ref.items]
    other_signs, others = ans.mark.split(" "), [item.text for item in ans.items]
    if len(texts) == len(others) == 2:
        (low, high), strict = _directed(texts, signs[0])
        (other_low, other_high), other_strict = _directed(others, other_signs[0])
        return (
            False
            if strict != other_strict
            else leaves.equations((low, high), (other_low, other_high), True)
        )
    if signs != other_signs or len(texts) != len(others):
        return False
    return every(leaves.texts(a, b) for a, b in zip(texts, others, strict=True))


def _directed(sides: list[str], sign: str) -> tuple[tuple[str, str], str]:
    low, high = (sides[1], sides[0]) if sign in (">", r"\ge") else (sides[0], sides[1])
    return (low, high), {">": "<", r"\ge": r"\le"}.get(sign, sign)


def word_key(text: str) -> str:
    """A phrase without case, spaces, articles, punctuation and markup."""
    text = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).lower()
    text = re.sub(r"(?<![a-z])(?:an?|the)\s+(?=[a-z]{2})", "", text)
    return re.sub(r"[\s.,;:'\"{}$~]+|\\(?=[\s$])|(?<=[a-z])-(?=[a-z])", "", text)
