"""Whether two answers are equal, by the pair of their kinds."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from ei.checker.compare.chains import chains, is_equation_pair, same_equation
from ei.checker.compare.exact import Unknown, constant
from ei.checker.compare.labels import by_names, labels_agree
from ei.checker.compare.leaves import Leaves
from ei.checker.compare.reals import same_set
from ei.checker.compare.values import values
from ei.checker.parse.node import Node, value
from ei.checker.parse.tree import letters, number, parts

Rule = Callable[[Node, Node, Leaves], bool]
REAL_SETS = frozenset(("interval", "union", "minus", "cap", "except", "relation"))
GROUPED = ("list", "set", "tuple")


def equal(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Whether the answer is the reference."""
    if ref.qualifier and ans.qualifier and ref.qualifier != ans.qualifier:
        return False
    if ref.key and ref.key == ans.key and ref.label == ans.label:
        return True
    if is_equation_pair(ref, ans):
        return same_equation(ref, ans, leaves)
    named = by_names(ref, ans)
    if named is not None:
        return len(named[0]) == len(named[1]) and every(equal, *named, leaves)
    if ref.label and ans.label and not labels_agree(ref.label, ans.label):
        return False
    if ref.kind in GROUPED and ans.kind == "value" and ans.key.replace(",", "").isdigit():
        ans = _unthousand(ans)
    if "chain" in (ref.kind, ans.kind):
        return chains(ref, ans, leaves, equal)
    rule = RULES.get((ref.kind, ans.kind)) or RULES.get((ans.kind, ref.kind))
    if rule is not None:
        return rule(ref, ans, leaves)
    if _is_real_set(ref) and _is_real_set(ans) and "none" not in (ref.kind, ans.kind):
        return real_sets(ref, ans, leaves)
    return expressions(ref, ans, leaves)


def every(rule: Rule, ref: Iterable[Node], ans: Iterable[Node], leaves: Leaves) -> bool:
    """Whether the rule holds of all pairs; both have the same length."""
    return all(rule(r, a, leaves) for r, a in zip(ref, ans, strict=True))


def _unthousand(node: Node) -> Node:
    """`1,234` read as two values."""
    if "," not in node.key:
        return node
    items = tuple(value(number(int(part)), part) for part in node.key.split(","))
    return Node("list", node.key, items, mark=",")


def _is_real_set(node: Node) -> bool:
    if node.kind in ("list", "tuple"):
        conditions = {item.kind for item in node.items} & {"interval", "relation", "except"}
        return (len(node.items) == 2 and node.kind == "tuple") or bool(conditions)
    return node.kind in REAL_SETS or node.kind in ("set", "none")


def real_sets(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Whether two sets of reals are the same; piece by piece where ends are letters."""
    try:
        return same_set(ref, ans, leaves)
    except Unknown:
        if ref.kind == ans.kind and ref.mark == ans.mark:
            return unordered(list(ref.items), list(ans.items), leaves)
        if {ref.kind, ans.kind} == {"interval", "tuple"}:
            return tuples(ref, ans, leaves)
        leaves.used.add("undecided")
        return False


def lists(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Lists in any order, unless labels or the setting say otherwise."""
    conditions = {i.kind for i in (*ref.items, *ans.items)} & {"interval", "relation", "except"}
    if conditions and _is_real_set(ref) and _is_real_set(ans):
        labels = {item.label for item in (*ref.items, *ans.items)}
        if len(labels) == 1:
            return real_sets(ref, ans, leaves)
    if len(ref.items) != len(ans.items):
        if leaves.settings.list_order != "any":
            return False
        return sets(ref, ans, leaves)
    one_sided = any(i.label for i in ref.items) != any(i.label for i in ans.items)
    names = {item.label.rstrip("0123456789_{}") for item in (*ref.items, *ans.items) if item.label}
    if leaves.settings.list_order == "same" or (one_sided and len(names) > 1):
        return every(equal, ref.items, ans.items, leaves)
    return unordered(list(ref.items), list(ans.items), leaves)


def unordered(ref: list[Node], ans: list[Node], leaves: Leaves) -> bool:
    """Whether the answers are the references in some order; equality is transitive."""
    if len(ref) != len(ans):
        return False
    left = list(ans)
    for item in ref:
        partner = next((i for i, other in enumerate(left) if equal(item, other, leaves)), None)
        if partner is None:
            return False
        left.pop(partner)
    return True


def sets(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Whether two sets, or lists read as sets, have the same members."""
    return unordered(distinct(ref.items, leaves), distinct(ans.items, leaves), leaves)


def distinct(items: Iterable[Node], leaves: Leaves) -> list[Node]:
    """The items without repeats."""
    found: list[Node] = []
    for item in items:
        if not any(equal(item, other, leaves) for other in found):
            found.append(item)
    return found


def tuples(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Tuples member by member; the brackets of a pair may be those of an interval."""
    if len(ref.items) != len(ans.items):
        return False
    if ref.mark != ans.mark and (len(ref.items) == 2 or "interval" in (ref.kind, ans.kind)):
        return False
    return every(equal, ref.items, ans.items, leaves)


def list_and_tuple(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """`1, 2` for `(1, 2)` only where the brackets cannot mean an interval."""
    if _is_real_set(ref) and _is_real_set(ans) and _has_conditions(ref, ans):
        return real_sets(ref, ans, leaves)
    if len(ref.items) != len(ans.items) or ref.kind == "list" or _maybe_interval(ref):
        return False
    return every(equal, ref.items, ans.items, leaves)


def _has_conditions(*nodes: Node) -> bool:
    return any(item.kind in REAL_SETS for node in nodes for item in node.items)


def _maybe_interval(node: Node) -> bool:
    """Whether a bracketed pair may mean an interval: its first value is not known to be larger."""
    if len(node.items) != 2:
        return False
    low, high = (constant(item.tree) if item.tree else None for item in node.items)
    return low is None or high is None or low < high


def value_and_set(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """A set of one value is that value."""
    if ref.kind == "set":
        return (
            len(ref.items) == 1
            and ref.items[0].kind == "value"
            and equal(ref.items[0], ans, leaves)
        )
    return len(ans.items) == 1 and ans.items[0].kind == "value" and equal(ref, ans.items[0], leaves)


def value_and_list(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """One value in several forms, `4/5 or 0.8`, is that value; a list of different ones is none."""
    if ref.kind != "value" or ans.mark not in ("or", "boxes") or any(i.label for i in ans.items):
        return False
    first = next((i for i in ans.items if equal(ref, i, leaves)), None)
    return first is not None and all(
        equal(ref, item, leaves) or (item.mark == "rounded" and _rounds(first, item))
        for item in ans.items
    )


def _rounds(precise: Node, rounded: Node) -> bool:
    from ei.checker.compare.chains import rounds

    return rounds(precise, rounded)


def matrices(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Matrices cell by cell; determinants and functions by cases too."""
    if ref.mark != ans.mark or [len(r.items) for r in ref.items] != [
        len(r.items) for r in ans.items
    ]:
        return False
    return every(equal, _cells(ref), _cells(ans), leaves)


def _cells(matrix: Node) -> list[Node]:
    return [cell for row in matrix.items for cell in row.items]


def matrix_and_tuple(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """A column is the tuple of its entries; a row is not."""
    ref, ans = (_column(node) if node.kind == "matrix" else node for node in (ref, ans))
    return len(ref.items) == len(ans.items) and every(equal, ref.items, ans.items, leaves)


def _column(matrix: Node) -> Node:
    single = all(len(row.items) == 1 for row in matrix.items)
    return replace(matrix, items=tuple(row.items[0] for row in matrix.items) if single else ())


def relations(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Inequalities: of one letter by their solutions, else in the same proportion."""
    if any(side.tree is None for node in (ref, ans) for side in node.items):
        return ref.mark == ans.mark and len(ref.items) == len(ans.items) and every(
            equal, ref.items, ans.items, leaves
        )  # fmt: skip
    if set(ref.mark.split(" ")) | set(ans.mark.split(" ")) <= {"<", ">", "<=", ">="}:
        names = [
            frozenset[str]().union(*(letters(s.tree) for s in n.items if s.tree))
            for n in (ref, ans)
        ]
        if names[0] == names[1] and len(names[0]) == 1:
            return real_sets(ref, ans, leaves)
        if len(ref.items) == len(ans.items) == 2:
            (first, strict), (second, other) = _directed(ref), _directed(ans)
            return strict == other and leaves.same_solutions(first, second, True)
    return ref.mark == ans.mark and every(equal, ref.items, ans.items, leaves)


def _directed(node: Node):  # type: ignore[no-untyped-def]
    """The lesser and the greater side, and the sign between them."""
    low, high = (item.tree for item in node.items)
    if node.mark in (">", ">="):
        low, high = high, low
    return (low, high), node.mark.replace(">", "<")


def ratios(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Ratios as they stand: 6:8, which may be a time of day, is not 3:4; 3:4 is 3/4."""
    ref, ans = (_as_ratio(node) for node in (ref, ans))
    return len(ref.items) == len(ans.items) and every(equal, ref.items, ans.items, leaves)


def _as_ratio(node: Node) -> Node:
    if node.kind == "value" and node.tree is not None and node.tree[0] == "/":
        return Node("ratio", "", tuple(value(part) for part in node.tree[1:]))
    return node if node.kind == "ratio" else Node("ratio")


def compounds(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """5 feet 3 inches, measure by measure."""
    return len(ref.items) == len(ans.items) and every(equal, ref.items, ans.items, leaves)


def same_mark(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Times of day, and phrases of the same meaning."""
    return ref.mark == ans.mark


def never(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Kinds that never mean the same."""
    return False


def expressions(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """A value that is an expression of matrices or vectors, against one of them."""
    if {ref.kind, ans.kind} & {"matrix", "tuple"} and "value" in (ref.kind, ans.kind):
        if any(_marked_as_value(node) for node in (ref, ans)):
            return False
        trees = [node.tree if node.tree is not None else ("node", node) for node in (ref, ans)]
        plain = next(node for node in (ref, ans) if node.kind == "value")
        determinant = any(node.kind == "matrix" and node.mark == "|" for node in (ref, ans))
        if not determinant and plain.tree and all(p[0] != "node" for p in parts(plain.tree)):
            return False
        return leaves.same(trees[0], trees[1])
    return False


def _marked_as_value(node: Node) -> bool:
    return node.kind == "value" and bool(node.unit or node.percent or node.mark)


RULES: dict[tuple[str, str], Rule] = {
    ("value", "value"): values, ("list", "list"): lists, ("set", "set"): sets,
    ("list", "set"): sets, ("tuple", "tuple"): tuples, ("list", "tuple"): list_and_tuple,
    ("value", "set"): value_and_set, ("value", "list"): value_and_list,
    ("matrix", "matrix"): matrices, ("matrix", "tuple"): matrix_and_tuple,
    ("relation", "relation"): relations, ("ratio", "ratio"): ratios, ("ratio", "value"): ratios,
    ("compound", "compound"): compounds, ("time", "time"): same_mark, ("none", "none"): same_mark,
    ("missing", "missing"): same_mark, ("none", "set"): never, ("set", "tuple"): never,
    ("none", "value"): never, ("row", "row"): tuples,
}  # fmt: skip
