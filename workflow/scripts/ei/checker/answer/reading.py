"""From the text between the tags to the answer in it: every token accounted for, or words."""

from dataclasses import dataclass, field

from ei.checker.answer.boxes import boxed
from ei.checker.answer.statement import answer_of, stated, trimmed
from ei.checker.answer.wrappers import peeled
from ei.checker.parse.node import Node
from ei.checker.parse.runs import tokens_of
from ei.checker.parse.tokens import Token, Unreadable


@dataclass(frozen=True)
class Reading:
    """What a text was read as."""

    node: Node  # of the kind "words" where it is no answer that the grammar knows
    shown: str  # the stretch of the text that was taken for the answer
    why: str = ""  # it is only words
    tokens: list[Token] = field(default_factory=list)


def read(text: str, longest: int) -> Reading:
    """The answer in a text; only a stretch of at most `longest` characters is read."""
    content = boxed(text)
    content = peeled(text if content is None else content)
    if len(content) > longest:
        return Reading(Node("long"), content[:longest], "too long")
    try:
        tokens = tokens_of(content)
    except Unreadable as error:
        return Reading(words_node(content), content, str(error))
    if not tokens:
        return Reading(Node("empty"), content, "empty")
    try:
        return Reading(answer_of(list(tokens)), content, "", tokens)
    except Unreadable as error:
        why = str(error)
    try:
        node, said = stated(tokens_of(content))
    except Unreadable:
        return Reading(words_node(content), content, why, tokens)
    said = trimmed(said)
    return Reading(node, _source(content, said), "", tokens)


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
    pieces = [p for p in pieces if p.kind not in ("quote", "dollar") and p.text not in ("{", "}")]
    while pieces and pieces[-1].kind in ("stop", "sep"):
        pieces.pop()
    kept = [
        piece.text.lower()
        for piece in pieces
        if not (len(pieces) > 1 and piece.text.lower() in ARTICLES and piece.kind == "word")
        and piece.text not in ("\n", ",")
    ]
    return _closed_up(kept)


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
