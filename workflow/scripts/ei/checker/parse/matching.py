"""Which bracket closes which."""

from ei.checker.parse.tokens import DEEPEST, Token, Unreadable


def match_brackets(found: list[Token]) -> None:
    """Set `match` of every bracket; raises Unreadable where they nest too deeply.

    `(` and `[` may close with either of `)` and `]`, as half-open intervals do. `]2, 5[` is the
    other way to write an open interval: a `]` where a value must come opens, and then `[` closes.
    """
    stack: list[int] = []
    for index, token in enumerate(found):
        token.match = -1
        if token.text in "[]" and token.kind in ("open", "close"):
            _reversed(found, index, stack)
        if token.kind == "open":
            stack.append(index)
            if len(stack) > DEEPEST:
                raise Unreadable("nested too deeply")
        elif token.kind == "close" and stack and _fits(found[stack[-1]].text, token.text):
            token.match, found[stack[-1]].match = stack[-1], index
            stack.pop()
        elif token.kind == "close":
            raise Unreadable(f"nothing opens {token.text}")
    if stack:
        raise Unreadable(f"nothing closes {found[stack[0]].text}")


def _reversed(found: list[Token], index: int, stack: list[int]) -> None:
    """Let a square bracket open or close against its look where only that makes sense."""
    before = found[index - 1] if index else None
    after = found[index + 1] if index + 1 < len(found) else None
    at_value = before is None or before.kind in ("op", "rel", "sep", "open")
    at_end = after is None or after.kind in ("rel", "sep", "close", "stop") or after.text == "cup"
    if found[index].text == "]" and at_value and not at_end:
        found[index].kind = "open"
    elif found[index].text == "[" and not at_value and at_end and stack:
        found[index].kind = "close"


def _fits(opening: str, closing: str) -> bool:
    """Whether one bracket may close the other."""
    if opening in "()[]" and len(opening) == 1:
        return closing in ("(", ")", "[", "]")
    return {"{": "}", r"\{": r"\}"}.get(opening, opening) == closing
