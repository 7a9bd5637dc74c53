r"""What stands in `\boxed{...}`: the last box, or the last few that belong together."""

import itertools
import re

from ei.checker.parse.tokens import Token, Unreadable, brace_pairs, pieces_of
from ei.checker.parse.vocabulary import DENIALS

BOX = re.compile(
    r"\\(?:boxed|fbox|framebox)(?![a-zA-Z]) ?(?P<brace>\{)?(?P<bare>-?[0-9]+|[a-zA-Z])?"
)
NEAR = 70  # characters that may lie between joined boxes
DENIED = re.compile(r"(?:\b(?:not|never|cannot|isn't|than)|n't(?: be)?|not be)[\s$:(\\]*$", re.I)
GLUE = frozenset(("sep", "rel", "open", "close", "stop", "letter", "dollar"))
AFTER = re.compile(r"[\s$)\]}\\]{0,9}(\\?%|(?:percent|thousand|million|billion|trillion)\b)")


def last_box(response: str) -> str | None:
    """The answer in the last box of a whole response.

    None where there is no box, or where the last one never closes: a truncated `\\boxed{12` may be
    the beginning of 125.
    """
    found = _boxes(response) if "box" in response else []
    return boxed(response) if found and found[-1][1] <= len(response) else None


def boxed(text: str) -> str | None:
    """The answer in boxes, or None where there is no box.

    Boxes that only commas, brackets, labels, "and", "or" or white space join make one answer
    together, with that glue: `x=\\boxed{5}, y=\\boxed{3}` is `x=5, y=3`.
    """
    if "box" not in text:
        return None
    found = _boxes(text)
    if not found:
        return None
    if DENIED.search(text[max(0, found[-1][0] - 30) : found[-1][0]]):
        return text  # unreadable as it stands, which is what it should be
    chosen = [found[-1]]
    for box in reversed(found[:-1]):
        if not _is_glue(text[box[1] : chosen[0][0]]):
            break
        chosen.insert(0, box)
    if len(chosen) == 1:
        after = AFTER.match(text, chosen[0][1])
        return f"{_inner(chosen[0][2])} {after[1]}" if after else _inner(chosen[0][2])
    return _joined(text, chosen)


def _boxes(text: str) -> list[tuple[int, int, str]]:
    """Start, end and content of each outermost box; one that never closes holds the rest."""
    closes = brace_pairs(text)
    found: list[tuple[int, int, str]] = []
    for match in BOX.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        if match["brace"]:
            opening = match.start("brace")
            end = closes.get(opening, len(text))
            found.append((match.start(), end + 1, text[opening + 1 : end]))
        elif match["bare"]:
            found.append((match.start(), match.end(), match["bare"]))
    return found


def _inner(content: str) -> str:
    """The content, or that of a box within it."""
    for _ in range(5):
        nested = _boxes(content)
        if not nested:
            break
        content = nested[-1][2]
    return content.strip()


def _is_glue(between: str) -> bool:
    """Whether a text between two boxes only joins them."""
    if len(between) > NEAR:
        return False
    try:
        pieces = pieces_of(between)
    except Unreadable:
        return False
    joiners = [i for i, piece in enumerate(pieces) if _joins(piece)]
    words = pieces[: joiners[-1]] if joiners else []  # "for part (a) and": said of the first box
    if any(piece.text.lower() in DENIALS - {"or"} or piece.kind == "num" for piece in words[1:]):
        return False
    return all(_glues(pieces, i) for i in range(joiners[-1] if joiners else 0, len(pieces)))


def _joins(piece: Token) -> bool:
    """Whether a piece joins what stands around it."""
    return piece.text.lower() in ("and", "or") or piece.kind == "sep"


def _glues(pieces: list[Token], index: int) -> bool:
    """Whether a piece is a separator, a bracket, or part of a label."""
    piece = pieces[index]
    return (
        piece.kind in GLUE
        or _joins(piece)
        or (piece.kind == "run" and len(piece.text) == 1)
        or piece.text == "_"
        or (index > 0 and pieces[index - 1].text == "_")
    )


def _joined(text: str, chosen: list[tuple[int, int, str]]) -> str:
    """The contents with what joins them, and the label or bracket before the first."""
    lead, trail = _lead(text, chosen[0][0]), ""
    if lead.strip(" $")[-1:] in ("(", "["):
        rest = text[chosen[-1][1] :].lstrip(" $")
        trail = rest[:1] if rest[:1] in (")", "]") else ""
        lead = lead if trail else ""
    made = [lead, _inner(chosen[0][2])]
    for before, box in itertools.pairwise(chosen):
        made += [_between(text[before[1] : box[0]]), _inner(box[2])]
    return "".join([*made, trail]).strip()


def _between(text: str) -> str:
    """What joins two boxes in their common answer."""
    text = text.replace("$", " ")
    plain = re.sub(r"\\[a-zA-Z]+|\b(?:and|or)\b", " ", text)
    if re.search(r"[a-zA-Z]{2}", plain) or not text.strip(" \n."):
        return " or " if re.search(r"\bor\b", text) else ", "
    return text


def _lead(text: str, at: int) -> str:
    """The label or the bracket that stands right before a box: `x=`, `(`."""
    match = re.search(
        r"(?:(?:(?<=\s)|(?<=\$)|^)[a-zA-Z](?:_\w)? ?= ?|[(\[] ?)$", text[max(0, at - 12) : at]
    )
    return match[0] if match else ""
