"""What the browser knows of every question before it opens a chunk of responses."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import polars as pl

STATUSES = ("correct", "wrong", "no_format", "unparsable", "timeout", "error")
KEPT, CUT = 8, 16  # added to the number of the status
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def code(status: str, kept: bool, cut: bool) -> str:
    """One letter for what became of a response: status, whether SFT saw it, whether it was cut off at the limit."""
    return LETTERS[STATUSES.index(status) + KEPT * kept + CUT * cut]


def first_solved(steps: list[int], solved: list[bool]) -> int | None:
    """The first of the steps that has a right response; None where none has."""
    return next((step for step, right in zip(steps, solved, strict=True) if right), None)


def lost(steps: list[int], solved: list[bool]) -> list[int]:
    """The steps without a right response where the step before, of those that asked the question, had one."""
    before = zip(steps[1:], solved, solved[1:], strict=False)
    return [step for step, was, right in before if was and not right]


def index(rows: pl.DataFrame, steps: list[int]) -> dict[str, Any]:
    """Columns over the questions, in the order of the rows (see `ei.page.responses`).

    `codes` has a string for each of `steps`: a letter for each response, empty where the question was not asked.
    `level` and `subject` are places in `levels` and `subjects`, -1 where unknown. `first` and `lost` are steps.
    """
    levels, subjects = names(rows, "level"), names(rows, "subject")
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("id", "question", "answer", "level", "subject", "codes", "first", "lost")
    }
    fields = rows.select(
        "question_id", "question", "answer", "level", "subject", "step", "status", "kept", "cut"
    )
    for key, group in groupby(fields.iter_rows(), key=lambda row: row[0]):
        responses = list(group)
        _, question, answer, level, subject = responses[0][:5]
        codes = codes_by_step(steps, (row[5:] for row in responses))
        asked = [step for step in steps if codes[step]]
        solved = [any(is_right(letter) for letter in codes[step]) for step in asked]
        known = (key, question, answer, place(levels, level), place(subjects, subject))
        found = (list(codes.values()), first_solved(asked, solved), lost(asked, solved))
        for column, value in zip(columns.values(), (*known, *found), strict=True):
            column.append(value)
    return {"steps": steps, "statuses": STATUSES, "levels": levels, "subjects": subjects, **columns}


def codes_by_step(
    steps: list[int], responses: Iterable[tuple[int, str, bool, bool]]
) -> dict[int, str]:
    """The letters of each step's responses; a response is (step, status, kept, cut)."""
    codes = dict.fromkeys(steps, "")
    for step, status, kept, cut in responses:
        codes[step] += code(status, kept, cut)
    return codes


def is_right(letter: str) -> bool:
    """Whether a letter of `code` stands for a right response."""
    return STATUSES[LETTERS.index(letter) % KEPT] == "correct"


def names(rows: pl.DataFrame, column: str) -> list[str]:
    """The column's distinct values, sorted."""
    return sorted(rows[column].drop_nulls().unique().to_list())


def place(values: list[str], value: str | None) -> int:
    return -1 if value is None else values.index(value)
