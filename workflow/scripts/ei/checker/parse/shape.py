r"""The shape of an answer: a value, a list, a tuple or interval, a set, a union, an equation.

listing  = relation (("," | ";" | "and" | "or") relation)*
relation = side (("=" | "<" | "\in" | ...) side)*
side     = member (("\cup" | "\cap" | "\setminus") member)*
"""

from dataclasses import replace

from ei.checker.parse.brackets import Brackets
from ei.checker.parse.labels import is_name, label_of, word_label
from ei.checker.parse.node import INFINITE, MINUS_INFINITE, Node
from ei.checker.parse.tokens import Token, Unreadable
from ei.checker.parse.tree import parts, signs
from ei.checker.parse.vocabulary import JOINERS

MAX_ITEMS = 100
FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
EQUAL = ("=", "~=", "equiv")
SETS = {"cup": "union", "cap": "cap", "minus": "minus"}


def parse(tokens: list[Token]) -> Node:
    """The shape of an answer whose every token is accounted for; raises Unreadable."""
    reader = Shapes(tokens)
    node = reader.listing()
    if reader.at < reader.end:
        raise Unreadable(f"{reader.text()} is left over")
    return node


class Shapes(Brackets):
    """Reads lists of relations."""

    def listing(self) -> Node:
        """One item, or a list: semicolons and rows part first, then commas, "and" and "or"."""
        start = self.at
        groups: list[list[Node]] = [[self.relation()]]
        joiners: list[list[str]] = [[]]
        while (joiner := self.joiner()) and self.kind():
            if joiner in (";", "row"):
                groups.append([self.relation()])
                joiners.append([])
            else:
                groups[-1].append(self.relation())
                joiners[-1].append(joiner)
            if sum(map(len, groups)) > MAX_ITEMS:
                raise Unreadable("too many items")
        key = self.key(start)
        if len(groups) > 1:
            lists = [_listed(g, j, "") for g, j in zip(groups, joiners, strict=True)]
            return Node("list", key, tuple(_as_tuple(node) for node in lists), mark=";")
        return _listed(groups[0], joiners[0], key)

    def joiner(self) -> str:
        """The separators that come, as one: "and" and "or" say more than a comma."""
        found = ""
        while True:
            token = self.peek()
            if token.kind == "sep":
                if found and token.text != "row":
                    raise Unreadable("two separators in a row")
                found = found or token.text
                self.take()
            elif token.text.lower() in JOINERS and token.kind in ("word", "cmd"):
                found = JOINERS[self.take("joiner").text.lower()]
            elif token.text == "(" and self.text(1) == "or":
                return self.alternative()
            else:
                return found

    def alternative(self) -> str:
        """The opening of "(or 0.8)"; its bracket closes after one relation."""
        opening = self.peek()
        closing = self.tokens[opening.match]
        self.take("joiner")
        self.take("joiner")
        closing.kind, closing.text = "stop", "closed"
        return "or"

    def at_end(self) -> bool:
        """Whether only the end of a bracket or of the answer comes."""
        return self.kind() in ("", "close", "env", "stop")

    def relation(self) -> Node:
        """A value, an equation, a chain of them, an inequality, or membership in a set."""
        start = self.at
        label = word_label(self)
        rounded = self.text() == "~="
        if rounded or (self.text() == "=" and (self.at > start or start == 0)):
            self.take()  # "= 10", and "or approximately 2.33"
        sides, signs_between, starts = [self.side()], list[str](), [start]
        if rounded and sides[0].tree is not None and self.kind() != "rel":
            return replace(sides[0], mark="rounded", key=self.key(start))
        while self.kind() == "rel":
            signs_between.append(self.take().text)
            starts.append(self.at)
            sides.append(self.side())
        if self.text() == "closed":
            self.take("bracket")
        if not signs_between:
            return replace(sides[0], label=label) if label else sides[0]
        if signs_between == ["in"]:
            name = label_of(self, starts[0], starts[1] - 1)
            return replace(sides[1], label=name or label, key=self.key(start))
        if set(signs_between) <= set(EQUAL):
            node = self.equation(sides, signs_between, starts, label)
        elif set(signs_between) <= {*FLIP, "!=", "="}:
            node = inequality(sides, signs_between)
        else:
            node = Node("relation", "", tuple(sides), mark=" ".join(signs_between))
        return replace(node, key=self.key(start))

    def equation(
        self, sides: list[Node], signs_between: list[str], starts: list[int], label: str
    ) -> Node:
        """A labelled value; further members of a chain are kept to agree with the value."""
        key = label or label_of(self, starts[0], starts[1] - 1)
        if label:
            return _chain(sides, signs_between, label)
        if key:
            left, sides, signs_between = sides[0], sides[1:], signs_between[1:]
            return replace(_chain(sides, signs_between, key), left=left)
        if len(sides) == 2 and is_name(sides[1]) and signs_between == ["="]:
            return replace(sides[0], label=sides[1].key, left=sides[1])
        return _chain(sides, signs_between, "")

    def side(self) -> Node:
        """Members with set operations between them."""
        start = self.at
        left = self.member()
        while self.text() in SETS and self.peek().kind == "op":
            kind = SETS[self.take("set operation").text]
            right = self.member()
            items = (*left.items, right) if left.kind == kind == "union" else (left, right)
            left = Node(kind, self.key(start), items)
        return left

    def member(self) -> Node:
        """A value with its unit, several of them in a row, or an answer in brackets."""
        start = self.at
        first = self.quantity()
        if first.tree is not None and first.tree[0] == "node" and not first.unit:
            return replace(first.tree[1], key=self.key(start))
        if first.tree is not None and any(part[0] == "pm" for part in parts(first.tree)):
            return _both_signs(first)
        measures = [first]
        while first.unit and self.at < self.end and self.compound_goes_on():
            measures.append(self.quantity())
        if len(measures) > 1:
            return Node("compound", self.key(start), tuple(measures))
        return first

    def compound_goes_on(self) -> bool:
        """Whether another measure follows, as in 5 feet 3 inches, and 2 hours and 30 minutes."""
        joined = 1 if self.text() == "and" else 0
        after = self.peek(joined + 1)
        if self.kind(joined) != "num" or after.kind != "word" or self.kind(joined + 1) == "":
            return False
        if not self.same_dimension(after.text):
            return False
        if joined:
            self.take("joiner")
        return True


def _chain(sides: list[Node], signs_between: list[str], label: str) -> Node:
    """The one side, or the sides that must agree."""
    if len(sides) == 1:
        return replace(sides[0], label=label)
    return Node("chain", "", tuple(sides), " ".join(signs_between), label)


def _both_signs(node: Node) -> Node:
    """Both values of `a \\pm b`."""
    assert node.tree is not None
    if sum(part[0] == "pm" for part in parts(node.tree)) > 2:
        raise Unreadable("too many plus-minus signs")
    values = tuple(
        replace(node, tree=signs(node.tree, sign), key=f"{name}({node.key})")
        for sign, name in ((1, "+"), (-1, "-"))
    )
    return Node("list", node.key, values, mark="pm", tree=node.tree)


def _listed(items: list[Node], joiners: list[str], key: str) -> Node:
    """The list of the items; both values of a plus-minus sign stand in it singly."""
    if len(items) == 1:
        return items[0]
    pairs = _labelled_pairs(items, joiners)
    if pairs is not None:
        return Node("list", key, pairs, mark=";")
    mark = "or" if "or" in joiners else "and" if "and" in joiners else ","
    flat = [x for item in items for x in (item.items if item.mark == "pm" else (item,))]
    first = flat[0].label
    if first and not any(item.label for item in flat[1:]) and first.isalpha():
        flat = [replace(item, label=first) for item in flat]  # x = 1, 2, 3
    return Node("list", key, tuple(flat), mark=mark)


def _labelled_pairs(items: list[Node], joiners: list[str]) -> tuple[Node, ...] | None:
    """The tuples of `x = 1, y = 2 or x = 3, y = 4`."""
    groups: list[list[Node]] = [[items[0]]]
    for item, joiner in zip(items[1:], joiners, strict=True):
        if joiner == ",":
            groups[-1].append(item)
        else:
            groups.append([item])
    names = [[item.label for item in group] for group in groups]
    if len(groups) < 2 or len(names[0]) < 2 or not all(names[0]) or names[1:] != names[:1] * (
        len(groups) - 1
    ):  # fmt: skip
        return None
    return tuple(Node("list", "", tuple(group), mark=",") for group in groups)


def _as_tuple(node: Node) -> Node:
    """A list between semicolons is a tuple."""
    unlabelled = node.kind == "list" and not any(item.label for item in node.items)
    return replace(node, kind="tuple", mark="()") if unlabelled else node


def inequality(sides: list[Node], between: list[str]) -> Node:
    """An interval where a name stands alone on one side, a relation elsewhere."""
    if len(sides) == 2 and between[0] in (*FLIP, "!="):
        if is_name(sides[1]) and not is_name(sides[0]):
            sides, between = sides[::-1], [FLIP.get(between[0], between[0])]
        if is_name(sides[0]):
            name, bound = sides[0].key, sides[1]
            if between[0] == "!=":
                return Node("except", "", (bound,), label=name)
            below = between[0] in ("<", "<=")
            low, high = (MINUS_INFINITE, bound) if below else (bound, INFINITE)
            return interval(low, high, between[0] == ">=", between[0] == "<=", name)
    if len(sides) == 3 and is_name(sides[1]):
        if all(sign in (">", ">=") for sign in between):
            sides, between = sides[::-1], [FLIP[sign] for sign in between[::-1]]
        if all(sign in ("<", "<=") for sign in between):
            low, high = sides[0], sides[2]
            return interval(low, high, between[0] == "<=", between[1] == "<=", sides[1].key)
    return Node("relation", "", tuple(sides), mark=" ".join(between))


def interval(low: Node, high: Node, low_closed: bool, high_closed: bool, label: str) -> Node:
    """The interval between two values."""
    mark = ("[" if low_closed else "(") + ("]" if high_closed else ")")
    return Node("interval", "", (low, high), mark=mark, label=label)
