"""An answer with what may stand around it: punctuation, "for all x", "(mod 5)"."""

from dataclasses import replace

from ei.checker.parse import vocabulary as v
from ei.checker.parse.matching import match_brackets
from ei.checker.parse.node import REALS, Node
from ei.checker.parse.shape import parse
from ei.checker.parse.tokens import Token, Unreadable

ENDS = ("stop", "sep", "quote")  # what may stand around an answer; a question mark may not


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
        (tokens[start].kind in ENDS and tokens[start].text != "?") or tokens[start].text == ":"
    ):
        start += 1
    while end > start and (
        (tokens[end - 1].kind in ENDS and tokens[end - 1].text != "?")
        or tokens[end - 1].text in ("\\", ":")
    ):
        end -= 1
    found = tokens[start:end]
    match_brackets(found)
    return found


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
