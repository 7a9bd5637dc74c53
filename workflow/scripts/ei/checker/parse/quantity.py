"""A value with what it counts: units, currency, percent and degree signs, a base, a time of day."""

from dataclasses import replace

from ei.checker.parse.measures import Measures
from ei.checker.parse.node import Node
from ei.checker.parse.numerals import GROUPS, PARTS, SCALES, scaled
from ei.checker.parse.tokens import Unreadable
from ei.checker.parse.tree import TWO, Tree, negative, number
from ei.checker.parse.units import (
    RAISED,
    normal,
)

BASES = {
    word: base
    for base, word in enumerate(
        [
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        start=2,
    )
}
LEADING = {
    "half": "1/2", "twice": "2", "double": "2", "triple": "3", "thrice": "3", "negative": "-1",
    "minus": "-1",
}  # fmt: skip


class Quantities(Measures):
    """Reads values with their units."""

    def quantity(self) -> Node:
        """A value, and all that follows it up to a separator, a relation or the end."""
        start, outer = self.at, self.degrees
        self.degrees = False
        sign = self.text() == "-" and self.kind(1) == "money"
        if sign:
            self.take()  # -$0.50
        unit = self.currency()
        if self.kind() == "num" and self.text(1) == ":" and self.kind(2) == "num":
            return self.clock_or_ratio(start)
        if (based := self.based(start)) is not None:
            return based
        tree = negative(self.measured()) if sign else self.measured()
        if self.text() == ":" and self.kind(1) in ("num", "letter", "open", "cmd"):
            return self.ratio(start, tree)
        tree, percent = self.scale(tree), False
        if self.text() == "%" or self.text() in ("percent", "percentage", "pct"):
            self.take("percent")
            percent = True
        unit += self.currency()
        if self.degrees and not percent:
            unit += self.temperature()
        unit = self.unit(tree, unit)
        degrees, self.degrees = self.degrees, outer
        if ("degree", 0) in unit or ("degree", 1) in unit:
            degrees = True
            unit = [part for part in unit if part[0] != "degree"]
        if [part[0] for part in unit] in (["am"], ["pm"]):
            return Node("time", self.key(start), mark=f"{_hour(tree)}:00{unit[0][0]}")
        return Node("value", self.key(start), (), "", "", tree, normal(unit), percent, degrees)

    def key(self, start: int) -> str:
        """The tokens since `start` as one string; figures that stand apart stay apart."""
        found = ""
        for token in self.tokens[start : self.at]:
            found += " " if found[-1:].isdigit() and token.text[:1].isdigit() else ""
            found += token.text + (" " if token.kind == "sep" else "")  # 1, 234 is not 1,234
        return found

    def measured(self) -> Tree:
        """An expression, or one said in words: "twice 7", "the square root of 49"."""
        words = self.words_ahead(4)
        for phrase, role in (
            (["square", "root", "of"], "sqrt"), (["cube", "root", "of"], "cbrt"),
            (["square", "of"], "square"), (["cube", "of"], "cube"),
            (["reciprocal", "of"], "reciprocal"), (["opposite", "of"], "minus"),
            (["absolute", "value", "of"], "abs"), (["factorial", "of"], "factorial"),
        ):  # fmt: skip
            at = 1 if words[:1] == ["the"] else 0
            if words[at : at + len(phrase)] == phrase:
                self.take_words(at + len(phrase), "function in words")
                return _said(role, self.operand())
        if words[:1] == ["the"] and len(words) > 1:
            raise Unreadable("the word the")
        if words and words[0] in LEADING:
            taken = 2 if words[1:2] == ["of"] or words[:2] == ["half", "a"] else 1
            if words[0] != "half" or words[1:2] == ["of"]:
                self.take_words(taken, "factor in words")
                return _said(words[0], self.operand())
        tree = self.sum()
        if tree[0] == "num" and PARTS.get(self.tokens[self.at - 1].text) and self.text() == "of":
            self.take("factor in words")
            tree = ("*", tree, self.operand())
        return tree

    def operand(self) -> Tree:
        """What words such as "half of" stand before.

        Raises Unreadable for a sum without brackets: "half of 1 - 1" may be 0, or a half less one.
        """
        start = self.at
        tree = self.measured()
        if tree[0] in ("+", "pm") and self.tokens[start].match != self.at - 1:
            raise Unreadable("words before a sum without brackets")
        return tree

    def scale(self, tree: Tree) -> Tree:
        """The value times "million", "dozen" or "halves", squared, or "factorial" after it."""
        while self.kind() == "word":
            word = self.text().lower()
            if tree[0] == "num" and word in (*SCALES, *GROUPS, *PARTS, "hundred"):
                value, used = scaled(tree[1], self.words_ahead(), 0)
                if not used:
                    break
                self.take_words(used, "factor in words")
                tree = number(value)
            elif word in RAISED and self.tokens[self.at - 1].kind != "word":
                self.take("power in words")
                tree = ("^", tree, number(RAISED[word]))
            elif word == "factorial":
                self.take("function in words")
                tree = ("!", tree)
            elif word == "choose":
                self.take("function in words")
                tree = ("fn", "binom", tree, self.sum())
            else:
                break
        return tree

    def based(self, start: int) -> Node | None:
        """`101_2`, `101_{(2)}`, `(101)_2`, `101_{two}`, "101 base 2", "101 (base 2)"."""
        if self.text() == "-" and self.kind(1) == "num" and self.text(2) == "_":
            self.take()
            found = self.based(start)
            return found and replace(found, mark=f"-{found.mark}")
        bracket = self.text() == "(" and self.kind(1) == "num" and self.text(2) == ")"
        digits = self.peek(1 if bracket else 0)
        after = 3 if bracket else 1
        if digits.kind != "num" or self.text() == "-":
            return None
        if self.text(after) == "_" or self.text(after) == "base":
            for _ in range(after + 1):
                self.take("numeral with a base")
            base = self.base_number()
            return Node("value", self.key(start), mark=f"{digits.text} base {base}")
        if self.text(after) == "(" and self.text(after + 1) == "base":
            for _ in range(after + 2):
                self.take("numeral with a base")
            base = self.base_number()
            if self.text() != ")":
                raise Unreadable("a base that does not end")
            self.take("numeral with a base")
            return Node("value", self.key(start), mark=f"{digits.text} base {base}")
        return None

    def base_number(self) -> int:
        """The base itself, in braces or brackets or bare, in figures or words."""
        opening = []
        while self.text() in ("{", "("):
            opening.append(self.take("base"))
        token = self.take("base")
        base = BASES.get(token.text.lower()) if token.kind == "word" else None
        if token.kind == "num" and token.text.isdigit() and len(token.text) <= 2:
            base = int(token.text)
        if base is None or not 2 <= base <= 36:
            raise Unreadable("a subscript that is no base")
        for bracket in reversed(opening):
            if self.at != bracket.match:
                raise Unreadable("a base that does not end")
            self.take("base")
        return base

    def clock_or_ratio(self, start: int) -> Node:
        """`3:00 PM`, or the ratio of numbers."""
        hour, minute = self.text(), self.text(2)
        ahead = 3
        if self.text(3) == ":" and self.kind(4) == "num":
            ahead = 5
        noon = self.text(ahead).lower()
        if noon in ("am", "pm"):
            second = f":{self.text(4)}" if ahead == 5 else ""
            for _ in range(ahead + 1):
                self.take("time of day")
            return Node("time", self.key(start), mark=f"{int(hour)}:{minute}{second}{noon}")
        return self.ratio(start, self.sum())

    def ratio(self, start: int, first: Tree) -> Node:
        """`3:4:5`, as its members stand: 6:8 may be a time of day and is not 3:4."""
        members = [Node("value", self.key(start), tree=first)]
        while self.text() == ":":
            self.take("ratio")
            at = self.at
            members.append(Node("value", "", tree=self.sum()))
            members[-1] = Node("value", self.key(at), tree=members[-1].tree)
        return Node("ratio", self.key(start), tuple(members))


def _hour(tree: Tree) -> str:
    """The hour of a time such as "3 PM"."""
    if tree[0] != "num":
        raise Unreadable("an hour that is no number")
    return str(tree[1])


def _said(role: str, tree: Tree) -> Tree:
    """What words say of a value."""
    factor = {"half": ("/", number(1), TWO), "twice": TWO, "double": TWO, "triple": number(3),
              "thrice": number(3), "negative": number(-1), "minus": number(-1)}  # fmt: skip
    if role in factor:
        return ("*", factor[role], tree)
    return {
        "sqrt": ("root", tree, TWO), "cbrt": ("root", tree, number(3)), "square": ("^", tree, TWO),
        "cube": ("^", tree, number(3)), "reciprocal": ("/", number(1), tree),
        "abs": ("fn", "abs", tree),
        "factorial": ("!", tree),
    }[role]  # fmt: skip
