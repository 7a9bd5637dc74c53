"""What the browser knows of every question before it unpacks a chunk of responses."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import polars as pl

from ei.page.worth import MARKS
from ei.schema import STATUSES

# What became of a response fits into one letter: the number of its status, plus these flags. The
# index carries all three constants, so the page's script has none of its own.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KEPT, CUT = 8, 16  # powers of two above the number of statuses


def code(status: str, kept: bool, cut: bool) -> str:
    """The letter of a response: its status, whether SFT saw it, whether it was cut off."""
    return LETTERS[STATUSES.index(status) + KEPT * kept + CUT * cut]


def is_correct(letter: str) -> bool:
    """Whether a letter of `code` stands for a correct response."""
    return STATUSES[LETTERS.index(letter) % KEPT] == "correct"


def first_solved(steps: list[int], solved: list[bool]) -> int | None:
    """The first of the steps with a correct response; None where there is none."""
    return next((step for step, is_solved in zip(steps, solved, strict=True) if is_solved), None)


def lost(steps: list[int], solved: list[bool]) -> list[int]:
    """The steps without a correct response that follow a step with one.

    `steps` are those that asked the question, so "follow" skips the others.
    """
    pairs = zip(steps[1:], solved, solved[1:], strict=False)
    return [step for step, before, now in pairs if before and not now]


def index(responses: pl.DataFrame, steps: list[int]) -> dict[str, Any]:
    """Columns over the questions, in the order of the responses (see `ei.page.responses`).

    `codes` has a string for each of `steps`: a letter for each response, empty where the question
    was not asked. `level` and `subject` are positions in `levels` and `subjects`, -1 where unknown.
    `first` and `lost` are steps, and so are those of `ei.page.worth.MARKS`.
    """
    levels, subjects = distinct(responses, "level"), distinct(responses, "subject")
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("id", "question", "answer", "level", "subject", "codes", "first", "lost")
    }
    about = ("question_id", "question", "answer", "level", "subject")
    fields = responses.select(*about, "step", "status", "kept", "cut")
    for _, group in groupby(fields.iter_rows(), key=lambda row: row[0]):
        same_question = list(group)
        question_id, question, answer, level, subject = same_question[0][:5]
        values = (
            question_id,
            question,
            answer,
            position(levels, level),
            position(subjects, subject),
            *outcomes(steps, (row[5:] for row in same_question)),
        )
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    marked = {name: marked_steps(responses, name, columns["id"]) for name in MARKS}
    constants = {"statuses": STATUSES, "letters": LETTERS, "keptFlag": KEPT, "cutFlag": CUT}
    return {"steps": steps, **constants, "levels": levels, "subjects": subjects, **columns} | marked


def marked_steps(responses: pl.DataFrame, mark: str, ids: list[str]) -> list[list[int]]:
    """For each question the steps, in order, at which a response of it has the mark."""
    rows = responses.filter(mark).select("question_id", "step").unique().sort("step")
    steps: dict[str, list[int]] = {}
    for question_id, step in rows.iter_rows():
        steps.setdefault(question_id, []).append(step)
    return [steps.get(question_id, []) for question_id in ids]


def outcomes(
    steps: list[int], responses: Iterable[tuple[int, str, bool, bool]]
) -> tuple[list[str], int | None, list[int]]:
    """(codes, first, lost) of one question; a response is (step, status, kept, cut)."""
    codes = dict.fromkeys(steps, "")
    for step, status, kept, cut in responses:
        codes[step] += code(status, kept, cut)
    asked = [step for step in steps if codes[step]]
    solved = [any(map(is_correct, codes[step])) for step in asked]
    return list(codes.values()), first_solved(asked, solved), lost(asked, solved)


def distinct(responses: pl.DataFrame, column: str) -> list[str]:
    """The column's distinct values, sorted, without null."""
    return sorted(responses[column].drop_nulls().unique().to_list())


def position(values: list[str], value: str | None) -> int:
    """Where the value stands in the list; -1 of None."""
    return -1 if value is None else values.index(value)
