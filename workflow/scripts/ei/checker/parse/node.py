"""The pieces that an answer is parsed into, and the phrases and names that the parser knows."""

import re
from dataclasses import dataclass

from ei.checker.answer.spelling import SPACED_THOUSANDS, THOUSANDS, without_thousands
from ei.checker.parse.units import Quantity, number_word, quantity

MAX_ITEMS = 100
LONGEST_LABEL = 80  # characters
DEEPEST = 25  # brackets; Python's own stack is the limit of a recursive reader
RELATIONS = re.compile(
    r"\\le(?![a-zA-Z])|\\ge(?![a-zA-Z])|\\ne(?![a-zA-Z])|\\approx(?![a-zA-Z])|\\equiv(?![a-zA-Z])|[=<>]"
)
FLIP = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
JOINER = re.compile(
    r"\\text\{\s*(and|or)\s*\}|(?<![a-zA-Z\\])(and|or)(?![a-zA-Z])|\\(?:vee|lor|wedge|land)(?![a-zA-Z])"
)
NAME = r"(?:[a-zA-Z]|\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|rho|sigma|Delta|Omega|tau|psi|epsilon|ell))"
SUB = r"(?:_(?:\w|\{[^{}]{1,20}\}))?"
APPLIED = r"(?:\([^()=<>]{1,30}\))"
SIMPLE = (
    r"(?:\\(?:angle|triangle|vec|overline|widehat|hat|bar|measuredangle)\s*\{?)*"
    rf"(?:{NAME}{SUB}'*\s*){{1,6}}\}}?{SUB}(?:\^\{{?-1\}}?)?{APPLIED}*"
)
LABEL = re.compile(
    rf"^\s*(?:{SIMPLE}|\|\s*{SIMPLE}\s*\||\[\s*{SIMPLE}\s*\]|{SIMPLE}\s*[:/]\s*{SIMPLE}|\\frac\{{{SIMPLE}\}}\{{{SIMPLE}\}}"
    rf"|\\(?:sin|cos|tan|cot|sec|csc|log|ln|det|dim|deg)\s*{SIMPLE}"
    rf"|(?:m\s*)?\\angle\s*{SIMPLE}|(?:\\text\{{[^{{}}\d]{{1,60}}\}}|[a-zA-Z][a-zA-Z ]{{2,60}}){SUB}{APPLIED}?)\s*$"
)
LABEL_TUPLE = re.compile(rf"^\s*\(\s*{SIMPLE}(?:\s*,\s*{SIMPLE})+\s*\)\s*$")
SUM_LABEL = re.compile(rf"^\s*{SIMPLE}(?:\s*(?:[-+]|\\cdot)\s*{SIMPLE})+\s*$")
MATRIX = re.compile(
    r"^\s*(\[|\()?\s*\\begin\{([pbBvV]?matrix|smallmatrix|array)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\{\2\}\s*([\])])?\s*$"
)
NO_SOLUTION = {"nosolution", "nosolutions", "nosolutionsexist", "nosolutionexists", "emptyset", "theemptyset",
               r"\emptyset", "noroots", r"\{\}", "norealsolution", "norealsolutions"}  # fmt: skip
ALL_REALS = {r"\mathbb{r}", "allrealnumbers", "allreals", "realnumbers", "anyrealnumber", "allrealvalues", "r",
             "thesetofallrealnumbers", r"(-\infty,\infty)"}  # fmt: skip
PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])")
BUILDER = re.compile(rf"^\\\{{\s*({SIMPLE})\s*(?:\\in\s*\\mathbb\{{R\}}\s*)?[|:](.*)\\\}}$")
DOES_NOT_EXIST = {"dne", "doesnotexist"}


@dataclass(frozen=True)
class Node:
    """A piece of an answer. `mark` is the brackets, the joiner or the relation signs; `label` what it is said to be."""

    kind: str  # value, words, list, tuple, set, union, matrix, relation, chain, interval, except
    text: str = ""
    items: tuple["Node", ...] = ()
    mark: str = ""
    label: str = ""
    quantity: Quantity | None = None


def deepest(text: str) -> int:
    """How deeply the brackets nest."""
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest


def leaf(text: str) -> Node:
    """A value, or words."""
    number = number_word(text)
    if number is not None:
        return Node("value", text, quantity=Quantity(str(number)))
    found = quantity(without_thousands(text))
    bare = re.sub(r"\\(?:begin|end)\{[a-zA-Z]+\}", "", found.value)
    word = re.search(r"\\text\{[^{}]*[a-zA-Z][^{}]*\}|(?<![a-zA-Z\\])[a-zA-Z]{4,}", bare)
    if word or not found.value:
        return Node("words", text)
    return Node("value", text, quantity=found)


def ambiguous(node: Node) -> bool:
    """Whether `1,234` was read as one number and may be two."""
    return node.kind == "value" and bool(
        THOUSANDS.search(node.text) or SPACED_THOUSANDS.search(node.text)
    )


def split(text: str, separators: str) -> list[str]:
    """The parts between top-level separators; brackets of any kind nest, [0, 1) too."""
    parts, depth, start, index = [], 0, 0, 0
    while index < len(text):
        char = text[index]
        if char == "\\" and index + 1 < len(text):
            index += 1
            depth += {"{": 1, "}": -1}.get(text[index], 0)
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(0, depth - 1)
        elif char in separators and depth == 0:
            parts.append(text[start:index])
            start = index + 1
        index += 1
    return [*parts, text[start:]]


def depth_of(text: str) -> int:
    return sum(text.count(c) for c in "([{") - sum(text.count(c) for c in ")]}")


INFINITY = Node("value", r"\infty", quantity=Quantity(r"\infty"))
MINUS_INFINITY = Node("value", r"-\infty", quantity=Quantity(r"-\infty"))
