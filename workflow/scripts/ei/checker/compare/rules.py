"""The order of the rules: string, choice letter, then the shapes and their leaves."""

import re

from ei.checker.answer.candidate import boxed_only, candidate
from ei.checker.answer.spelling import clean, key
from ei.checker.compare.arithmetic import same_value
from ei.checker.compare.shapes import equal, word_key
from ei.checker.compare.values import Leaves
from ei.checker.parse.node import Node
from ei.checker.parse.shape import parse
from ei.checker.settings import Verdict

NUMBER = re.compile(
    r"-?\d{1,300}(?:\.\d{1,90})?(?:/0*[1-9]\d{0,300})?"
)  # the usual answer, decided without a parse
CHOICE = re.compile(r"^(?:\(([A-J])\)|([A-J]))$")
CHOSEN = re.compile(r"^(?:(?:option|choice|answer)\s*)?(?:\(([A-J])\)|([A-J])(?:[.):]|$))", re.I)
NUMBERED = re.compile(r"^(?:\([A-J]\)|[A-J]\)|[A-J]\.)\s*(?=\S)")
LONGEST_TEXT = 20  # times max_chars: how much text a candidate is looked for in


def decide(reference: str, answer: str, leaves: Leaves) -> Verdict | None:
    """The verdict on a pair, or None where these leaves cannot tell."""
    limit = leaves.settings.max_chars
    found = candidate(answer) if len(answer) <= LONGEST_TEXT * limit else answer
    shown = found[:limit]
    if len(found) > limit:
        return Verdict("unparsable", "too long", shown)
    ref, ans = clean(boxed_only(reference)), clean(found)
    if not ans or not ref:
        return Verdict("unparsable", "empty", shown)
    if key(ref) == key(ans):
        return Verdict("correct", "string", shown)
    if choice := CHOICE.match(ref):
        return _choice(choice[1] or choice[2], ans, shown)
    if NUMBER.fullmatch(ref) and NUMBER.fullmatch(ans):
        return Verdict("correct" if same_value(ref, ans) else "wrong", "value: arithmetic", shown)
    ans = NUMBERED.sub("", ans)
    nodes = parse(ref), parse(ans)
    if word_key(ref) == word_key(ans) and nodes[0].kind == "words":
        return Verdict("correct", "words", shown)
    result = equal(*nodes, leaves)
    if result is None:
        return None
    return Verdict(_status(result, *nodes, leaves), _rule(*nodes, leaves), shown)


def _choice(letter: str, answer: str, shown: str) -> Verdict:
    """A letter is right where it is the chosen one, alone or before the text of the choice."""
    chosen = CHOSEN.match(answer)
    found = (chosen[1] or chosen[2]) if chosen else ""
    return Verdict("correct" if found == letter else "wrong", "choice", shown)


def _status(result: bool, ref: Node, ans: Node, leaves: Leaves) -> str:
    if result:
        return "correct"
    return (
        "unparsable"
        if "unparsable" in leaves.used or (ans.kind == "words" and ref.kind != "words")
        else "wrong"
    )


def _rule(ref: Node, ans: Node, leaves: Leaves) -> str:
    """The shapes, and what decided their leaves: "value: arithmetic", "list/set: math-verify"."""
    shapes = ref.kind if ref.kind == ans.kind else f"{ref.kind}/{ans.kind}"
    how: list[str] = [
        name
        for name in ("base", "percent", "units", "points", "math-verify")
        if name in leaves.used
    ]
    if shapes == "value" and not how:
        how = ["arithmetic"]
    return f"{shapes}: {', '.join(how)}" if how else shapes
