r"""Expressions: a recursive-descent reader of tokens that leaves none of them out.

    sum     = product (("+" | "-" | "\pm") product)*
    product = ["-"] power (("*" | "/" | nothing) ["-"] power)*
    power   = atom "!"* ["^" argument]

Juxtaposition is a product; `2\frac13` and `2 1/3` are mixed numbers; two numbers side by side are
nothing. `a/bc` is `(a/b)c`, as a calculator has it.
"""

from ei.checker.parse.figures import mixed_number
from ei.checker.parse.names import Names
from ei.checker.parse.numerals import number_in_words
from ei.checker.parse.tokens import Unreadable
from ei.checker.parse.tree import PI, ZERO, Tree, negative, number
from ei.checker.parse.vocabulary import ACCENTS, CONSTANTS, GEOMETRY, GREEK

DEGREE: Tree = ("/", PI, number(180))
STARTS = frozenset(
    ["frac", "sqrt", "binom", "pi", "infty", "sum", "prod", "int", "lim", "mathbb", "emptyset"]
) | frozenset([*ACCENTS, *GEOMETRY, *GREEK, *CONSTANTS])


class Expressions(Names):
    """Reads expressions; `degrees` says whether a degree sign stood outside of a function."""

    def sum(self) -> Tree:
        """Terms with signs between them."""
        self.enter()
        total = self.product()
        while self.text() in ("+", "-", "±", "∓"):
            sign = self.take().text
            if self.text() in ("+", "-"):
                raise Unreadable("two signs in a row")
            term = self.product()
            if sign in ("±", "∓"):
                total = ("pm", total, term, 1 if sign == "±" else -1)
            else:
                total = ("+", total, term if sign == "+" else negative(term))
        self.leave()
        return total

    def product(self) -> Tree:
        """Factors with `*`, `/` or nothing between them, and one sign before them."""
        sign = self.sign()
        total = self.power()
        while True:
            if self.text() in ("*", "/") and self.peek().kind == "op":
                operator, signed = self.take().text, self.sign()
                factor = self.power()
                factor = negative(factor) if signed == "-" else factor
                total = (operator, total, factor)
            elif self.starts_factor():
                total = self.beside(total)
            else:
                break
        if sign in ("±", "∓"):
            return ("pm", ZERO, total, 1 if sign == "±" else -1)
        return negative(total) if sign == "-" else total

    def sign(self) -> str:
        """The sign that is taken before a factor, if any; a second one is nothing."""
        if self.text() not in ("+", "-", "±", "∓") or self.peek().kind != "op":
            return ""
        sign = self.take().text
        if self.text() in ("+", "-", "±", "∓"):
            raise Unreadable("two signs in a row")
        return sign

    def beside(self, total: Tree) -> Tree:
        """The factor that follows without an operator, or the fraction of a mixed number."""
        before, token = self.tokens[self.at - 1], self.peek()
        if token.kind == "num" and before.kind == "num":
            return self.mixed(total)
        if token.kind == "num" and before.text != "i":
            raise Unreadable("a number after a factor")
        if before.kind == "num" and token.text in ("C", "P") and self.kind(1) == "num":
            return self.choose(total)
        if before.kind == "num" and token.text == "frac":
            fraction = self.power()
            if fraction[0] == "/" and fraction[1][0] == fraction[2][0] == "num":
                return mixed_number(total, fraction)
            return ("*", total, fraction)
        return ("*", total, self.power())

    def mixed(self, whole: Tree) -> Tree:
        """`2 1/3`."""
        top = self.take()
        if not top.space or self.text() != "/" or self.kind(1) != "num":
            raise Unreadable("two numbers side by side")
        self.take()
        fraction = ("/", number(self.numeral(top)), number(self.numeral(self.take())))
        return mixed_number(whole, fraction)

    def power(self) -> Tree:
        """An atom, its factorials and its exponent; degree signs are no exponent."""
        self.enter()
        base = self.factorials(self.atom())
        while self.peek().kind in ("op", "cmd") and self.text() in ("circ", "^"):
            if self.text() == "circ":  # \degree
                self.take("degrees")
                base = self.in_degrees(base)
                continue
            if self.degree_sign():
                base = self.in_degrees(base)
                continue
            self.take()
            base = self.factorials(("^", base, self.exponent()))
        self.leave()
        return base

    def degree_sign(self) -> bool:
        r"""Take `^\circ` or `^{\circ}` if it comes."""
        braced = self.text(1) == "{" and self.text(2) == "circ" and self.text(3) == "}"
        if self.text(1) != "circ" and not braced:
            return False
        for _ in range(4 if braced else 2):
            self.take("degrees")
        return True

    def in_degrees(self, value: Tree) -> Tree:
        """The value in radians inside of a function; outside, the value, and a note of the sign."""
        if self.inside_function:
            return ("*", value, DEGREE)
        self.degrees = True
        return value

    def exponent(self) -> Tree:
        """What follows `^`: a group, or one number, letter or function with its sign."""
        self.enter()
        found = self.signed_exponent()
        self.leave()
        return found

    def signed_exponent(self) -> Tree:
        """The exponent itself; `2^3^4` is `2^(3^4)`."""
        if self.text() == "-":
            self.take()
            return negative(self.exponent())
        if self.text() == "+":
            self.take()
        base = self.factorials(self.atom())
        if self.text() == "^" and not self.degree_sign():
            self.take()
            return ("^", base, self.exponent())
        return base

    def factorials(self, value: Tree) -> Tree:
        """The value with the `!` and `!!` that follow it."""
        while self.text() == "!":
            count = 0
            while self.text() == "!":
                self.take()
                count += 1
            if count > 2:
                raise Unreadable("more than two factorial signs")
            value = ("!" * count, value)
        return value

    def atom(self) -> Tree:
        """A number, a name, a function with its argument, or a group."""
        token = self.peek()
        if token.kind == "num":
            return number(self.numeral(self.take()))
        if (
            token.text in ("a", "A")
            and self.kind(1) == "word"
            and number_in_words(self.words_ahead())
        ):
            return self.in_words()
        if token.kind == "letter" or (token.kind == "open" and self.braced_name()):
            return self.letter()
        if token.kind == "fn":
            return self.function()
        if token.kind == "open":
            return self.group()
        if token.text == "|" and token.kind == "op":
            return self.bars()
        if token.kind == "cmd":
            return self.command()
        if token.text == "_" and self.kind(1) in ("num", "letter"):  # _9C_4
            return self.subscripted_choice()
        if token.kind == "word":
            return self.in_words()
        raise Unreadable(f"{token.text or 'the end'} where a value should stand")

    def in_words(self) -> Tree:
        """A number in words."""
        found = number_in_words(self.words_ahead())
        if found is None:
            raise Unreadable(f"the word {self.text()}")
        self.take_words(found[1], "number in words")
        return number(found[0])

    def starts_factor(self) -> bool:
        """Whether the next token can begin a factor that stands beside another."""
        token = self.peek()
        if token.kind in ("num", "letter", "fn"):
            return True
        if token.kind == "open":
            return token.text not in (r"\{", "]") and self.kind(1) != "word"
        if token.kind == "cmd":
            return token.text in STARTS
        return token.text == "|" and token.kind == "op" and not self.bars_open

    def group(self) -> Tree:
        """What stands between brackets; other classes read lists there."""
        raise NotImplementedError

    def function(self) -> Tree:
        """A function with its argument."""
        raise NotImplementedError

    def command(self) -> Tree:
        """What a LaTeX command begins."""
        raise NotImplementedError

    def bars(self) -> Tree:
        """An absolute value."""
        self.take("absolute value")
        outer, self.bars_open = self.bars_open, True
        inside = self.sum()
        if self.text() != "|":
            raise Unreadable("an absolute value that does not end")
        self.take("absolute value")
        self.bars_open = outer
        return ("fn", "abs", inside)
