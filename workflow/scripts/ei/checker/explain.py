"""The way from a response to its verdict, in words."""

from ei.checker.answer.candidate import boxed_only, candidate
from ei.checker.answer.spelling import clean
from ei.checker.answer.tags import answer_text
from ei.checker.parse.shape import Node, parse
from ei.checker.settings import Settings, Verdict
from ei.checker.workers.pool import judge_tasks

LONGEST_SHOWN = 500  # characters of a line


def explain(reference: str, response: str, settings: Settings) -> str:
    """One line for each step, made in a worker; the last is the verdict and its reward."""
    task = tuple(text.encode("utf-8", "replace").decode() for text in (reference, response))
    answer = answer_text(response, settings.tag_space)
    verdict = next(
        iter(judge_tasks([(task[0], task[1] if answer is None else answer)], settings, 1))
    )[1]
    steps = next(iter(judge_tasks([task], settings, 1, "explain")))[1]
    lines = [
        ("rule", f"{verdict.rule}, in {verdict.milliseconds:.1f} ms"),
        ("answer alone", verdict.status),
    ]
    if answer is None:
        verdict = Verdict("no_format", "format")
    reward = int(verdict.status == "correct")
    lines.append(("verdict", f"{verdict.status} ({verdict.rule}), reward {reward}"))
    return "\n".join([steps.extracted or steps.rule, *_lines(lines)])


def explained(reference: str, response: str, settings: Settings) -> Verdict:
    """The steps before the verdict, as the `extracted` of a Verdict."""
    answer = answer_text(response, settings.tag_space)
    lines = [("format", "ok" if answer is not None else "not `</think> <answer> ... </answer>`")]
    text = response if answer is None else answer
    lines.append(("between the tags" if answer is not None else "whole response", text))
    found = candidate(text)
    ref, ans = clean(boxed_only(reference)), clean(found)
    lines += [("candidate", found), ("reference, one spelling", ref), ("answer, one spelling", ans)]
    lines += [("reference, shape", shape(parse(ref))), ("answer, shape", shape(parse(ans)))]
    return Verdict("", "", "\n".join(_lines(lines)))


def _lines(lines: list[tuple[str, str]]) -> list[str]:
    return [f"{name + ':':26}{_line(value)}" for name, value in lines]


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
