"""From the text between the tags to the answer in it: every token accounted for, or words."""

import contextlib
from dataclasses import dataclass, field
from functools import lru_cache

from ei.checker.answer.boxes import boxed
from ei.checker.answer.qualified import answer_of, trimmed
from ei.checker.answer.statement import stated, words_after_marker
from ei.checker.answer.wrappers import peeled
from ei.checker.parse.node import Node
from ei.checker.parse.runs import tokens_of
from ei.checker.parse.tokens import Token, Unreadable

CACHED = 4096  # a reference is read once for all rollouts of its question


@dataclass(frozen=True)
class Reading:
    """What a text was read as."""

    node: Node  # of the kind "words" where it is no answer that the grammar knows
    shown: str  # the stretch of the text that was taken for the answer
    why: str = ""  # it is only words
    tokens: list[Token] = field(default_factory=list)


@lru_cache(maxsize=CACHED)
def read(text: str, longest: int) -> Reading:
    """The answer in a text; only a stretch of at most `longest` characters is read."""
    content = boxed(text)
    content = peeled(text if content is None else content)
    if len(content) > longest:
        return Reading(Node("long"), content[:longest], "too long")
    try:
        tokens = tokens_of(content)
    except Unreadable as error:
        rest = _conclusion(content)
        return read(rest, longest) if rest else Reading(words_node(content), content, str(error))
    if not tokens:
        return Reading(Node("empty"), content, "empty")
    try:
        return Reading(answer_of(list(tokens)), content, "", tokens)
    except Unreadable as error:
        why = str(error)
    if (after := _after_choice(tokens)) is not None:
        with contextlib.suppress(Unreadable):
            return Reading(answer_of(after), content, "", tokens)
    tokens = tokens_of(content)  # afresh: the first attempt has left its roles
    try:
        node, said = stated(tokens)
    except Unreadable:
        said = words_after_marker(tokens)
        if not said:
            return Reading(words_node(content), content, why, tokens)
        shown = _source(content, [token for token in said if token.kind != "stop"])
        return Reading(Node("words", phrase_key(said)), shown, why, tokens)
    said = trimmed(said)
    return Reading(node, _source(content, said), "", tokens)


def _conclusion(text: str) -> str:
    """What follows the last "Final Answer" in a text whose brackets do not match, or ""."""
    at = max(text.rfind("Final Answer"), text.rfind("final answer"))
    return text[at:] if at > 0 else ""


def _after_choice(tokens: list[Token]) -> list[Token] | None:
    """The tokens after a choice's letter in brackets: `(C) 13`."""
    opens = len(tokens) > 3 and tokens[0].text == "(" and tokens[2].text == ")"
    return tokens[3:] if opens and tokens[1].text in "ABCDEFGHIJ" else None


def _source(content: str, said: list[Token]) -> str:
    """The stretch of the text that tokens come from."""
    from ei.checker.parse.characters import plain_characters

    plain = plain_characters(content)
    return plain[min(t.at for t in said) : max(t.end for t in said)] if said else content


def words_node(text: str) -> Node:
    """A phrase, to be compared as words."""
    return Node("words", word_key(text))


ARTICLES = frozenset(("a", "an", "the"))


def word_key(text: str) -> str:
    """A phrase without case, spaces, articles, markup, and the punctuation at its end.

    Figures, and the points and colons within them, count: 2.5 is not 25, and 10:30 is not 1030.
    """
    try:
        pieces = tokens_of(text)
    except Unreadable:
        return " ".join(text.lower().split())
    return phrase_key(pieces)


def phrase_key(pieces: list[Token]) -> str:
    """The same of tokens."""
    pieces = [p for p in pieces if p.text not in ("{", "}")]
    while pieces and pieces[-1].kind in ("stop", "sep", "quote"):
        pieces.pop()
    while pieces and pieces[0].kind == "quote":
        pieces.pop(0)
    found = ""
    for index, piece in enumerate(pieces):
        if piece.text in ("\n", ",") or _is_article(pieces, index):
            continue
        apart = piece.space and found[-1:].isalnum() and piece.text[:1].isalnum()
        figures = found[-1:].isdigit() and piece.text[:1].isdigit()
        found += (" " if apart or figures else "") + piece.text.lower()
    return found


def _is_article(pieces: list[Token], index: int) -> bool:
    """Whether a piece is "a", "an" or "the" before a word."""
    after = pieces[index + 1] if index + 1 < len(pieces) else None
    return pieces[index].text.lower() in ARTICLES and after is not None and after.kind == "word"


def _closed_up(texts: list[str]) -> str:
    """The texts in a row; figures that stand apart stay apart."""
    found = ""
    for text in texts:
        found += " " if found[-1:].isdigit() and text[:1].isdigit() else ""
        found += text
    return found


def answer_key(text: str) -> str:
    """One string for all spellings of an answer, as far as typesetting goes; in linear time."""
    try:
        pieces = tokens_of(peeled(text))
    except Unreadable:
        return " ".join(text.split())
    while pieces and pieces[-1].kind in ("stop", "sep"):
        pieces.pop()
    return _closed_up([piece.text for piece in pieces if piece.kind != "quote"])
