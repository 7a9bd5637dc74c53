"""What a run of letters is: a product of letters, a function, a constant, or a word.

`ab` is a product, `sin` a function, `of` a word. Two or three letters that are on no list are a
product, unless they stand beside a word: "red" in "12 red marbles".
"""

from ei.checker.parse.matching import match_brackets
from ei.checker.parse.numerals import NUMBER_WORDS
from ei.checker.parse.tokens import Token, pieces_of
from ei.checker.parse.units import CURRENCY, unit_name
from ei.checker.parse.vocabulary import (
    CONSTANTS,
    DENIALS,
    FUNCTIONS,
    GREEK,
    HEDGES,
    JOINERS,
    SUBJECTS,
    words,
)

SHORT_WORDS = words(
    "is in of to by at an the for all any not one two six ten was has had got get can may he she it"
    " we so or and but no yes odd set sum per mod if as be do on up you my our its his her are see"
    " use via out off too who how why now new old way day due ans etc ish am pm th st nd rd"
    " sq cu pct"
    " hence thus even real base bin am pm dne yes vs iff let row col"
)
VARIABLES = tuple("abnrtxyzAB")
GLUED = ("sqrt", "sin", "cos", "tan", "log", "ln", "exp", "pi")  # sinx, lnx, pir


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text with their brackets matched; raises Unreadable where that fails."""
    found = sort_runs(pieces_of(text))
    match_brackets(found)
    return found


def sort_runs(found: list[Token]) -> list[Token]:
    """The tokens with each run as tokens of kind letter, fn, word, or cmd (constants)."""
    kinds = [_kind(found, i) for i in range(len(found))]
    kept: list[Token] = []
    for index, token in enumerate(found):
        kind = kinds[index]
        if kind == "letters" and _beside_word(found, kinds, index):
            kind = "word"
        if kind == "letters":
            kept += _letters(token, token.text)
        elif kind == "glued":
            name = next(name for name in GLUED if token.text.startswith(name))
            kept.append(_part(token, "cmd" if name == "pi" else "fn", name, token.space))
            kept += _letters(token, token.text[len(name) :], space=False)
        else:
            token.kind = kind
            kept.append(token)
    return kept


def _kind(found: list[Token], index: int) -> str:
    """The kind of one token; "letters" and "glued" are runs still to be split."""
    token = found[index]
    if token.kind == "cmd":
        return "fn" if token.text in FUNCTIONS and token.text != "binom" else token.kind
    if token.kind != "run":
        return token.kind
    text, low = token.text, token.text.lower()
    if len(text) == 1:
        if text == "U" and index and index + 1 < len(found) and found[index - 1].kind == "close":
            token.text = "cup" if found[index + 1].kind == "open" else "U"  # [0, 1) U (1, 2]
        if text in "xX" and token.space and _between_numbers(found, index):
            token.text = "*"  # 6 x 5
            return "op"
        return "letter" if len(token.text) == 1 else "op"
    if text in CONSTANTS and not (text == "inf" and token.prose):
        return "cmd"
    if text in FUNCTIONS:
        return "fn" if _has_argument(found, index) else "word"
    if token.prose:
        return "word" if text not in GREEK else "cmd"
    if text in GREEK and len(text) > 3:
        return "cmd"
    if low in ("am", "pm") and index and found[index - 1].kind == "num":
        return "word"
    if low in SHORT_WORDS or low in DENIALS or low in HEDGES or low in JOINERS:
        return "word" if not (text.isupper() and len(text) == 2) else "letters"
    if low in NUMBER_WORDS or text in CURRENCY or (len(low) > 3 and low in SUBJECTS):
        return "word"
    if len(text) <= 5 and _is_glued(text):
        return "glued"
    if len(text) > 3 or (unit_name(text) and _counts(found, index)):
        return "word"
    return "letters" if "'" not in text else "word"


def _between_numbers(found: list[Token], index: int) -> bool:
    """Whether numbers stand on both sides, with spaces."""
    sides = found[index - 1 : index + 2 : 2] if index else []
    return len(sides) == 2 and all(t.kind == "num" for t in sides) and sides[1].space


def _is_glued(text: str) -> bool:
    """Whether a run is a function's name with one letter after it that is often a variable."""
    return any(text.startswith(name) and text[len(name) :] in VARIABLES for name in GLUED)


def _has_argument(found: list[Token], index: int) -> bool:
    """Whether something that a function may take follows: not a relation, a word or the end."""
    after = found[index + 1] if index + 1 < len(found) else None
    if after is None or after.kind in ("rel", "sep", "close", "stop", "money", "env"):
        return False
    if after.kind == "op":
        return after.text in ("_", "^", "|", "-")
    return after.kind != "run" or len(after.text) <= 3 or after.text in (*FUNCTIONS, *GREEK)


def _counts(found: list[Token], index: int) -> bool:
    """Whether a number, or the end of one, stands before the run: then `mg` is a unit."""
    before = found[index - 1] if index else None
    if before is None:
        return False
    if before.kind == "run":
        return found[index].space and len(before.text) > 1
    return before.kind in ("num", "close", "money") or before.text in ("/", "circ", "pi", "*")


def _beside_word(found: list[Token], kinds: list[str], index: int) -> bool:
    """Whether a run that may be a product stands beside a word, and may be one itself."""
    text = found[index].text
    if text.isupper() or not set(text.lower()) & set("aeiouy"):
        return False
    before = index > 0 and kinds[index - 1] == "word" and found[index].space
    after = index + 1 < len(found) and kinds[index + 1] == "word" and found[index + 1].space
    return before or after


def _letters(token: Token, text: str, space: bool | None = None) -> list[Token]:
    """One token for each letter."""
    first = token.space if space is None else space
    return [
        _part(token, "letter", letter, first if i == 0 else False) for i, letter in enumerate(text)
    ]


def _part(token: Token, kind: str, text: str, space: bool) -> Token:
    """A token for a piece of a run."""
    return Token(kind, text, space, token.prose, token.at, token.end)
