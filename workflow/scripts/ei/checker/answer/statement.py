"""Sentences that state an answer, by a grammar of closed word lists.

    statement  = [connective] (answer | subject verb answer | pronoun verb answer) [tail]
    tail       = "because" anything | ", which" words | "in total" | "for all x"

A sentence with any other word states nothing: it may deny the number, doubt it, or mean another.
"""

from collections.abc import Iterator
from itertools import islice

from ei.checker.answer.clauses import (
    after_connectives,
    after_verb,
    connective,
    is_free,
    is_subject,
    late_connectives,
    without_tails,
)
from ei.checker.answer.qualified import answer_of
from ei.checker.parse import vocabulary as v
from ei.checker.parse.node import Node
from ei.checker.parse.tokens import Token, Unreadable

LONGEST = 120  # tokens of a sentence that is read
MOST_TRIES = 60  # stretches of it that are tried
CONCLUDING = frozenset(("So", "Therefore", "Thus", "Hence"))


def stated(tokens: list[Token]) -> tuple[Node, list[Token]]:
    """The answer that a text states, and the tokens that say it; raises Unreadable.

    A sentence that says "the answer is" goes before one that concludes with "so", and that before
    the first; all others must be explanations.
    """
    sentences = [s for s in _sentences(tokens) if s]
    read: list[tuple[int, Node, list[Token]] | None] = []
    heading = False
    for index, sentence in enumerate(sentences):
        if _is_heading(sentence):
            heading = True
            read.append(None)
            continue
        explains = bool(index) and sentence[0].text.lower() in v.HEADINGS
        found = None if explains else _claim(sentence, first=index == 0)
        read.append((3 if heading else found[0], *found[1:]) if found else None)
        heading = False
    claims = [(claim[0], i, claim) for i, claim in enumerate(read) if claim is not None]
    if not claims:
        raise Unreadable("no sentence that states an answer")
    best = max(rank for rank, _, _ in claims)
    of_best = [(i, claim) for rank, i, claim in claims if rank == best]
    at, (_, node, said) = of_best[-1 if best else 0]  # a bare answer comes first
    for i, sentence in enumerate(sentences):
        if i != at and not _is_heading(sentence):
            _check_other(sentence, read[i], node, best, i < at)
    end = max((token.end for token in said), default=0)
    for token in sentences[at]:
        if token.at >= end and token.kind != "stop":
            token.role = "explanation"
    return node, said


def _sentences(tokens: list[Token]) -> list[list[Token]]:
    """The tokens between line breaks and full stops that white space follows."""
    found: list[list[Token]] = [[]]
    for index, token in enumerate(tokens):
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        ends = (
            token.kind == "stop"
            and token.text != "?"
            and (token.text != "." or after is None or after.space or after.kind == "stop")
        )
        if ends and token.text == "." and _is_item_number(tokens, index):
            ends = False
        if token.text in CONCLUDING and token.space and token.kind == "word":
            found.append([])
        if ends:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _is_item_number(tokens: list[Token], index: int) -> bool:
    """Whether a full stop belongs to the number of a list's item: a line's "1. "."""
    starts = index >= 1 and tokens[index - 1].kind == "num"
    return starts and index >= 2 and tokens[index - 2].text == "\n"


def _check_other(
    sentence: list[Token],
    claim: tuple[int, Node, list[Token]] | None,
    node: Node,
    best: int,
    before: bool,
) -> None:
    """Raise Unreadable unless a sentence beside the statement may be an explanation of it."""
    words = [token.text.lower() for token in sentence]
    item = sentence[0].kind == "num" and words[1:2] == ["."] and len(words) > 2
    heading = words[0] in v.HEADINGS or words[:2] == ["this", "is"] or item
    bare = claim is not None and claim[0] in (0, 3) and not heading
    if (
        bare
        and claim is not None
        and claim[1].key != node.key
        and not (before and best >= 2 and claim[0] == 0)
    ):
        raise Unreadable("two statements that differ")
    if before and best >= 2:
        return  # what leads to a conclusion may say anything
    if claim is None and connective(sentence, 0):
        raise Unreadable("a later conclusion that cannot be read")
    prose = sum(token.kind == "word" for token in sentence) >= 3
    if not (heading or prose) or not is_free(sentence, True):
        raise Unreadable("a sentence that is no explanation")
    for token in sentence:
        token.role = "explanation"


def _is_heading(sentence: list[Token]) -> bool:
    """Whether a line holds nothing but "Final Answer:"."""
    words = [token.text.lower() for token in sentence if token.text not in (":", '"')]
    return bool(words) and all(w in v.MARKERS or w in ("final", "the", "my", "your") for w in words)


def _claim(sentence: list[Token], first: bool) -> tuple[int, Node, list[Token]] | None:
    """What a sentence states, with its rank: 3 the answer, 2 a conclusion, 1 another, 0 bare."""
    if len(sentence) > LONGEST:
        return None
    for rank, candidate in islice(_candidates(sentence), MOST_TRIES):
        try:
            node = answer_of(candidate)
        except Unreadable:
            continue
        return (rank if rank or first else 0), node, candidate
    return None


def _candidates(sentence: list[Token]) -> Iterator[tuple[int, list[Token]]]:
    """The stretches of a sentence that may be its answer, with their ranks, likeliest first."""
    marked = _after_marker(sentence)
    if marked:
        for part in without_tails(marked):
            yield 3, part
            for _, rest in after_verb(part, 3):
                yield 3, rest
        yield from _only_value(marked)
    for start in (0, *late_connectives(sentence)):
        if start and not is_free(sentence[:start], True):
            continue
        rest, concluded = after_connectives(sentence[start:])
        for part in without_tails(rest):
            yield (2 if concluded or start else 0), part
            yield from after_verb(part, 2 if concluded or start else 1)


def _after_marker(sentence: list[Token]) -> list[Token]:
    """What follows "Final answer:" in the same sentence."""
    for index, token in enumerate(sentence[:6]):
        if token.text == ":" and _is_heading(sentence[:index]):
            return sentence[index + 1 :]
    return []


def _only_value(tokens: list[Token]) -> Iterator[tuple[int, list[Token]]]:
    """The only number of a sentence after "Final answer:", with the word that it counts."""
    numbers = [i for i, token in enumerate(tokens) if token.kind == "num"]
    words = [token.text.lower() for token in tokens]
    changed = (
        v.DENIALS | v.HEDGES | v.words("square cube root half twice double triple third of by")
    )
    if (
        len(numbers) == 1
        and all(t.kind in ("word", "num") for t in tokens)
        and not changed & set(words)
    ):
        yield 3, tokens[numbers[0] : numbers[0] + 2]


def words_after_marker(tokens: list[Token]) -> list[Token]:
    """The words of "The answer is Friday.", or nothing where no such sentence comes."""
    for at, token in enumerate(tokens[:20]):
        marked = any(t.text.lower() in v.MARKERS for t in tokens[:at])
        if marked and token.text.lower() in ("is", ":", "are") and is_subject(tokens[:at]):
            return tokens[at + 1 :]
    return []
