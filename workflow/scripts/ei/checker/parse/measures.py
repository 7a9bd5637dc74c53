"""Units and counted things after a value: `cm^2`, `km/h`, "square feet", "red apples"."""

from ei.checker.parse.functions import Functions
from ei.checker.parse.tokens import Unreadable
from ei.checker.parse.tree import Tree, is_numeric
from ei.checker.parse.units import (
    COUNTED,
    CURRENCY,
    POWERS,
    RAISED,
    SHORT,
    describes,
    is_thing,
    thing,
    unit_name,
)
from ei.checker.parse.vocabulary import NEUTRAL


class Measures(Functions):
    """Reads units."""

    def currency(self) -> list[tuple[str, int]]:
        """A sign of money, if one comes."""
        token = self.peek()
        name = CURRENCY.get(token.text)
        if name is None or token.kind not in ("money", "word"):
            return []
        self.take("currency")
        return [(name, 1)]

    def unit(self, tree: Tree, found: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """The unit that follows, a factor at a time: `cm^2`, `km/h`, "square feet"."""
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
            return [(word.removesuffix("s"), 0), *self.temperature()]
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
