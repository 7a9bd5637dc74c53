"""The parts of a sentence, by closed lists: connective, subject, verb, explanation at its end."""

from collections.abc import Iterator

from ei.checker.parse import vocabulary as v
from ei.checker.parse.tokens import Token

CONNECTIVE_PHRASES = sorted(v.CONNECTIVE_PHRASES, key=len, reverse=True)
PHRASAL_VERBS = sorted(v.PHRASAL_VERBS, key=len, reverse=True)
IS_THE_ANSWER = v.words("is the our my your final correct answer solution result")
PARTS_OF_VALUES = v.words(
    "third half quarter root dozen hundred square cube reciprocal factorial opposite thousand"
    " million absolute"
)
RELATIVE = v.words("that which who where when whose")  # a verb may follow in a subject
MARKS = frozenset(("Rightarrow", "rightarrow", "therefore", "because"))


def is_free(tokens: list[Token], figures: bool) -> bool:
    """Whether an explanation denies nothing, and holds no figures where it may not."""
    for token in tokens:
        low = token.text.lower()
        if (
            low in v.DENIALS
            or low.endswith("n't")
            or low == "?"
            or (token.kind == "num" and not figures)
        ):
            return False
    return True


def late_connectives(sentence: list[Token]) -> Iterator[int]:
    """Where a clause begins after a comma: "..., so he has 10"."""
    for index in range(len(sentence) - 1, 0, -1):
        if sentence[index - 1].text in (",", ";") and connective(sentence, index):
            yield index


def connective(tokens: list[Token], at: int) -> int:
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


def after_connectives(tokens: list[Token]) -> tuple[list[Token], bool]:
    """The tokens after connectives and their commas, and whether there were any."""
    at = 0
    while at < len(tokens):
        size = connective(tokens, at)
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


def without_tails(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens, and those before each explanation that may stand at their end."""
    yield tokens
    for index in range(1, len(tokens)):
        token = tokens[index]
        low = token.text.lower()
        opening = tokens[index - 1].text in (",", "(")
        if low in v.EXPLAINERS and (token.kind == "word"):
            free = is_free(tokens[index + 1 :], True)
        elif opening and low in v.CLAUSES:
            free = is_free(tokens[index + 1 :], False)
        elif (opening and _total(tokens[index:])) or (
            low == "is" and {t.text.lower() for t in tokens[index:]} <= IS_THE_ANSWER
        ):
            free = True
        elif low in ("that", "which", "who") and token.kind == "word":
            rest = tokens[index + 1 :]
            free = is_free(rest, False) and not v.HEDGES & {t.text.lower() for t in rest}
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
    return bool(size) and is_free(tokens[size:], False) and (
        len(tokens) == size or words[size] in (",", ".")
    )  # fmt: skip


def after_verb(tokens: list[Token], rank: int) -> Iterator[tuple[int, list[Token]]]:
    """What follows the verb of each subject that the closed lists know."""
    for at in range(len(tokens)):
        low = tokens[at].text.lower()
        if low in v.DENIALS or (low in v.HEDGES and low not in v.SUBJECTS):
            return
        subject = tokens[:at]
        size = _verb(tokens, at)
        if size and is_subject(subject):
            marked = any(token.text.lower() in v.MARKERS for token in subject)
            yield (3 if marked else rank), _after_adverbs(tokens[at + size :])
        elif low in v.MARKERS and (not subject or is_subject(subject)) and tokens[at + 1 :]:
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


def is_subject(tokens: list[Token]) -> bool:
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
    verbs = [index for index, word in enumerate(words) if word in v.BE]
    if verbs and not RELATIVE & set(words[: verbs[0]]):
        return False  # "the answer is 5" is no subject
    return bool(tokens) and (tokens[0].kind in ("word", "letter", "cmd", "fn") or words[0] == "|")


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
    return any(token.text in PARTS_OF_VALUES for token in tokens[1:3])
