"""The way from a response to its verdict, in words."""

from ei.checker.answer.candidate import boxed_only, candidate
from ei.checker.answer.spelling import clean
from ei.checker.answer.tags import answer_text
from ei.checker.compare.quick import quick, string_judge
from ei.checker.parse.shape import Node, parse
from ei.checker.settings import Settings, Verdict
from ei.checker.workers.pool import judge_pairs

LONGEST_SHOWN = 500  # characters of a line


def explain(reference: str, response: str, settings: Settings) -> str:
    """One line for each step; the last is the verdict and its reward."""
    reference, response = (
        text.encode("utf-8", "replace").decode() for text in (reference, response)
    )
    answer = answer_text(response, settings.tag_space)
    lines = [("format", "ok" if answer is not None else "not `</think> <answer> ... </answer>`")]
    text = response if answer is None else answer
    lines.append(("between the tags" if answer is not None else "whole response", text))
    if len(text) <= 20 * settings.max_chars:
        found = candidate(text)
        lines += [("candidate", found)]
        if len(found) <= settings.max_chars:
            ref, ans = clean(boxed_only(reference)), clean(found)
            lines += [("reference, one spelling", ref), ("answer, one spelling", ans)]
            lines += [("reference, shape", shape(parse(ref))), ("answer, shape", shape(parse(ans)))]
    verdict, by = decided(reference, text, settings)
    lines.append(("decided by", f"{by}, in {verdict.milliseconds:.1f} ms"))
    lines.append(("rule", verdict.rule))
    lines.append(
        ("second opinion", "same string" if string_judge(reference, text) else "another string")
    )
    if answer is None:
        lines.append(("answer alone", f"{verdict.status} ({verdict.rule})"))
        verdict = Verdict("no_format", "format")
    reward = int(verdict.status == "correct")
    lines.append(("verdict", f"{verdict.status} ({verdict.rule}), reward {reward}"))
    return "\n".join(f"{name + ':':26}{_line(value)}" for name, value in lines)


def decided(reference: str, answer: str, settings: Settings) -> tuple[Verdict, str]:
    """The verdict, and who gave it: the exact rules or a worker process."""
    verdict = quick(reference, answer, settings)
    if verdict is not None:
        return verdict, "exact rules"
    return next(iter(judge_pairs([(reference, answer)], settings, 1)))[1], "worker with Math-Verify"


def shape(node: Node) -> str:
    """The node in one line: `tuple (1; 2)`, `value 12 [unit cm]`."""
    label = f"{node.label} = " if node.label else ""
    if node.quantity:
        marks = [
            *node.quantity.unit,
            *(["%"] if node.quantity.percent else []),
            *(["degrees"] * node.quantity.degrees),
        ]
        return f"{label}{node.kind} {node.quantity.value}" + (
            f" [{' '.join(marks)}]" if marks else ""
        )
    inside = "; ".join(shape(item) for item in node.items[:8])
    return (
        f"{label}{node.kind} {node.mark} {{{inside}}}"
        if node.items
        else f"{label}{node.kind} {node.text}"
    )


def _line(text: str) -> str:
    shown = (
        text
        if len(text) <= LONGEST_SHOWN
        else f"{text[:LONGEST_SHOWN]}... ({len(text)} characters)"
    )
    return shown.replace("\n", "\\n").replace("\0", "\\0")
