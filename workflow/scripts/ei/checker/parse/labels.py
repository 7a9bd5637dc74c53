"""Labels: what a value is said to be. `x`, `f(x)`, `AB`, `\\angle A`, `P(A)`, "width"."""

from ei.checker.parse.cursor import Cursor
from ei.checker.parse.node import Node
from ei.checker.parse.vocabulary import BE, CONNECTIVES, DENIALS, HAVING, HEDGES, MARKERS, words

LONGEST = 12  # tokens of a label
NO_LABEL = MARKERS | words("total final overall altogether result correct the")
VERBS = BE | HAVING  # "the answer is x" is no label
DECORATIONS = words(
    "angle triangle measuredangle overline vec hat bar widehat overarc alpha beta gamma delta theta"
    " lambda mu phi omega rho sigma Delta Omega tau psi epsilon ell"
)
FUNCTIONS = words("sin cos tan cot sec csc log ln det dim deg")


def word_label(cursor: Cursor) -> str:
    """Take words and the sign after them, as in `width = 4` and `Tom: 4`; the words as a label.

    Words that only say that this is the answer make no label.
    """
    ahead = 0
    while cursor.kind(ahead) in ("word", "letter") and ahead < LONGEST:
        ahead += 1
    taken = [cursor.peek(k) for k in range(ahead)]
    lower = [token.text.lower() for token in taken]
    letters = all(token.kind == "letter" for token in taken)
    if not taken or cursor.text(ahead) not in ("=", ":", "~="):
        return ""
    if letters and (cursor.text(ahead) != ":" or len(taken) < 2):
        return ""
    if any(
        word in DENIALS | VERBS | CONNECTIVES - {"total"} or word in HEDGES - {"up", "down", "same"}
        for word in lower
    ):
        return ""
    for _ in range(ahead):
        cursor.take("label")
    if cursor.text() == ":":
        cursor.take("label")
    return "" if all(word in NO_LABEL for word in lower) else " ".join(lower)


def label_of(cursor: Cursor, start: int, end: int) -> str:
    """The tokens of a side as a label, or "" where they are no name."""
    tokens = [token for token in cursor.tokens[start:end] if token.text not in ("{", "}")]
    if not tokens or len(tokens) > LONGEST:
        return ""
    texts = [token.text for token in tokens]
    if texts[0] in ("(", "[") and texts[-1] in (")", "]"):
        inner = [token.kind for token in tokens[1:-1]]
        names = set(inner) <= {"letter", "sep", "op", "num"} and "letter" in inner
        return "".join(texts) if names and "," in texts and "-" not in texts else ""
    pairs = [(token.kind, token.text) for token in tokens]
    if texts[0] == texts[-1] == "|" and len(texts) > 2:
        pairs = pairs[1:-1]
    ratio = [list(part) for part in _split(pairs, ":")]
    if texts[0] == "frac" and {kind for kind, _ in pairs[1:]} == {"letter"}:
        return "".join(texts)
    return "".join(texts) if all(part and _is_name(part) for part in ratio) else ""


def _split(tokens: list[tuple[str, str]], sign: str) -> list[list[tuple[str, str]]]:
    """The stretches between a sign."""
    found: list[list[tuple[str, str]]] = [[]]
    for token in tokens:
        if token[1] == sign:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _is_name(tokens: list[tuple[str, str]]) -> bool:
    """Whether tokens are a name: letters, subscripts, accents, then perhaps arguments."""
    while tokens and (tokens[0][1] in DECORATIONS or tokens[0][1] in FUNCTIONS):
        tokens = tokens[1:] or [("letter", "")]
    if not tokens or tokens[0][0] not in ("letter", "word"):
        return tokens == []
    at, depth = 0, 0
    while at < len(tokens):
        kind, text = tokens[at]
        if text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
        elif text == "^" and tokens[at + 1 : at + 3] == [("op", "-"), ("num", "1")]:
            at += 2
        elif (
            (depth and kind in ("letter", "num", "sep", "rel"))
            or (
                not depth
                and (kind in ("letter", "word") or text in ("_", "'") or text in DECORATIONS)
            )
            or (kind == "num" and tokens[at - 1][1] == "_")
        ):
            pass
        else:
            return False
        at += 1
    return depth == 0


def is_name(node: Node) -> bool:
    """Whether a side is one name that a value may be given to."""
    if node.kind != "value" or node.tree is None or node.unit or node.percent or node.degrees:
        return False
    if node.tree[0] == "var":
        return node.tree[1] != "i"
    return node.tree[0] == "fn" and len(node.tree) == 3 and node.tree[1] in ("f", "g", "h")
