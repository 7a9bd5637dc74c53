r"""What a name or a LaTeX command begins: `\frac`, `\sin`, `\sum`, `\int`, `\lim`, `\vec`."""

from ei.checker.parse.expression import Expressions
from ei.checker.parse.tokens import Token, Unreadable
from ei.checker.parse.tree import INFINITY, PI, E, Tree, negative, number
from ei.checker.parse.vocabulary import ACCENTS, CONSTANTS, FUNCTIONS, GEOMETRY, GREEK, words

INVERSES = words("sin cos tan cot sec csc sinh cosh tanh")
MANY = words("max min gcd lcm binom perm pow")  # functions of several arguments
TWO_ARGUMENTS = words("binom perm pow")
CONSTANT_TREES = {"pi": PI, "oo": INFINITY}
NAMED_ROOTS = {"sqrt": 2, "cbrt": 3, "fourthroot": 4}


class Functions(Expressions):
    """Reads functions and commands."""

    def function(self) -> Tree:
        """A function, its exponent, and its argument."""
        token = self.take("function")
        name = FUNCTIONS[token.text]
        if name in NAMED_ROOTS:
            return self.root(token)
        if name in MANY:
            found = self.arguments()
            if name in TWO_ARGUMENTS and len(found) != 2:
                raise Unreadable(f"{name} of {len(found)} arguments")
            return ("fn", name, *found)
        base = self.base() if name == "log" else None
        exponent = self.function_exponent()
        argument = self.argument()
        if exponent is not None and exponent == number(-1) and name in INVERSES:
            return ("fn", f"arc{name}", argument)
        return _applied(name, base, argument, exponent)

    def base(self) -> Tree | None:
        """The base of a logarithm: `\\log_2`, `log_{10}`, `log2(`."""
        if self.text() == "_":
            self.take()
            return self.group() if self.peek().kind == "open" else self.single()
        if self.kind() == "num" and not self.peek().space and self.text(1) == "(":
            return number(self.numeral(self.take()))
        return None

    def function_exponent(self) -> Tree | None:
        """The exponent between a function and its argument: `\\sin^2 x`."""
        if self.text() != "^":
            return None
        self.take()
        return self.group() if self.peek().kind == "open" else self.signed_single()

    def argument(self) -> Tree:
        """A group, or the factors up to an operator, a bracket or another function."""
        outer, self.inside_function = self.inside_function, True
        token = self.peek()
        if token.kind == "open" and not (token.text == "{" and self.braced_name()):
            found = self.group()
        elif token.text == "|" and token.kind == "op":
            found = self.bars()
        else:
            sign = self.sign()
            found = self.power()
            while self.goes_on():
                found = self.beside(found)
            found = negative(found) if sign == "-" else found
        self.inside_function = outer
        return found

    def goes_on(self) -> bool:
        """Whether the next factor belongs to an argument without brackets: `\\sin 2x`."""
        token = self.peek()
        return token.kind in ("letter", "num") or (
            token.kind == "cmd" and token.text in ("frac", "pi", "sqrt", *GREEK)
        )

    def arguments(self) -> list[Tree]:
        """The arguments in brackets or braces, with commas between them."""
        if self.text() not in ("(", r"\{", "{", "["):
            raise Unreadable("a function without its arguments")
        opening = self.take()
        found = [self.sum()]
        while self.kind() == "sep":
            self.take()
            found.append(self.sum())
        if self.at != opening.match:
            raise Unreadable("arguments that do not end")
        self.take()
        return found

    def root(self, token: Token) -> Tree:
        r"""`\sqrt[3]{x}`, `\sqrt(x)`, `\sqrt5`, `sqrt 12`."""
        degree: Tree = number(NAMED_ROOTS[token.text])
        if self.text() == "[":
            opening = self.take()
            degree = self.sum()
            if self.at != opening.match:
                raise Unreadable("a root's degree that does not end")
            self.take()
        return ("root", self.inner_single(), degree)

    def inner_single(self) -> Tree:
        """A group, or the one number or letter that follows a root."""
        if self.peek().kind == "open":
            return self.group()
        if self.kind() == "num":
            return number(self.numeral(self.take()))
        return self.single()

    def single(self) -> Tree:
        """One figure, letter or command, as TeX takes an argument without braces."""
        token = self.peek()
        if token.kind == "num" and len(token.text) > 1:
            raise Unreadable("figures after a command that takes one")
        if token.kind == "letter":
            return self.variable(self.take("letter").text)
        return self.atom()

    def signed_single(self) -> Tree:
        """A single argument with its sign."""
        if self.text() == "-":
            self.take()
            return negative(self.signed_single())
        return self.single()

    def variable(self, name: str) -> Tree:
        """The constant e, or a variable."""
        return E if name == "e" else ("var", name)

    def braced_or_single(self) -> Tree:
        """An argument of a LaTeX command."""
        return self.group() if self.text() == "{" else self.single()

    def command(self) -> Tree:
        """What a LaTeX command begins; one that is not known makes the answer unreadable."""
        name = self.text()
        if name in ("frac", "binom"):
            self.take("operator")
            top, bottom = self.braced_or_single(), self.braced_or_single()
            return ("/", top, bottom) if name == "frac" else ("fn", "binom", top, bottom)
        if name in CONSTANTS:
            self.take("constant")
            return CONSTANT_TREES[CONSTANTS[name]]
        if name in ("sum", "prod"):
            return self.big(name)
        if name == "int":
            return self.integral()
        if name == "lim":
            return self.limit()
        if name in GREEK:
            return ("var", self.name_of(self.take("letter")) + self.subscript())
        if name in ACCENTS or name in GEOMETRY:
            return self.decorated()
        raise Unreadable(f"the command \\{name}" if name else "the end where a value should stand")

    def decorated(self) -> Tree:
        r"""`\hat{i}` and `\angle ABC` as names; `\overline{3+4i}` as the conjugate."""
        mark = self.take("letter").text
        start = self.at
        if self.text() == "{":
            inside = self.tokens[self.at + 1 : self.peek().match]
            if mark in ("overline", "bar") and any(t.kind != "letter" for t in inside):
                if all(t.text != "i" and t.kind != "letter" for t in inside):
                    raise Unreadable("a bar over figures")
                return ("fn", "conj", self.group())
            self.group()
        elif self.kind() in ("letter", "cmd"):
            while self.kind() == "letter" or self.text() in ACCENTS:
                self.take("letter")
                if mark in ACCENTS:
                    break
        if self.at == start:
            raise Unreadable(f"\\{mark} of nothing")
        letters = "".join(token.text for token in self.tokens[start : self.at])
        return ("var", f"{mark} {letters.strip('{}')}{self.subscript()}")

    def big(self, name: str) -> Tree:
        r"""`\sum_{k=1}^{n}` with the product that follows."""
        self.take("operator")
        variable, low, high = "", None, None
        for _ in range(2):
            if self.text() == "_":
                self.take()
                variable, low = self.lower_bound()
            elif self.text() == "^":
                self.take()
                high = self.braced_or_single()
        if low is None or high is None:
            raise Unreadable("a sum without its bounds")
        return (name, variable, low, high, self.product())

    def lower_bound(self) -> tuple[str, Tree]:
        """`{k=1}`: the variable, and where it starts."""
        opening = self.take()
        if opening.text != "{" or self.kind() not in ("letter", "cmd"):
            raise Unreadable("a sum over something else than one variable")
        name = self.take("letter").text
        if self.text() != "=":
            raise Unreadable("a sum without the start of its variable")
        self.take()
        low = self.sum()
        self.close(opening)
        return name, low

    def close(self, opening: Token) -> None:
        """Account for the bracket that closes."""
        if self.at != opening.match:
            raise Unreadable(f"{self.text()} where a bracket should close")
        self.take()

    def limit(self) -> Tree:
        r"""`\lim_{x\to 0^+}` with the product that follows."""
        self.take("operator")
        if self.text() != "_" or self.text(1) != "{":
            raise Unreadable("a limit without its variable")
        self.take()
        opening = self.take()
        name = self.take("letter").text
        if self.text() != "rightarrow":
            raise Unreadable("a limit without its arrow")
        self.take()
        to, side = self.approached(opening.match)
        self.close(opening)
        return ("lim", name, to, side, self.product())

    def approached(self, end: int) -> tuple[Tree, str]:
        """Where a limit goes to, and from which side."""
        marks = [token.text for token in self.tokens[end - 4 : end]]
        side, count = "", 0
        if marks[-2:] in (["^", "+"], ["^", "-"]):
            side, count = marks[-1], 2
        elif marks[:2] == ["^", "{"] and marks[2] in "+-":
            side, count = marks[2], 4
        outer, self.end = self.end, end - count
        to = self.sum()
        self.end = outer
        for _ in range(count):
            self.take()
        return to, side

    def integral(self) -> Tree:
        r"""`\int_a^b f(x)\,dx`, the `dx` at its end."""
        self.take("operator")
        low = high = None
        for _ in range(2):
            if self.text() == "_":
                self.take()
                low = self.braced_or_signed()
            elif self.text() == "^":
                self.take()
                high = self.braced_or_signed()
        at = self.differential()
        outer, self.end = self.end, at
        body = self.sum() if self.at < at else number(1)
        if self.at != at:
            raise Unreadable("an integral that does not end at its differential")
        self.end = outer
        self.take("operator")
        return ("int", self.take("letter").text, low, high, body)

    def braced_or_signed(self) -> Tree:
        """A bound of an integral."""
        return self.group() if self.text() == "{" else self.signed_single()

    def differential(self) -> int:
        """The index of the `d` of the differential; brackets are passed over."""
        index = self.at
        while index < self.end - 1:
            token, after = self.tokens[index], self.tokens[index + 1]
            if token.text == "d" and token.kind == "letter" and after.kind in ("letter", "cmd"):
                return index
            index = token.match + 1 if token.kind == "open" and token.match > 0 else index + 1
        raise Unreadable("an integral without its differential")


def _applied(name: str, base: Tree | None, argument: Tree, exponent: Tree | None) -> Tree:
    """The function's value, to the power that stood before its argument."""
    found: Tree = ("fn", name, argument)
    if base is not None:
        found = ("/", ("fn", "ln", argument), ("fn", "ln", base))
    elif name in ("lg", "log10"):
        found = ("/", ("fn", "ln", argument), ("fn", "ln", number(10)))
    elif name == "exp":
        found = ("^", E, argument)
    return found if exponent is None else ("^", found, exponent)
