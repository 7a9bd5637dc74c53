r"""What stands in brackets: one value, a tuple or interval, a set, a matrix."""

from dataclasses import replace

from ei.checker.parse.node import REALS, Node, value
from ei.checker.parse.quantity import Quantities
from ei.checker.parse.tokens import Token, Unreadable
from ei.checker.parse.tree import Tree, number
from ei.checker.parse.units import LENGTHS, unit_name
from ei.checker.parse.vocabulary import words

TIMES = words("s min h day week month year")
WEIGHTS = words("oz lb g kg ton mg")
MONEY = words("dollar cent euro gbp")
ANGLES = words("degree min s")
DIMENSIONS = (LENGTHS, TIMES, WEIGHTS, MONEY, ANGLES, words("L mL gal quart pint cup"))
MATRICES = {
    "pmatrix": "[", "bmatrix": "[", "matrix": "[", "smallmatrix": "[", "array": "[",
    "Bmatrix": "[", "vmatrix": "|", "Vmatrix": "|", "cases": "cases", "dcases": "cases",
    "rcases": "cases",
}  # fmt: skip
NUMBER_SETS = {"R": REALS}


class Brackets(Quantities):
    """Reads groups, sets and matrices."""

    def listing(self) -> Node:
        """A list of relations; the class that knows them reads it."""
        raise NotImplementedError

    def group(self) -> Tree:
        """What stands between brackets: an expression, or a node of another shape."""
        opening = self.take()
        outer, self.bars_open = self.bars_open, False
        self.enter()
        found = {
            "{": self.braces, r"\{": self.set, "floor": self.rounded, "ceil": self.rounded,
            "<": self.tuple, "|": self.rounded,
        }.get(opening.text, self.tuple)(opening)  # fmt: skip
        self.leave()
        self.bars_open = outer
        return found

    def braces(self, opening: Token) -> Tree:
        """A LaTeX group; empty before `_9C_4`; with `\\choose` in it a binomial."""
        if self.text() == "}":
            self.take()
            if self.text() in ("_", "^") and self.kind(1) in ("num", "letter", "open"):
                return self.subscripted_choice()
            raise Unreadable("an empty group")
        node = self.listing()
        if self.text() == "choose":
            self.take("operator")
            below = self.sum()
            self.close(opening)
            if node.tree is None:
                raise Unreadable("a binomial of no number")
            return ("fn", "binom", node.tree, below)
        self.close(opening)
        return _tree(_set_of(node) if node.mark == "," else node)

    def rounded(self, opening: Token) -> Tree:
        """`\\lfloor x \\rfloor`, `\\lceil x \\rceil`, `\\lvert x \\rvert`."""
        found = self.sum()
        self.close(opening)
        return ("fn", {"|": "abs"}.get(opening.text, opening.text), found)

    def tuple(self, opening: Token) -> Tree:
        """A value in needless brackets, a tuple, or an interval."""
        closing = self.tokens[opening.match]
        grouped = self.peek()
        alone = self.at + 1 == opening.match and grouped.kind == "num" and "," in grouped.text
        start = self.at
        if alone:
            self.take()
            node = _parted(grouped.text, self.key(start))
        else:
            node = self.listing()
        self.close(opening)
        if node.kind == "list" and node.mark in (",", ";", "and") and not _labelled(node):
            node = replace(node, items=tuple(part for item in node.items for part in _whole(item)))
            first = "(" if opening.text in ("]", "<") else opening.text
            last = {"[": ")", "<": ")"}.get(closing.text, closing.text)
            return ("node", replace(node, kind="tuple", mark=first + last))
        return _tree(node)

    def set(self, opening: Token) -> Tree:
        r"""`\{1, 2\}`, `\{x | x > 2\}`, or the system of equations that a lone brace opens."""
        if self.text() == r"\}":
            self.take()
            return ("node", Node("none", "{}"))
        if self.builder():
            node = self.listing()
            self.close(opening)
            if node.kind not in ("interval", "except", "union", "relation", "list", "minus"):
                raise Unreadable("a set by a condition that is not known")
            return ("node", node)
        rows = any(t.text == "row" for t in self.tokens[self.at : opening.match])
        system = rows or self.kind() == "env"
        node = self.listing()
        self.close(opening)
        if system:
            return ("node", replace(node, mark="cases") if node.kind == "list" else node)
        return ("node", _set_of(node))

    def builder(self) -> bool:
        r"""Take `x |`, or `x \in \mathbb{R} :`, of a set by a condition, if it comes."""
        bar = 1
        if self.text(1) == "in" and self.text(2) in ("mathbb", "Reals"):
            bar = 3 if self.text(2) == "Reals" else 6 if self.text(3) == "{" else 4
        if self.kind() not in ("letter", "cmd") or self.text(bar) not in ("|", ":"):
            return False
        for _ in range(bar + 1):
            self.take("condition")
        return True

    def command(self) -> Tree:
        r"""`\mathbb{R}`, `\emptyset`, matrices; else what `Functions` knows."""
        if self.text() in ("mathbb", "Bbb"):
            self.take("set")
            braced = self.text() == "{"
            name = self.peek(1 if braced else 0).text
            for _ in range(3 if braced else 1):
                self.take("set")
            return ("node", NUMBER_SETS[name]) if name in NUMBER_SETS else ("var", f"set {name}")
        if self.text() == "Reals":
            self.take("set")
            return ("node", REALS)
        if self.text() == "emptyset":
            self.take("set")
            return ("node", Node("none", "{}"))
        return super().command()

    def atom(self) -> Tree:
        """An atom, or a matrix."""
        if self.kind() == "env" and self.text().startswith("begin "):
            return self.matrix()
        return super().atom()

    def starts_factor(self) -> bool:
        """Whether a factor comes, a matrix too."""
        return super().starts_factor() or (
            self.kind() == "env" and self.text().startswith("begin ")
        )

    def matrix(self) -> Tree:
        """Rows of cells; `cases` of one cell each are a system, of two a function by cases."""
        environment = self.take("matrix").text.removeprefix("begin ")
        mark = MATRICES.get(environment)
        if mark is None:
            raise Unreadable(f"the environment {environment}")
        rows: list[list[Node]] = [[]]
        while not self.text().startswith("end "):
            if self.text() == "row" or self.text() == "&":
                if self.take("matrix").text == "row":
                    rows.append([])
                continue
            rows[-1].append(self.listing_to_cell_end())
        if self.take("matrix").text != f"end {environment}":
            raise Unreadable("an environment that does not end")
        rows = [row for row in rows if row]
        if not rows:
            raise Unreadable("an empty matrix")
        relations = any(
            cell.label or cell.kind in ("chain", "relation") for row in rows for cell in row
        )
        if mark == "cases" or (relations and environment == "array"):
            return ("node", _cases(rows))
        items = tuple(Node("row", "", tuple(row)) for row in rows)
        return ("node", Node("matrix", "", items, mark=mark))

    def listing_to_cell_end(self) -> Node:
        """A cell: rows and ampersands end it."""
        outer, depth = self.end, 0
        for index in range(self.at, self.end):
            token = self.tokens[index]
            depth += (token.kind == "open") - (token.kind == "close")
            depth += (token.text[:6] == "begin ") - (token.text[:4] == "end ")
            if (depth == 0 and token.text in ("row", "&")) or depth < 0:
                self.end = index
                break
        cell = self.listing()
        if self.at < self.end and self.kind() != "env":
            raise Unreadable(f"{self.text()} is left over in a cell")
        self.end = outer
        return cell

    def same_dimension(self, word: str) -> bool:
        """Whether a unit may follow the one just read in a compound measure: feet, inches."""
        name = "degree" if word.startswith("degree") else unit_name(word)
        before = self.tokens[self.at - 1].text
        last = "degree" if before.startswith("degree") or before == "circ" else unit_name(before)
        return any(name in kind and last in kind and name != last for kind in DIMENSIONS)


def _tree(node: Node) -> Tree:
    """The node's tree where it is a plain value, else the node as a tree."""
    if node.mark == "pm" and node.tree is not None:
        return node.tree  # its sign is taken with the whole expression's
    plain = node.kind == "value" and not (node.unit or node.percent or node.label or node.mark)
    return node.tree if plain and node.tree is not None else ("node", node)


def _labelled(node: Node) -> bool:
    return any(item.label for item in node.items)


def _set_of(node: Node) -> Node:
    """A set of the items of a list, or of one value."""
    if node.kind == "list" and node.mark in (",", ";", "pm", "and"):
        items = tuple(part for item in node.items for part in _whole(item))
        return replace(node, kind="set", mark="", items=items)
    return Node("set", node.key, (node,)) if not node.label else node


def _whole(item: Node) -> tuple[Node, ...]:
    """The item; `1,234` in brackets is two values."""
    parted = item.kind == "value" and item.key.count(",") and item.key.replace(",", "").isdigit()
    return _parted(item.key, item.key).items if parted else (item,)


def _parted(text: str, key: str) -> Node:
    """`1,234` read as two values."""
    items = tuple(value(number(int(part)), part) for part in text.split(","))
    return Node("list", key, items, mark=",")


def _cases(rows: list[list[Node]]) -> Node:
    """A system of equations, or a function by cases."""
    if all(len(row) == 1 for row in rows):
        return Node("list", "", tuple(row[0] for row in rows), mark="cases")
    items = tuple(Node("row", "", tuple(row)) for row in rows)
    return Node("matrix", "", items, mark="cases")
