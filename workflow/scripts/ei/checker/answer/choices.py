"""Answers to multiple choice: one letter from A to J, chosen and not only mentioned."""

from ei.checker.answer.boxes import boxed
from ei.checker.answer.wrappers import peeled
from ei.checker.parse import vocabulary as v
from ei.checker.parse.runs import tokens_of
from ei.checker.parse.tokens import Token, Unreadable

LETTERS = frozenset("ABCDEFGHIJ")
BEFORE = v.words(
    "the correct right best final answer option choice is are so thus therefore hence letter my"
    " would be must : = would we choose select pick i chose would chosen solution"
)
CLOSERS = (")", ".", ":")


def is_choice(reference: str) -> str:
    """The letter of a reference that is one choice, or ""."""
    try:
        tokens = [
            t for t in tokens_of(peeled(reference)) if t.text not in ("(", ")", "{", "}", ".")
        ]
    except Unreadable:
        return ""
    alone = len(tokens) == 1 and tokens[0].kind in ("letter", "word") and tokens[0].text in LETTERS
    return tokens[0].text if alone else ""


def choice_of(answer: str) -> str:
    """The letter that an answer chooses, or "": alone, after "the answer is", before its text.

    The text after the letter must not be part of a formula, name another choice, or deny it.
    """
    content = boxed(answer)
    try:
        tokens = tokens_of(peeled(answer if content is None else content))
    except Unreadable:
        tokens = _unclosed(peeled(answer if content is None else content))
    tokens = [token for token in tokens if token.text not in ("{", "}") and token.kind != "quote"]
    at = 0
    while at < len(tokens) and tokens[at].text.lower() in BEFORE and not _is_letter(tokens, at):
        at += 1
    opened = at < len(tokens) and tokens[at].text in ("(", "[")
    at += opened
    if not _is_letter(tokens, at):
        return ""
    letter, rest = tokens[at].text.upper(), tokens[at + 1 :]
    if opened and (not rest or rest[0].text not in (")", "]")):
        return ""
    closed = bool(rest) and rest[0].text in (")", "]", ".", ":")
    rest = rest[1:] if closed else rest
    while rest and rest[-1].kind in ("stop", "sep"):
        rest = rest[:-1]
    return letter if not rest or (closed and _is_its_text(rest)) else ""


def _is_letter(tokens: list[Token], at: int) -> bool:
    """Whether one of the letters stands at an index."""
    if at >= len(tokens) or tokens[at].kind != "letter":
        return False
    letter = tokens[at].text
    return letter in LETTERS or (letter.upper() in LETTERS and len(tokens) <= 3)


def _is_its_text(rest: list[Token]) -> bool:
    """Whether what follows a letter may be the text of the choice."""
    if rest[0].kind == "op" and rest[0].text in ("^", "+", "/", "*", "_", "!", "|", "'"):
        return False
    if rest[0].text == "-" and rest[1:2] and rest[1].kind == "num":
        return False
    for index, token in enumerate(rest):
        low = token.text.lower()
        if (
            low in v.DENIALS
            or low.endswith("n't")
            or low in ("and", "or", "right", "correct", "true")
        ):
            return False
        bracketed = rest[index - 1].text == "(" if index else False
        after = rest[index + 1].text if index + 1 < len(rest) else ""
        letter = token.kind == "letter" and token.text in LETTERS and not token.prose
        if letter and (bracketed or after in CLOSERS or index == 0 or len(rest) == 1):
            return False
    return True


def _unclosed(text: str) -> list[Token]:
    """The tokens of `C) 7`, whose bracket nothing opens."""
    from ei.checker.parse.runs import sort_runs
    from ei.checker.parse.tokens import pieces_of

    try:
        return sort_runs(pieces_of(text))
    except Unreadable:
        return []
