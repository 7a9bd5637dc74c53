"""Sets of real numbers as pieces of the line: unions, differences, conditions on one letter."""

from collections.abc import Callable
from functools import cmp_to_key
from typing import NamedTuple

from ei.checker.compare.exact import Unknown, constant
from ei.checker.compare.leaves import ALGEBRA, PRECISE, Leaves, NeedsMore
from ei.checker.parse.node import Node
from ei.checker.parse.tree import INFINITY, Tree, letters, negative, number


class Piece(NamedTuple):
    """An interval of the real line; a point has equal ends."""

    low: Tree
    high: Tree
    low_closed: bool
    high_closed: bool


class Line:
    """The order of the ends that occur, found by exact arithmetic or by many digits."""

    def __init__(self, leaves: Leaves) -> None:
        self.leaves = leaves

    def compare(self, a: Tree, b: Tree) -> int:
        """-1, 0 or 1 as a is less than, equal to or greater than b; raises Unknown."""
        if a == b:
            return 0
        infinite = [_infinite(tree) for tree in (a, b)]
        if any(infinite):
            return (infinite[0] > infinite[1]) - (infinite[0] < infinite[1])
        first, second = constant(a), constant(b)
        if first is not None and second is not None:
            return (first > second) - (first < second)
        if letters(a) or letters(b):
            raise Unknown("an end that is no number")
        if self.leaves.same(a, b):
            return 0
        if self.leaves.level < PRECISE:
            raise NeedsMore("digits")
        from ei.checker.compare.precise import evaluate, mp

        with mp.workdps(50):
            difference = evaluate(("+", a, negative(b)), {})
            if mp.im(difference):
                raise Unknown("an end that is not real")
            return 1 if difference > 0 else -1

    def union(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces in order, those that touch or overlap joined."""
        found: list[Piece] = []
        for piece in sorted(pieces, key=cmp_to_key(self._starts)):
            order = self.compare(piece.low, piece.high)
            if order > 0 or (order == 0 and not (piece.low_closed and piece.high_closed)):
                continue  # empty
            if found and self._joins(found[-1], piece):
                found[-1] = self._joined(found[-1], piece)
            else:
                found.append(piece)
        return found

    def _starts(self, a: Piece, b: Piece) -> int:
        return self.compare(a.low, b.low) or b.low_closed - a.low_closed

    def _joins(self, a: Piece, b: Piece) -> bool:
        order = self.compare(b.low, a.high)
        return order < 0 or (order == 0 and (a.high_closed or b.low_closed))

    def _joined(self, a: Piece, b: Piece) -> Piece:
        order = self.compare(a.high, b.high)
        end = a if order > 0 or (order == 0 and a.high_closed) else b
        return Piece(a.low, end.high, a.low_closed, end.high_closed)

    def complement(self, pieces: list[Piece]) -> list[Piece]:
        """The rest of the line."""
        low, closed, found = negative(INFINITY), False, list[Piece]()
        for piece in self.union(pieces):
            found.append(Piece(low, piece.low, closed, not piece.low_closed))
            low, closed = piece.high, not piece.high_closed
        found.append(Piece(low, INFINITY, closed, False))
        return [p for p in self.union(found) if not (_infinite(p.low) and p.low == p.high)]

    def intersection(self, a: list[Piece], b: list[Piece]) -> list[Piece]:
        """What lies in both."""
        return self.complement(self.complement(a) + self.complement(b))

    def same(self, a: list[Piece], b: list[Piece]) -> bool:
        """Whether the pieces are the same, both being in order."""
        return len(a) == len(b) and all(
            (p.low_closed, p.high_closed) == (q.low_closed, q.high_closed)
            and self.compare(p.low, q.low) == self.compare(p.high, q.high) == 0
            for p, q in zip(a, b, strict=True)
        )


def _infinite(tree: Tree) -> int:
    """1 and -1 for the two infinities, else 0."""
    if tree == INFINITY or (tree[:2] == ("+", number(0)) and tree[2] == INFINITY):
        return 1
    return -1 if tree == negative(INFINITY) else 0


def same_set(ref: Node, ans: Node, leaves: Leaves) -> bool:
    """Whether two sets of reals are the same; raises Unknown where one is not understood."""
    line = Line(leaves)
    return line.same(pieces_of(ref, line), pieces_of(ans, line))


def pieces_of(node: Node, line: Line) -> list[Piece]:
    """The set that a node stands for, in order."""
    rule = RULES.get(node.kind)
    if rule is None:
        raise Unknown(node.kind)
    return line.union(rule(node, line))


def _interval(node: Node, line: Line) -> list[Piece]:
    if len(node.items) != 2 or any(item.tree is None for item in node.items):
        raise Unknown("no interval")
    low, high = (item.tree for item in node.items)
    assert low is not None
    assert high is not None
    if line.compare(low, high) > 0:
        raise Unknown("a pair that is no interval")
    return [Piece(low, high, node.mark[0] == "[", node.mark[1] == "]")]


def _points(node: Node, line: Line) -> list[Piece]:
    if any(item.tree is None or item.kind != "value" for item in node.items):
        raise Unknown("a set of other things than numbers")
    return [Piece(item.tree, item.tree, True, True) for item in node.items if item.tree]


def _list(node: Node, line: Line) -> list[Piece]:
    """Conditions joined by "or" are a union, by "and" an intersection; all on the same letter."""
    labels = {item.label for item in node.items}
    if len(labels) != 1 or not all(labels) or node.mark not in ("or", "and", ","):
        raise Unknown("conditions on several letters")
    sets = [
        _points(Node("set", items=(item,)), line) if item.kind == "value" else pieces_of(item, line)
        for item in node.items
    ]
    if node.mark != "and":
        return [piece for pieces in sets for piece in pieces]
    found = sets[0]
    for pieces in sets[1:]:
        found = line.intersection(found, pieces)
    return found


def _union(node: Node, line: Line) -> list[Piece]:
    return [piece for item in node.items for piece in pieces_of(item, line)]


def _difference(node: Node, line: Line) -> list[Piece]:
    first, second = (pieces_of(item, line) for item in node.items)
    return line.intersection(first, line.complement(second))


def _intersection(node: Node, line: Line) -> list[Piece]:
    first, second = (pieces_of(item, line) for item in node.items)
    return line.intersection(first, second)


def _except(node: Node, line: Line) -> list[Piece]:
    return line.complement(_points(node, line))


def _none(node: Node, line: Line) -> list[Piece]:
    return []


def _relation(node: Node, line: Line) -> list[Piece]:
    """An inequality is solved for its letter."""
    if line.leaves.level < ALGEBRA:
        raise NeedsMore("algebra")
    from ei.checker.compare.calculus import solved

    if any(side.tree is None for side in node.items):
        raise Unknown("an inequality of no numbers")
    sides = tuple(side.tree for side in node.items if side.tree is not None)
    found = solved(sides, node.mark.split(" "))
    line.leaves.used.add("algebra")
    return [Piece(low, high, not opens, not closes) for low, high, opens, closes in found]


RULES: dict[str, Callable[[Node, Line], list[Piece]]] = {
    "interval": _interval, "tuple": _interval, "set": _points, "list": _list, "union": _union,
    "minus": _difference, "cap": _intersection, "except": _except, "none": _none,
    "relation": _relation,
}  # fmt: skip
