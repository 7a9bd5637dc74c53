"""A value with what it counts: units, currency, percent and degree signs, a base, a time of day."""

from dataclasses import replace

from ei.checker.parse.functions import Functions
from ei.checker.parse.node import Node
from ei.checker.parse.numerals import GROUPS, PARTS, SCALES, scaled
from ei.checker.parse.tokens import Unreadable
from ei.checker.parse.tree import TWO, Tree, is_numeric, negative, number
from ei.checker.parse.units import (
    COUNTED,
    CURRENCY,
    POWERS,
    RAISED,
    SHORT,
    describes,
    is_thing,
    normal,
    thing,
    unit_name,
)
from ei.checker.parse.vocabulary import NEUTRAL

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


class Quantities(Functions):
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
                return _said(role, self.measured())
        if words[:1] == ["the"] and len(words) > 1:
            raise Unreadable("the word the")
        if words and words[0] in LEADING:
            taken = 2 if words[1:2] == ["of"] or words[:2] == ["half", "a"] else 1
            if words[0] != "half" or words[1:2] == ["of"]:
                self.take_words(taken, "factor in words")
                return _said(words[0], self.measured())
        tree = self.sum()
        if PARTS.get(self.tokens[self.at - 1].text) and self.text() == "of":
            self.take("factor in words")
            tree = ("*", tree, self.measured())
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

    def currency(self) -> list[tuple[str, int]]:
        """A sign of money, if one comes."""
        token = self.peek()
        name = CURRENCY.get(token.text)
        if name is None or token.kind not in ("money", "word"):
            return []
        self.take("currency")
        return [(name, 1)]

    def unit(self, tree: Tree, found: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """The unit that follows, a factor at a time: `cm^2`, `km/h`, `square feet`, `red apples`."""
        power = 1
        if self.text() == "of" and self.text(1) in ("a", "an") and self.is_unit(2):
            self.take("unit")  # 5/8 of a mile
            self.take("unit")
        while True:
            token = self.peek()
            if power == 1 and found and token.text in ("/", "per", "*") and self.is_unit(1):
                self.take("unit")
                power = 1 if token.text == "*" else -1
            more = self.unit_factor(tree, first=not found)
            if not more:
                break
            found += [(name, exponent * power) for name, exponent in more]
            if self.text() not in ("/", "per", "*") and power < 0:
                power = 1
        if self.text() == "(" and self.words_in_brackets() and not found:
            self.take("unit")
            found += self.unit_factor(tree, first=True)
            if self.text() != ")":
                raise Unreadable("words in brackets after the value")
            self.take("unit")
        return found

    def is_unit(self, ahead: int) -> bool:
        """Whether a unit's name comes."""
        token = self.peek(ahead)
        return token.kind in ("word", "letter") and unit_name(token.text) is not None

    def starts_factor(self) -> bool:
        """Whether a factor comes; a letter that is a unit is none: `9.8 m`, `\\text{m/s}`."""
        return super().starts_factor() and not self.letter_is_unit()

    def letter_is_unit(self) -> bool:
        """Whether the letter that comes after a number is a unit."""
        token, before = self.peek(), self.tokens[self.at - 1]
        if self.degrees and token.text in ("C", "F"):
            return True
        numeric = before.kind == "num" or (token.prose and before.kind == "close")
        if token.kind != "letter" or token.text not in SHORT or not numeric:
            return False
        after = self.peek(1)
        if after.kind in ("letter", "fn", "num", "open", "cmd"):
            return False
        power = after.text == "^" and self.kind(2) == "num" and self.kind(3) in ("", "sep", "stop")
        return token.prose or (
            token.space and (after.kind in ("", "sep", "stop", "rel") or power or self.rate_ahead())
        )

    def rate_ahead(self) -> bool:
        """Whether a slash and another unit follow the unit that comes: `m/s`."""
        return self.text(1) == "/" and self.is_unit(2)

    def words_in_brackets(self) -> bool:
        """Whether brackets come that hold words only."""
        inside = self.tokens[self.at + 1 : self.peek().match]
        return bool(inside) and all(token.kind == "word" for token in inside)

    def unit_factor(self, tree: Tree, first: bool) -> list[tuple[str, int]]:
        """One factor of a unit with its power, or a counted thing; nothing where none comes."""
        token = self.peek()
        word = token.text.lower()
        if token.kind == "letter":
            return self.short_unit(tree, first)
        if token.kind == "word" and word in POWERS and self.is_unit(1):
            self.take("unit")
            return [(unit_name(self.take("unit").text) or "", POWERS[word])]
        if token.text == "mm Hg" or (token.kind == "cmd" and token.text == "degree"):
            return []
        if token.kind != "word":
            return []
        if word in ("am", "pm") or word in ("degree", "degrees"):
            self.take("unit")
            return [(word.removesuffix("s"), 0)] + self.temperature()
        if word in NEUTRAL and not (word == "in" and self.text(1) not in ("total", "all")):
            self.take("word without effect")
            return [(word, 0)]
        name = unit_name(token.text)
        if name in COUNTED:
            self.take("counted")
            power = self.unit_power() if name == "unit" else 1
            return [(name, power if name == "unit" else 0), *self.of_what()]
        if name is not None:
            self.take("unit")
            return [(name, self.unit_power()), *self.of_what()]
        return self.counted()

    def temperature(self) -> list[tuple[str, int]]:
        """Celsius or Fahrenheit after degrees."""
        if unit_name(self.text()) in ("celsius", "fahrenheit", "C", "F"):
            name = unit_name(self.take("unit").text) or ""
            return [({"C": "celsius", "F": "fahrenheit"}.get(name, name), 1)]
        return []

    def short_unit(self, tree: Tree, first: bool) -> list[tuple[str, int]]:
        """A unit of one letter: in \\text, after another unit's slash, or apart from a number."""
        token = self.peek()
        after = self.peek(1)
        allowed = token.text in SHORT and (token.prose or not first or self.letter_is_unit())
        alone = after.kind not in ("letter", "num", "fn", "open", "cmd")
        if allowed and alone and is_numeric(tree):
            self.take("unit")
            return [(unit_name(token.text) or token.text, self.unit_power())]
        return []

    def unit_power(self) -> int:
        """The power of a unit: `^2`, `^{-1}`, "squared"."""
        if self.text().lower() in RAISED:
            return RAISED[self.take("unit").text.lower()]
        if self.text() != "^" or self.text(1) == "circ":
            return 1
        self.take("unit")
        tree = self.exponent()
        tree = ("num", -tree[1][1]) if tree[0] == "neg" and tree[1][0] == "num" else tree
        if tree[0] != "num" or tree[1].denominator != 1 or not 0 < abs(tree[1]) < 10:
            raise Unreadable("the power of a unit")
        return int(tree[1])

    def of_what(self) -> list[tuple[str, int]]:
        """ "of bread" after "pieces"."""
        if self.text() != "of" or self.kind(1) != "word" or not describes(self.text(1)):
            return []
        found: list[tuple[str, int]] = []
        self.take("counted")
        while self.kind() == "word" and describes(self.text()) and len(found) < 3:
            found.append(thing(self.take("counted").text))
        return found

    def counted(self) -> list[tuple[str, int]]:
        """A counted thing with up to two words that describe it: "red apples", "15 ways"."""
        count = 0
        while count < 3 and self.kind(count) == "word":
            if is_thing(self.text(count)) or unit_name(self.text(count)) in COUNTED:
                found = [thing(self.take("counted").text) for _ in range(count + 1)]
                return found + self.of_what()
            if not describes(self.text(count)) or unit_name(self.text(count)):
                break
            count += 1
        return []

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
        "cube": ("^", tree, number(3)), "reciprocal": ("/", number(1), tree), "abs": ("fn", "abs", tree),
        "factorial": ("!", tree),
    }[role]  # fmt: skip
