"""Names and numerals: letters with their subscripts and primes, `9C4`, `C(9, 4)`, `_9C_4`."""

from fractions import Fraction

from ei.checker.parse.cursor import Cursor
from ei.checker.parse.figures import numeral
from ei.checker.parse.tokens import Token, Unreadable
from ei.checker.parse.tree import Tree, number
from ei.checker.parse.vocabulary import SAME_GREEK


class Names(Cursor):
    """Reads names."""

    def atom(self) -> Tree:
        """A number, a name or a group; the class that knows them all reads it."""
        raise NotImplementedError

    def group(self) -> Tree:
        """What stands between brackets."""
        raise NotImplementedError

    def choose(self, above: Tree) -> Tree:
        """`9C4` and `9P4`."""
        name = "binom" if self.take().text == "C" else "perm"
        return ("fn", name, above, number(self.numeral(self.take())))

    def numeral(self, token: Token) -> Fraction:
        """The exact value of a numeral."""
        if token.kind != "num":
            raise Unreadable(f"{token.text} where a number should stand")
        token.role = token.role or "number"
        return numeral(token.text)

    def braced_name(self) -> bool:
        """Whether `{x}` comes, which is `x`, with a subscript after it."""
        return self.text() == "{" and self.kind(1) == "letter" and self.text(2) == "}" and (
            self.text(3) == "_"
        )  # fmt: skip

    def letter(self) -> Tree:
        """A variable with its subscript and primes, or a constant."""
        braced = self.text() == "{"
        if braced:
            self.take()
        token = self.take("letter")
        if braced:
            self.take()
        if token.text in ("C", "P") and self.text() == "(" and not braced:
            found = self.choice_function(token.text)
            if found is not None:
                return found
        name = token.text + self.subscript()
        while self.text() == "'":
            self.take()
            name += "'"
        if name in ("e", "i"):
            return ("const", name) if name == "e" else ("var", "i")
        if name in ("f", "g", "h") and self.text() == "(" and not token.prose:
            return ("fn", name, self.group())
        return ("var", name)

    def choice_function(self, name: str) -> Tree | None:
        """`C(9, 4)` or `P(9, 4)`, with figures."""
        if [self.kind(k) for k in range(1, 5)] != ["num", "sep", "num", "close"]:
            return None
        self.take()
        top = number(self.numeral(self.take()))
        self.take()
        bottom = number(self.numeral(self.take()))
        self.take()
        return ("fn", "binom" if name == "C" else "perm", top, bottom)

    def subscripted_choice(self) -> Tree:
        """`_9C_4`, also after empty braces."""
        self.take()
        above = self.atom()
        name = self.take().text
        if name not in ("C", "P"):
            raise Unreadable("a subscript of nothing")
        if self.text() == "_":
            self.take()
        return ("fn", "binom" if name == "C" else "perm", above, self.atom())

    def subscript(self) -> str:
        """`_1` or `_{max}` as part of a name, or nothing."""
        if self.text() != "_":
            return ""
        self.take("subscript")
        token = self.peek()
        if token.text == "{":
            inside = self.tokens[self.at + 1 : token.match]
            for _ in range(len(inside) + 2):
                self.take("subscript")
            return "_" + "".join(part.text for part in inside)
        if token.kind == "open" or not token.kind:
            raise Unreadable("a subscript that is missing")
        return "_" + self.take("subscript").text

    def name_of(self, token: Token) -> str:
        """The name of a Greek letter, one for both of its forms."""
        return SAME_GREEK.get(token.text, token.text)
