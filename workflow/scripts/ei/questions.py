"""Questions with reference answers: the forms that data sets have, and choosing from them."""

import hashlib
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import polars as pl

from ei import schema
from ei.stage import UserError

CALCULATOR = re.compile(r"<<[^<>]*>>")  # GSM8K's notes to a calculator, as in "8*2=<<8*2=16>>16"


def question_id(question: str) -> str:
    """The first 16 hex digits of the SHA-256 of the text, without surrounding white space."""
    return hashlib.sha256(question.strip().encode()).hexdigest()[:16]


def last_boxed(solution: str) -> str | None:
    r"""The content of the last `\boxed{...}`, `\fbox{...}` or `\boxed x`; None without any."""
    start = max(solution.rfind(r"\boxed"), solution.rfind(r"\fbox"))
    if start < 0:
        return None
    command = "boxed" if solution.startswith(r"\boxed", start) else "fbox"
    rest = solution[start:].split(command, 1)[1].lstrip()
    if not rest.startswith("{"):
        words = rest.replace("$", " ").split()
        return words[0].rstrip(".") if words else None
    depth = 0
    for position, letter in enumerate(rest):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return rest[1:position].strip()
    return None


def normalise(row: dict[str, Any]) -> dict[str, str | None]:
    r"""One row in the project's columns.

    Known forms: `question` and `answer`; `problem` and `answer`; `problem` and a `solution` that
    ends in `\boxed{}` (MATH); an answer whose last line is `#### value` (GSM8K). `type` counts as
    `subject`. The answer may be empty: two of MATH's solutions say `\boxed{}`. Raises ValueError
    with what is missing.
    """
    question = _text(row, "question", "problem")
    if question is None:
        raise ValueError("no question: it needs a text under 'question' or 'problem'")
    answer, solution = _text(row, "answer"), _text(row, "solution", optional=True)
    if answer is not None and "####" in answer:
        solution, answer = (part.strip() for part in answer.rsplit("####", 1))
        solution = CALCULATOR.sub("", solution)
    if answer is None and solution is not None:
        answer = last_boxed(solution)
        if answer is None:
            raise ValueError(
                r"no answer: it has no 'answer', and its 'solution' has no \boxed{...}"
            )
    if answer is None and row.get("answer") == "":
        answer = ""
    if answer is None:
        raise ValueError(
            "no answer: it needs a text under 'answer', or a 'solution' with \\boxed{...}"
        )
    return {
        "question_id": question_id(question),
        "question": question,
        "answer": answer,
        "level": _text(row, "level", optional=True),
        "subject": _text(row, "subject", "type", optional=True),
        "solution": solution,
    }


def _text(row: dict[str, Any], *names: str, optional: bool = False) -> str | None:
    """The first of these fields that has a text or a number; None where none has.

    NaN and infinity raise ValueError, except in an `optional` field, where pandas writes them for
    what is missing.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, float | Decimal) and not math.isfinite(value):
            if not optional:
                raise ValueError(f"{name!r} is {value}, which is no finite number")
        elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value
    return None


def table(
    rows: Iterable[tuple[int, dict[str, Any]]], source: str, unit: str = "line"
) -> tuple[pl.DataFrame, dict[str, list[int]]]:
    """The normalised questions, each once, and the numbers of the rows left out, by reason.

    The reasons are `repeated` and `empty_answer`. A bad row raises UserError with the source and
    the row's number; `unit` is what that calls it, "line" or "row".
    """
    found: dict[str, dict[str, str | None]] = {}
    left_out: dict[str, list[int]] = {"repeated": [], "empty_answer": []}
    for number, row in rows:
        try:
            good = normalise(row)
        except ValueError as error:
            raise UserError(f"{source}, {unit} {number}: {error}") from None
        if not good["answer"]:
            left_out["empty_answer"].append(number)
        elif good["question_id"] in found:
            left_out["repeated"].append(number)
        else:
            found[str(good["question_id"])] = good
    if not found:
        raise UserError(f"{source} has no questions")
    return pl.DataFrame(list(found.values()), schema=schema.QUESTIONS), left_out


def choose(questions: pl.DataFrame, count: int | None, seed: int, step: int) -> pl.DataFrame:
    """`count` questions (None: all) in a random order of their own for every seed and step.

    The order depends only on (seed, step, question_id), not on that of the table.
    The first 512 are the same whether 512 or 1024 are asked for.
    """
    if count is not None and count > questions.height:
        raise UserError(f"{count} questions are asked for, and there are {questions.height}")
    return shuffle(questions, ["question_id"], f"{seed}/{step}").head(count or questions.height)


def shuffle(rows: pl.DataFrame, identity: list[str], seed: str) -> pl.DataFrame:
    """The rows in a random order that depends only on the seed and each row's identity."""
    names = ("/".join(map(str, row)) for row in rows.select(identity).iter_rows())
    keys = [hashlib.sha256(f"order/{seed}/{name}".encode()).hexdigest() for name in names]
    return rows.with_columns(pl.Series("key", keys, dtype=pl.String)).sort("key").drop("key")


def request_seed(run_seed: int, step: int, name: str) -> int:
    """The seed of one question's group of rollouts: below 2**63, its low 16 bits zero.

    Rollout k has the seed `request_seed + k` (as vLLM does within a request), so no two questions
    share a draw until a group has 65,536 rollouts.
    """
    digest = hashlib.sha256(f"draw/{run_seed}/{step}/{name}".encode()).digest()
    return (int.from_bytes(digest[:6], "big") << 15) & ~0xFFFF
