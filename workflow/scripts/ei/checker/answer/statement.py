"""Sentences that state an answer, by a grammar of closed word lists.

    statement  = [connective] (answer | subject verb answer | pronoun verb answer) [tail]
    tail       = "because" anything | ", which" words | "in total" | "for all x"

A sentence with any other word states nothing: it may deny the number, doubt it, or mean another.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from ei.checker.parse import vocabulary as v
from ei.checker.parse.node import REALS, Node
from ei.checker.parse.shape import parse
from ei.checker.parse.tokens import Token, Unreadable, match_brackets

LONGEST = 120  # tokens of a sentence that is read
MOST_TRIES = 60  # stretches of it that are tried
CONNECTIVE_PHRASES = sorted(v.CONNECTIVE_PHRASES, key=len, reverse=True)
PHRASAL_VERBS = sorted(v.PHRASAL_VERBS, key=len, reverse=True)
CONCLUDING = frozenset(("So", "Therefore", "Thus", "Hence"))
IS_THE_ANSWER = v.words("is the our my your final correct answer solution result")
MARKS = frozenset(("Rightarrow", "rightarrow", "therefore", "because"))


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
    return node, said


def _sentences(tokens: list[Token]) -> list[list[Token]]:
    """The tokens between line breaks and full stops that white space follows."""
    found: list[list[Token]] = [[]]
    for index, token in enumerate(tokens):
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        ends = token.kind == "stop" and (
            token.text != "." or after is None or after.space or after.kind == "stop"
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
    if claim is None and _connective(sentence, 0):
        raise Unreadable("a later conclusion that cannot be read")
    prose = sum(token.kind == "word" for token in sentence) >= 3
    if not (heading or prose) or not _is_free(sentence, True):
        raise Unreadable("a sentence that is no explanation")
    for token in sentence:
        token.role = "explanation"


def _is_heading(sentence: list[Token]) -> bool:
    """Whether a line holds nothing but "Final Answer:"."""
    words = [token.text.lower() for token in sentence if token.text not in (":", '"')]
    return bool(words) and all(w in v.MARKERS or w in ("final", "the", "my", "your") for w in words)


def _is_free(tokens: list[Token], figures: bool) -> bool:
    """Whether an explanation denies nothing, and holds no figures where it may not."""
    for token in tokens:
        low = token.text.lower()
        if low in v.DENIALS or low.endswith("n't") or (token.kind == "num" and not figures):
            return False
    return True


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
        for part in _without_tails(marked):
            yield 3, part
            for _, rest in _after_verb(part, 3):
                yield 3, rest
        yield from _only_value(marked)
    for start in (0, *_late_connectives(sentence)):
        if start and not _is_free(sentence[:start], True):
            continue
        rest, concluded = _after_connectives(sentence[start:])
        for part in _without_tails(rest):
            yield (2 if concluded or start else 0), part
            yield from _after_verb(part, 2 if concluded or start else 1)


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


def _late_connectives(sentence: list[Token]) -> Iterator[int]:
    """Where a clause begins after a comma: "..., so he has 10"."""
    for index in range(len(sentence) - 1, 0, -1):
        if sentence[index - 1].text in (",", ";") and _connective(sentence, index):
            yield index


def _connective(tokens: list[Token], at: int) -> int:
    """How many tokens the connective at an index has; 0 where there is none."""
    token = tokens[at]
    if token.text in MARKS or (token.kind == "word" and token.text.lower() in v.CONNECTIVES):
        return 1
    for phrase in CONNECTIVE_PHRASES:
        if _matches(tokens, at, phrase):
            return len(phrase.split())
    return 0


def _matches(tokens: list[Token], at: int, phrase: str) -> bool:
    """Whether the words of a phrase stand at an index."""
    words = phrase.split()
    return [token.text.lower() for token in tokens[at : at + len(words)]] == words


def _after_connectives(tokens: list[Token]) -> tuple[list[Token], bool]:
    """The tokens after connectives and their commas, and whether there were any."""
    at = 0
    while at < len(tokens):
        size = _connective(tokens, at)
        if not size and not (at and tokens[at].text in (",", ":")):
            break
        if tokens[at].text.lower() == "total" and tokens[at + 1 : at + 2] and (
            tokens[at + 1].kind == "word"
        ):  # fmt: skip
            break
        for token in tokens[at : at + max(size, 1)]:
            token.role = "connective"
        at += max(size, 1)
    return tokens[at:], at > 0


def _without_tails(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens, and those before each explanation that may stand at their end."""
    yield tokens
    for index in range(1, len(tokens)):
        token = tokens[index]
        low = token.text.lower()
        opening = tokens[index - 1].text in (",", "(")
        if low in v.EXPLAINERS and (token.kind == "word"):
            free = _is_free(tokens[index + 1 :], True)
        elif opening and low in v.CLAUSES:
            free = _is_free(tokens[index + 1 :], False)
        elif (opening and _total(tokens[index:])) or (
            low == "is" and {t.text.lower() for t in tokens[index:]} <= IS_THE_ANSWER
        ):
            free = True
        elif low in ("that", "which", "who") and token.kind == "word":
            rest = tokens[index + 1 :]
            free = _is_free(rest, False) and not v.HEDGES & {t.text.lower() for t in rest}
        else:
            continue
        if free:
            yield tokens[: index - 1] if opening else tokens[:index]


def _total(tokens: list[Token]) -> bool:
    """Whether the rest is "in total" and then at most a clause without figures."""
    words = [token.text.lower() for token in tokens]
    size = (
        2
        if words[:2] in (["in", "total"], ["in", "all"])
        else int(words[0] in ("altogether", "total"))
    )
    return bool(size) and _is_free(tokens[size:], False) and (
        len(tokens) == size or words[size] in (",", ".")
    )  # fmt: skip


def _after_verb(tokens: list[Token], rank: int) -> Iterator[tuple[int, list[Token]]]:
    """What follows the verb of each subject that the closed lists know."""
    for at in range(len(tokens)):
        low = tokens[at].text.lower()
        if low in v.DENIALS or (low in v.HEDGES and low not in v.SUBJECTS):
            return
        subject = tokens[:at]
        size = _verb(tokens, at)
        if size and _is_subject(subject):
            marked = any(token.text.lower() in v.MARKERS for token in subject)
            yield (3 if marked else rank), _after_adverbs(tokens[at + size :])
        elif low in v.MARKERS and (not subject or _is_subject(subject)) and tokens[at + 1 :]:
            yield 3, tokens[at + 1 :]  # "Answer 17"
        having = low in v.HAVING and _is_having(subject)
        if having:
            yield rank, _after_adverbs(tokens[at + 1 :])


def _verb(tokens: list[Token], at: int) -> int:
    """How many tokens the verb at an index has; 0 where there is none."""
    for phrase in PHRASAL_VERBS:
        if _matches(tokens, at, phrase):
            return len(phrase.split())
    return int(tokens[at].text.lower() in v.BE or (at > 0 and tokens[at].text == "="))


def _is_subject(tokens: list[Token]) -> bool:
    """Whether the tokens are a subject: words of the closed list, and formulas.

    "Twice the answer" is not the answer: nothing may stand between it and its article.
    """
    words = [token.text.lower() for token in tokens]
    for index, (token, word) in enumerate(zip(tokens, words, strict=True)):
        if token.kind == "word" and word not in v.SUBJECTS and not _is_open(tokens, index):
            return False
        marker = word in ("answer", "result", "solution") and index > 1
        if marker and {"of", "than", "in", "from"} & set(words[max(0, index - 4) : index]):
            return False
        if word in ("square", "cube", "root", "negative", "sum", "reciprocal") and words[
            index + 1 : index + 2
        ] == ["of"]:
            return False
    if any(t.kind in ("bad", "stop", "env") or (t.kind == "rel" and t.text != "=") for t in tokens):
        return False
    return bool(tokens) and tokens[0].kind in ("word", "letter", "cmd", "fn", "op")


def _is_open(tokens: list[Token], index: int) -> bool:
    """Whether a word of no list may stand in a subject: a plural, or a name."""
    text = tokens[index].text
    plural = text.islower() and len(text) > 3 and text.endswith("s") and not text.endswith("ss")
    name = text[:1].isupper() and text[1:].islower() and text.lower() not in v.NEUTRAL
    return (plural or name or text.isupper()) and text.lower() not in v.HEDGES and index > 0


def _is_having(tokens: list[Token]) -> bool:
    """Whether the tokens may have or do something: "he", "There", "John", "then she"."""
    words = [token.text.lower() for token in tokens]
    if not words or words[-1] in v.DENIALS:
        return False
    subject = all(w in v.PRONOUNS or w in v.SUBJECTS or w in v.CONNECTIVES for w in words)
    name = len(tokens) == 1 and tokens[0].text[:1].isupper() and tokens[0].text[1:].islower()
    return subject or name


def _after_adverbs(tokens: list[Token]) -> list[Token]:
    """The tokens after words such as "exactly", a colon, and "a profit of"."""
    at = 0
    while at < len(tokens) and (
        tokens[at].text.lower() in v.ADVERBS or tokens[at].text in (":", ",")
    ):
        if tokens[at].kind == "letter" and [t.kind for t in tokens[at + 1 : at + 2]] != ["word"]:
            break
        if tokens[at].text.lower() in ("a", "the") and _reads_as_number(tokens[at:]):
            break
        at += 1
    for index in range(at, min(at + 4, len(tokens))):
        if tokens[index].text == "of" and all(
            t.text.lower() in v.SUBJECTS for t in tokens[at:index]
        ):
            if {"square", "cube", "root", "reciprocal", "half", "third", "sum", "number", "digits",
                "average", "product", "difference", "quotient", "set", "mean", "ratio"} & {
                t.text.lower() for t in tokens[at:index]}:  # fmt: skip
                break
            return tokens[index + 1 :]
    return tokens[at:]


def _reads_as_number(tokens: list[Token]) -> bool:
    """Whether "a third of" or "the square root of" comes, which is part of a value."""
    return any(token.text in ("third", "half", "quarter", "root", "dozen", "hundred", "square", "cube",
               "reciprocal", "factorial", "opposite", "thousand", "million", "absolute")
               for token in tokens[1:3])  # fmt: skip


def answer_of(tokens: list[Token]) -> Node:
    """The answer that tokens are, with a phrase such as "no solution"; raises Unreadable."""
    tokens = trimmed(tokens)
    if not tokens:
        raise Unreadable("nothing")
    phrase = " ".join(token.text.lower() for token in tokens)
    for kind, phrases in (("none", v.NO_SOLUTION), ("missing", v.MISSING)):
        if phrase in phrases:
            return Node(kind, "{}" if kind == "none" else "missing")
    if phrase in v.ALL_REALS:
        return REALS
    body, qualifier = _without_qualifier(tokens)
    node = parse(_with_rounding(body))
    return replace(node, qualifier=qualifier) if qualifier else node


def _with_rounding(tokens: list[Token]) -> list[Token]:
    """The tokens with a sign for "approximately" after "or": the value before is exact."""
    kept = []
    for index, token in enumerate(tokens):
        hedge = token.text.lower() in ("approximately", "about", "roughly", "approx")
        if hedge and index and tokens[index - 1].text == "or":
            token = replace(token, kind="rel", text="~=")
        kept.append(token)
    return kept


def trimmed(tokens: list[Token]) -> list[Token]:
    """The tokens without stops, separators and quotation marks at their ends."""
    start, end = 0, len(tokens)
    while start < end and (
        tokens[start].kind in ("stop", "sep", "quote") or tokens[start].text == ":"
    ):
        start += 1
    while end > start and (
        tokens[end - 1].kind in ("stop", "sep", "quote") or tokens[end - 1].text in ("\\", ":")
    ):
        end -= 1
    found = tokens[start:end]
    match_brackets(found)
    return found


def words_after_marker(tokens: list[Token]) -> list[Token]:
    """The words of "The answer is Friday.", or nothing where no such sentence comes."""
    for at, token in enumerate(tokens[:20]):
        marked = any(t.text.lower() in v.MARKERS for t in tokens[:at])
        if marked and token.text.lower() in ("is", ":", "are") and _is_subject(tokens[:at]):
            return tokens[at + 1 :]
    return []


def _without_qualifier(tokens: list[Token]) -> tuple[list[Token], str]:
    """The tokens before "for all x", and that as a string."""
    for index in range(1, len(tokens)):
        token = tokens[index]
        if (modulus := _modulus(tokens[index:])) is not None:
            return trimmed(tokens[:index]), f"mod {modulus}"
        if (
            token.kind == "word"
            and token.text.lower() in v.QUALIFIER_STARTS
            and index < len(tokens) - 1
        ):
            rest = tokens[index:]
            if all(_may_qualify(part) for part in rest) and any(
                p.kind in ("letter", "cmd") for p in rest
            ):
                body = tokens[: index - (tokens[index - 1].text in (",", "("))]
                for part in rest:
                    part.role = "qualifier"
                return trimmed(body), "".join(p.text for p in rest).lower().rstrip(")")
    return tokens, ""


def _modulus(tokens: list[Token]) -> str | None:
    r"""The modulus of "(mod 5)", `\pmod{5}` or `\pmod 5`, if the rest is that."""
    texts = [token.text for token in tokens if token.text not in ("{", "}")]
    if len(texts) == 4 and texts[0] == "(" and texts[1] in ("mod", "bmod") and texts[3] == ")":
        return texts[2]
    return texts[1] if len(texts) == 2 and texts[0] == "pmod" else None


def _may_qualify(token: Token) -> bool:
    if token.kind == "word":
        return token.text.lower() in v.QUALIFIERS
    return token.kind in ("letter", "sep", "close", "open", "num", "cmd") or (
        token.kind == "rel" and token.text in ("in", ">", ">=", "!=", "<", "<=")
    )
