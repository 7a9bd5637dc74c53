r"""From text to tokens, in one pass and time in proportion to the text.

Typesetting is dropped here (`\left`, `\,`, `\displaystyle`, bold, `$`); everything that may carry a
meaning becomes a token, what is unknown too: it is for the parser to account for each of them.
"""

import re
from dataclasses import dataclass

from ei.checker.parse.characters import plain_characters
from ei.checker.parse.symbols import (
    ARGUMENT_DROPPED,
    BRACE,
    CLOSING,
    COMMA,
    COMMANDS,
    DROPPED,
    ENVIRONMENTS,
    FACTORIALS,
    FONTS,
    OPENING,
    OPERATORS,
    RELATIONS,
    SAME_SIGN,
    SCAN,
    SIGNS,
    TEXTS,
)

MAX_TOKENS = 4000  # of a text that is looked at
DEEPEST = 25  # brackets; Python's own stack is the limit of a recursive parser


class Unreadable(Exception):
    """Some token is not accounted for."""


@dataclass(slots=True)
class Token:
    """A piece of text. `kind` is one of

    num (digits), run (letters), cmd (a LaTeX command without its backslash), op, rel, sep (, ; and
    row), open, close, stop (full stop or line break), money, quote, env (begin or end), bad.
    """

    kind: str
    text: str
    space: bool = False  # white space stands before it
    prose: bool = False  # inside \text{...}
    at: int = 0  # where it starts in the text of plain characters
    end: int = 0
    match: int = -1  # index of the bracket that closes or opens this one
    role: str = ""  # what the parser took it for; shown by --explain


def pieces_of(text: str) -> list[Token]:
    """The tokens of a text, runs of letters as they stand; raises Unreadable beyond MAX_TOKENS."""
    lexer = _Lexer(COMMA.sub(",", plain_characters(text)))
    lexer.run(0, len(lexer.text), False)
    return _single_figures(_spaced_thousands(_without_dollars(lexer.found)))


class _Lexer:
    """The text and the tokens found so far."""

    def __init__(self, text: str) -> None:
        self.text, self.found = text, list[Token]()
        self.closes = brace_pairs(text)
        self.lefts = list[str]()  # the sign after each \\left that no \\right has met
        self.space = False

    def run(self, at: int, end: int, prose: bool) -> None:
        """Add the tokens of a stretch of the text."""
        while at < end:
            match = SCAN.match(self.text, at, end)
            assert match is not None  # its last alternative is any sign
            at = self.add(match, prose, end)
            if len(self.found) > MAX_TOKENS:
                raise Unreadable("too many tokens")

    def add(self, match: re.Match[str], prose: bool, end: int) -> int:
        """Add what the match stands for; where to go on."""
        kind, text = match.lastgroup or "", match[0]
        if kind in ("space", "delimiter"):
            self.space = True
        elif kind == "run":
            self.put("run", text, match, prose)
        elif kind == "sign":
            self.sign(match, prose)
        elif kind == "command":
            return self.command(match, prose, end)
        elif kind == "line":
            self.space = True
            if not prose:
                self.put("stop", "\n", match, prose)
        elif kind == "row":
            self.put("sep", "row", match, prose)
        elif kind == "abbreviation":
            self.put("run", text[:-1], match, True)
        elif kind == "noon":
            self.put("run", text[0].lower() + "m", match, True)
        else:
            self.put("num", _digits(kind, text), match, prose)
        return match.end()

    def put(self, kind: str, text: str, match: re.Match[str], prose: bool) -> None:
        """Add a token."""
        self.found.append(Token(kind, text, self.space, prose, match.start(), match.end()))
        self.space = False

    def sign(self, match: re.Match[str], prose: bool) -> None:
        """Add the token of a sign."""
        text = SAME_SIGN.get(match[0], match[0])
        if match[0] == r"\$":
            self.put("money", "$", match, prose)
        elif match[0] in ("=>", "->", "<=>"):
            self.put("cmd", "Rightarrow", match, prose)
        elif text == "!=" and not self.space and self.found and self.found[-1].kind in FACTORIALS:
            self.put("op", "!", match, prose)  # 5!=120 is no inequality
            self.put("rel", "=", match, prose)
        elif text in RELATIONS:
            self.put("rel", RELATIONS[text], match, prose)
        elif match[0] == r"\|":
            self.put("op", "||", match, prose)
        else:
            self.put(SIGNS.get(match[0], "bad"), text, match, prose)

    def command(self, match: re.Match[str], prose: bool, end: int) -> int:
        """Add the token of a LaTeX command, or what stands in its braces; where to go on."""
        name = match[0][1:].rstrip("*")
        after = match.end()
        if name.startswith(("quad", "qquad")) and name not in ("quad", "qquad"):
            self.space = True  # \\quadx is a slip for \\quad x
            return match.start() + name.index("quad") + 5
        if name == "left":
            self.lefts.append(self.text[after : after + 2])
        if name in ("left", "right") and self.text[after : after + 1] == ".":
            if name == "right" and self.lefts and self.lefts.pop() == r"\{":
                self.put("close", r"\}", match, prose)  # a system: the brace closes unseen
            return after + 1
        if name == "right" and self.lefts:
            self.lefts.pop()
        if name in DROPPED:
            self.space = True
        elif name in TEXTS or name in FONTS or name in ARGUMENT_DROPPED or name == "textcolor":
            return self.braces(name, match, prose, end)
        elif name in ("begin", "end"):
            return self.environment(name, match, end)
        elif name in RELATIONS:
            self.put("rel", RELATIONS[name], match, prose)
        elif name in OPENING or name in CLOSING:
            kind = "open" if name in OPENING else "close"
            self.put(kind, (OPENING | CLOSING)[name], match, prose)
        elif name in OPERATORS:
            self.put("op", OPERATORS[name], match, prose)
        elif name in ("pounds", "euro"):
            self.put("money", {"pounds": "£", "euro": "€"}[name], match, prose)
        else:
            self.put("cmd", COMMANDS.get(name, name), match, prose)
        return after

    def braces(self, name: str, match: re.Match[str], prose: bool, end: int) -> int:
        """Go on after what stands in the braces of `\\text`, `\\mathbf` or `\\textcolor{red}`."""
        opening = self.skip_spaces(match.end(), end)
        close = self.closes.get(opening)
        if close is None and name not in ARGUMENT_DROPPED:
            self.put("cmd", name, match, prose)
        if close is None:
            return match.end()
        if name in ARGUMENT_DROPPED:
            return close + 1
        if name == "textcolor":
            return close + 1  # its second argument is an ordinary group
        grouped = bool(self.found) and self.found[-1].text in ("_", "^")
        if grouped or (name in FONTS and not prose):
            self.put("open", "{", match, prose)
        self.run(opening + 1, close, prose or name in TEXTS)
        if grouped or (name in FONTS and not prose):
            self.put("close", "}", match, prose)
        self.space = self.space or self.text[close - 1] == " "
        return close + 1

    def environment(self, name: str, match: re.Match[str], end: int) -> int:
        """Add `\\begin{cases}` as one token; environments of layout are dropped."""
        opening = self.skip_spaces(match.end(), end)
        close = self.closes.get(opening)
        if close is None:
            self.put("bad", match[0], match, False)
            return match.end()
        environment = self.text[opening + 1 : close].strip().rstrip("*")
        if environment not in ENVIRONMENTS:
            self.put("env", f"{name} {environment}", match, False)
        after = close + 1
        if environment in ("array", "tabular") and name == "begin":
            columns = self.closes.get(after)
            after = after if columns is None else columns + 1
        return after

    def skip_spaces(self, at: int, end: int) -> int:
        """The index of the next sign that is no space."""
        while at < end and self.text[at] == " ":
            at += 1
        return at


def brace_pairs(text: str) -> dict[int, int]:
    """The index of the closing brace for that of each opening one; escaped braces do not count."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for match in BRACE.finditer(text):
        if match[0] == "{":
            stack.append(match.start())
        elif match[0] == "}" and stack:
            pairs[stack.pop()] = match.start()
    return pairs


def _digits(kind: str, text: str) -> str:
    """A numeral without what separates its thousands; commas stay, since they may mean a list."""
    if kind == "grouped" and "," not in text:
        return text.replace("'", "").replace("_", "")
    return text.lower() if kind == "scientific" else text


def _without_dollars(found: list[Token]) -> list[Token]:
    """The tokens without the dollar signs that enclose formulas; others are money.

    Of an odd number the first that a figure follows is money: "a profit of $130,000".
    """
    dollars = [i for i, token in enumerate(found) if token.kind == "dollar"]
    if not dollars:
        return found
    if len(dollars) % 2:
        figures = [i for i in dollars if found[i + 1 : i + 2] and found[i + 1].kind == "num"]
        if figures:
            found[figures[0]].kind = "money"
    kept: list[Token] = []
    space = False
    for token in found:
        if token.kind == "dollar":
            space = space or token.space
            continue
        token.space, space = token.space or space, False
        kept.append(token)
    return kept


def _spaced_thousands(found: list[Token]) -> list[Token]:
    """The tokens with `1 234 567` as one number."""
    kept: list[Token] = []
    for index, token in enumerate(found):
        before = kept[-1] if kept else None
        follows = found[index + 1] if index + 1 < len(found) else None
        if (
            before is not None
            and before.kind == token.kind == "num"
            and token.space
            and len(token.text.partition(".")[0]) == 3
            and (before.role == "thousands" or (before.text.isdigit() and len(before.text) <= 3))
            and not (follows is not None and follows.text in ("/", ":"))
            and "," not in token.text
        ):
            before.text, before.end, before.role = before.text + token.text, token.end, "thousands"
            continue
        kept.append(token)
    return kept


def _single_figures(found: list[Token]) -> list[Token]:
    r"""The tokens with `\frac12` as a half: TeX takes one figure where there are no braces."""
    kept: list[Token] = []
    for index, token in enumerate(found):
        before = found[index - 1] if index else None
        if token.kind == "num" and before is not None and before.text in ("frac", "binom"):
            kept += [Token("num", digit, False, False, token.at, token.end) for digit in token.text]
        else:
            kept.append(token)
    return kept
