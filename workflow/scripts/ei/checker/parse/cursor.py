"""A cursor over tokens: what comes next, taking it, and how deep the reader is."""

from ei.checker.parse.tokens import DEEPEST, Token, Unreadable

END = Token("", "")
MAX_DEPTH = 3 * DEEPEST  # a bracket takes three readers: sum, product, power


class Cursor:
    """The tokens, where the reader is, and what it has met."""

    def __init__(self, tokens: list[Token], end: int | None = None) -> None:
        self.tokens, self.at = tokens, 0
        self.end = len(tokens) if end is None else end
        self.depth = 0
        self.degrees = False  # a degree sign stood outside of a function
        self.inside_function = False
        self.bars_open = False  # the next bar closes an absolute value

    def peek(self, ahead: int = 0) -> Token:
        """The token that comes, or END."""
        index = self.at + ahead
        return self.tokens[index] if index < self.end else END

    def text(self, ahead: int = 0) -> str:
        """The text of the token that comes."""
        return self.peek(ahead).text

    def kind(self, ahead: int = 0) -> str:
        """The kind of the token that comes."""
        return self.peek(ahead).kind

    def take(self, role: str = "") -> Token:
        """Account for the token that comes."""
        token = self.peek()
        if token is END:
            raise Unreadable("the end where something should follow")
        token.role = role or token.role or ROLES.get(token.kind, token.kind)
        self.at += 1
        return token

    def words_ahead(self, most: int = 12) -> list[str]:
        """The words that come, in lower case; hyphens between them and articles count as words."""
        found: list[str] = []
        index = self.at
        while index < self.end and len(found) < most:
            token = self.tokens[index]
            hyphen = token.text == "-" and found and index + 1 < self.end
            if hyphen and self.tokens[index + 1].kind == "word":
                index += 1
                continue
            if token.kind != "word" and token.text not in ("a", "A"):
                break
            found.append(token.text.lower())
            index += 1
        return found

    def take_words(self, count: int, role: str) -> None:
        """Account for so many words, and the hyphens between them."""
        while count:
            count -= self.peek().text != "-"
            self.take(role)

    def enter(self) -> None:
        """Go one level deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")

    def leave(self) -> None:
        """Come back up one level."""
        self.depth -= 1


ROLES = {
    "num": "number", "letter": "letter", "fn": "function", "cmd": "symbol", "op": "operator",
    "rel": "relation", "sep": "separator", "open": "bracket", "close": "bracket",
}  # fmt: skip
