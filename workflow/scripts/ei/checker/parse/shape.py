r"""The shape of an answer: a value, words, a list, a tuple or interval, a set, a union, a matrix, a relation.

`parse` reads cleaned text into a `Node`; the leaves stay text. Only brackets, commas, words and relation signs are
understood here; what the mathematics means is decided when leaves are compared.
"""

import re
from dataclasses import replace
from functools import lru_cache

from ei.checker.answer.spelling import THOUSANDS, trimmed
from ei.checker.parse.node import (
    ALL_REALS,
    BUILDER,
    DEEPEST,
    DOES_NOT_EXIST,
    FLIP,
    INFINITY,
    JOINER,
    LABEL,
    LABEL_TUPLE,
    LONGEST_LABEL,
    MATRIX,
    MAX_ITEMS,
    MINUS_INFINITY,
    NO_SOLUTION,
    PLUS_MINUS,
    RELATIONS,
    Node,
    deepest,
    depth_of,
    leaf,
    split,
)  # fmt: skip


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """The shape of a cleaned answer."""
    text = trimmed(text)
    if deepest(text) > DEEPEST:
        return Node("words", text)
    for reader in (_words, _matrix, _listing, _relation, _union, _brackets):
        node = reader(text)
        if node is not None:
            return replace(node, text=text) if not node.text else node
    return leaf(text)


def _words(text: str) -> Node | None:
    """Phrases with a meaning of their own."""
    squeezed = (
        re.sub(r"\\text|\\?[\s{}.]|\\cup$", "", text.lower())
        if r"\mathbb" not in text
        else text.lower()
    )
    for kind, phrases in (("none", NO_SOLUTION), ("reals", ALL_REALS), ("missing", DOES_NOT_EXIST)):
        if (squeezed in phrases or text in phrases) and text not in ("R", "r"):
            return Node(kind, text)
    return None


def _matrix(text: str) -> Node | None:
    match = MATRIX.match(text)
    if match is None or match[3].count(r"\begin"):
        return None
    rows = [row for row in re.split(r"\\\\", match[3]) if row.strip()]
    cells = tuple(
        Node("row", row, tuple(parse(cell) for cell in split(row, "&"))) for row in rows[:MAX_ITEMS]
    )
    return Node("matrix", text, cells, mark="|" if match[2] in ("vmatrix", "Vmatrix") else "[")


def _listing(text: str) -> Node | None:
    """A list: semicolons part first, then "and" or "or" between equal groups, then commas."""
    if len(parts := _parts(text, ";")) > 1:
        groups = [parse(part) for part in parts]
        return Node("list", text, tuple(_as_tuple(group) for group in groups), mark=";")
    joined = _split_joiners(text)
    groups = [parse(part) for part in joined] if len(joined) > 1 and "," in text else []
    if groups and all(
        g.kind == "list" and len(g.items) == len(groups[0].items) > 1 for g in groups
    ):
        labels = [[item.label for item in group.items] for group in groups]
        if all(labels[0]) and all(label == labels[0] for label in labels):
            return Node("list", text, tuple(_as_tuple(group) for group in groups), mark=";")
    mark = "or" if re.search(r"(?<![a-zA-Z])or(?![a-zA-Z])|\\vee|\\lor", text) else ","
    parts = [part for piece in joined for part in _commas(piece)]
    parts = [part for part in parts if part.strip()]
    if len(parts) < 2 or len(parts) > MAX_ITEMS:
        return _plus_minus(text)
    items: list[Node] = []
    for part in parts:
        node = parse(part)
        items += node.items if node.kind == "list" and node.mark == r"\pm" else [node]
    items = [replace(item, label=item.label or "") for item in items]
    return Node("list", text, tuple(_share_label(items)), mark=mark)


def _share_label(items: list[Node]) -> list[Node]:
    """In `x = 1, 2, 3` the values that follow have the first one's label."""
    first = items[0].label
    if first and not any(item.label for item in items[1:]) and "(" not in first:
        return [replace(item, label=first) for item in items]
    return items


def _as_tuple(node: Node) -> Node:
    return Node("tuple", node.text, node.items, mark="()") if node.kind == "list" else node


def _parts(text: str, separators: str) -> list[str]:
    return [part for part in split(text, separators) if part.strip()]


def _split_joiners(text: str) -> list[str]:
    """The parts between top-level words "and" and "or"."""
    parts, start = [], 0
    for match in JOINER.finditer(text):
        if depth_of(text[: match.start()]) == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    return [part for part in [*parts, text[start:]] if part.strip(" ,")]


def _commas(text: str) -> list[str]:
    """The parts between top-level commas; a number with thousands separators stays whole."""
    protected = THOUSANDS.sub(lambda m: m[0].replace(",", "\0"), text)
    return [part.replace("\0", ",") for part in split(protected, ",")]


def _plus_minus(text: str) -> Node | None:
    """Both values of `a \\pm b`."""
    if len(PLUS_MINUS.findall(text)) != 1 or r"\mp" in text or "," in text:
        return None
    values = tuple(parse(PLUS_MINUS.sub(sign, text)) for sign in ("+", "-"))
    return Node("list", text, values, mark=r"\pm")


def _relation(text: str) -> Node | None:
    """An equation, a chain of them, an inequality, or membership in a set."""
    if match := re.match(r"^(.{1,40}?)\\in(?![a-zA-Z])(.*)$", text):
        if LABEL.match(match[1]):
            return replace(parse(match[2]), label=match[1].strip())
        return None
    found = [m for m in RELATIONS.finditer(text) if depth_of(text[: m.start()]) == 0]
    if not found or len(found) > 20:
        return None
    edges = [0, *[edge for m in found for edge in (m.start(), m.end())], len(text)]
    sides = [text[edges[i] : edges[i + 1]].strip() for i in range(0, len(edges), 2)]
    signs = [m[0] for m in found]
    if not sides[0] and signs == [r"\approx"]:
        return parse(sides[1])
    if any(not side for side in sides):
        return parse(sides[1]) if len(sides) == 2 and signs == ["="] and sides[1] else None
    if set(signs) <= {"=", r"\approx", r"\equiv"}:
        return _equation(sides, signs)
    return _inequality(sides, signs)


def _equation(sides: list[str], signs: list[str]) -> Node:
    """A labelled value, or a relation; further members of a chain are kept as items to agree with the value."""
    label = ""
    if len(sides[0]) <= LONGEST_LABEL and (LABEL.match(sides[0]) or LABEL_TUPLE.match(sides[0])):
        label, sides, signs = sides[0], sides[1:], signs[1:]
    elif len(sides) == 2 and _is_variable(sides[1]) and signs == ["="]:
        label, sides = sides[1], sides[:1]
    if len(sides) == 1:
        node = parse(sides[0])
        return replace(node, label=node.label or label)
    members = tuple(leaf(side) for side in sides)
    return Node("chain", "", members, mark=" ".join(signs), label=label)


def _inequality(sides: list[str], signs: list[str]) -> Node:
    """An interval where a name stands alone on one side, a relation elsewhere."""
    if len(sides) == 2:
        if _is_variable(sides[1]) and not _is_variable(sides[0]) and signs[0] in FLIP:
            sides, signs = sides[::-1], [FLIP[signs[0]]]
        if _is_variable(sides[0]):
            label, value = sides[0].strip(), leaf(sides[1])
            if (bars := re.fullmatch(r"\|\s*([a-yA-Y])\s*\|", label)) and signs[0] in FLIP:
                return _around_zero(bars[1], value, signs[0])
            if signs[0] == r"\ne":
                return Node("except", "", (value,), label=label)
            low, high = (value, INFINITY) if signs[0] in (">", r"\ge") else (MINUS_INFINITY, value)
            return _interval(low, high, signs[0] == r"\ge", signs[0] == r"\le", label)
    if len(sides) == 3 and _is_variable(sides[1]):
        if all(sign in (">", r"\ge") for sign in signs):
            sides, signs = sides[::-1], [FLIP[sign] for sign in signs[::-1]]
        if all(sign in ("<", r"\le") for sign in signs):
            low, high = leaf(sides[0]), leaf(sides[2])
            return _interval(low, high, signs[0] == r"\le", signs[1] == r"\le", sides[1].strip())
    return Node("relation", "", tuple(leaf(side) for side in sides), mark=" ".join(signs))


def _around_zero(label: str, value: Node, sign: str) -> Node:
    """|x| < c as an interval, |x| > c as two."""
    opposite, closed = leaf(f"-({value.text})"), sign in (r"\le", r"\ge")
    if sign in ("<", r"\le"):
        return _interval(opposite, value, closed, closed, label)
    outside = (
        _interval(MINUS_INFINITY, opposite, False, closed, ""),
        _interval(value, INFINITY, closed, False, ""),
    )
    return Node("union", "", outside, label=label)


def _is_variable(text: str) -> bool:
    return (
        len(text) <= LONGEST_LABEL
        and bool(LABEL.match(text))
        and not re.match(r"^\s*(?:e|i|\\text\{.*\})\s*$", text)
    )


def _interval(low: Node, high: Node, closed_low: bool, closed_high: bool, label: str) -> Node:
    mark = ("[" if closed_low else "(") + ("]" if closed_high else ")")
    return Node("interval", "", (low, high), mark=mark, label=label)


def _union(text: str) -> Node | None:
    parts = re.split(r"\\cup(?![a-zA-Z])", text)
    if len(parts) < 2 or len(parts) > MAX_ITEMS or any(depth_of(part) != 0 for part in parts):
        return None
    return Node("union", text, tuple(parse(part) for part in parts))


def _brackets(text: str) -> Node | None:
    """A tuple or interval, a set, or the inside of needless parentheses."""
    if match := BUILDER.match(text):
        node = parse(match[2])
        return node if node.kind in ("interval", "except") or node.mark == "or" else None
    if re.match(r"^\\\{.*\\\}$", text) and len(split(text, "")) == 1 and text.count(r"\{") == 1:
        inside = text[2:-2]
        parts = _parts(inside.replace(r"\,", " "), ",;")
        items = [parse(part) for part in parts[:MAX_ITEMS]]
        flat = [
            x
            for item in items
            for x in (item.items if item.kind == "list" and item.mark == r"\pm" else (item,))
        ]
        return Node("set", text, tuple(flat)) if items else Node("none", text)
    if match := re.match(r"^\\(?:langle|lt)(.*)\\(?:rangle|gt)$", text):
        return Node("tuple", text, tuple(parse(part) for part in _parts(match[1], ",;")), mark="()")
    if len(text) < 2 or text[0] not in "([" or text[-1] not in ")]" or _closes_early(text):
        return None
    parts = _parts(text[1:-1], ",;")
    if len(parts) > 1:
        return Node(
            "tuple", text, tuple(parse(part) for part in parts[:MAX_ITEMS]), mark=text[0] + text[-1]
        )
    inside = text[1:-1]
    if parts and text[0] == "(" and text[-1] == ")" and not re.match(r"^\s*[A-Za-z]\s*$", inside):
        node = parse(inside)
        return node if node.kind != "list" or node.mark == r"\pm" else None
    return None


def _closes_early(text: str) -> bool:
    """Whether the first bracket closes before the end: (1)(2)."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            return index < len(text) - 1
    return True
