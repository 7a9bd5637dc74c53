"""The way from a response to its verdict, in words: every token, and what it was taken for."""

from ei.checker.answer.reading import Reading, read
from ei.checker.answer.tags import FORMS, answer_text
from ei.checker.parse.node import Node
from ei.checker.parse.tokens import Token
from ei.checker.settings import Settings, Verdict
from ei.checker.workers.pool import judge_tasks

LONGEST_SHOWN = 500  # characters of a line
MOST_TOKENS = 200


def explain(reference: str, response: str, settings: Settings) -> str:
    """One line for each step, made in a worker under its limits; the last is the verdict."""
    reference, response = (
        text.encode("utf-8", "replace").decode() for text in (reference, response)
    )
    answer = answer_text(response, settings.tag_space, settings.form)
    text = response if answer is None else answer
    lines = [
        ("format", "ok" if answer is not None else f"not `{FORMS[settings.form]}`"),
        ("the answer in it" if answer is not None else "whole response", text),
    ]
    verdict = _asked((reference, text), settings, "judge")
    steps = _asked((reference, text), settings, "explain")
    lines.append(("decided by", f"{verdict.rule}, in {verdict.milliseconds:.1f} ms"))
    second = "the same string" if verdict.same_string else "another string"
    lines.append(("second opinion", second))
    if answer is None:
        lines.append(("answer alone", f"{verdict.status} ({verdict.rule})"))
        verdict = Verdict("no_format", "format")
    reward = int(verdict.status == "correct")
    lines.append(("verdict", f"{verdict.status} ({verdict.rule}), reward {reward}"))
    made = [f"{name + ':':22}{_line(value)}" for name, value in lines]
    return "\n".join([*made[:2], steps.extracted or f"not read: {steps.rule}", *made[2:]])


def _asked(task: tuple[str, str], settings: Settings, job: str) -> Verdict:
    """What a worker says of one task."""
    return next(iter(judge_tasks([task], settings, 1, job)))[1]


def explained(reference: str, text: str, settings: Settings) -> Verdict:
    """How both sides are read, as the `extracted` of a Verdict."""
    lines = []
    for side, reading in (
        ("reference", read(reference, settings.max_chars)),
        ("answer", read(text, settings.max_chars)),
    ):
        lines.append(f"{side + ', read from:':22}{_line(reading.shown)}")
        lines += [f"{'':22}{line}" for line in tokens_shown(reading)]
        why = f" ({reading.why})" if reading.why else ""
        lines.append(f"{side + ', shape:':22}{_line(shape(reading.node))}{why}")
    return Verdict("correct", "explained", "\n".join(lines))


def tokens_shown(reading: Reading) -> list[str]:
    """Each token with what it was taken for; equal roles in a row share a line."""
    lines: list[tuple[str, list[str]]] = []
    for token in reading.tokens[:MOST_TOKENS]:
        role = _role(token, reading.node)
        if lines and lines[-1][0] == role:
            lines[-1][1].append(token.text)
        else:
            lines.append((role, [token.text]))
    return [f"{' '.join(texts)!r:24} {role}" for role, texts in lines]


def _role(token: Token, node: Node) -> str:
    """What a token was taken for."""
    if node.kind == "words":
        return "word of a phrase"
    return token.role or (
        "punctuation" if token.kind in ("stop", "sep", "quote") else "subject or verb"
    )


def shape(node: Node) -> str:
    """The node in one line: `tuple () {1; 2}`, `value 12cm [cm]`."""
    label = f"{node.label} = " if node.label else ""
    marks = [f"{name}^{power}" if power not in (0, 1) else name for name, power in node.unit]
    marks += ["%"] * node.percent + ["degrees"] * node.degrees
    notes = f" [{' '.join(marks)}]" if marks else ""
    if node.items:
        inside = "; ".join(shape(item) for item in node.items[:8])
        return f"{label}{node.kind} {node.mark} {{{inside}}}{notes}"
    return f"{label}{node.kind} {node.key}{notes}"


def _line(text: str) -> str:
    """The text on one line, cut where it is long."""
    cut = f"{text[:LONGEST_SHOWN]}... ({len(text)} characters)"
    shown = text if len(text) <= LONGEST_SHOWN else cut
    return shown.replace("\n", "\\n").replace("\0", "\\0")
