"""The responses of a run as one table for the browser: a row for each, question after question."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from ei.files import read_columns
from ei.page import worth
from ei.schema import IDENTITY, ROUNDS, SCORED

COLUMNS: dict[str, Any] = {
    **{
        name: SCORED[name]
        for name in (
            "question_id",
            "question",
            "answer",
            "level",
            "subject",
            "step",
            "sample",
            "response",
            "extracted",
            "status",
            "rule",
        )
    },
    "tokens": pl.UInt32,  # of the response
    "cut": pl.Boolean,  # whether it was cut off at the token limit
    "kept": pl.Boolean,  # whether SFT saw it
    "hinted": pl.Boolean,  # whether it is correct and had a hint
    "disputed": pl.Boolean,  # these two: see `ei.page.worth`
    "rare": pl.Boolean,
}


def training(run: Path, steps: Iterable[int]) -> tuple[pl.DataFrame, list[int]]:
    """The scored rollouts of the steps, and the steps whose files are not on disk."""

    def read(step: int) -> pl.DataFrame:
        folder = run / f"step{step}"
        kept = read_columns(folder / "filtered.parquet", *IDENTITY)
        scored = [folder / "scored.parquet", *(folder / name / "scored.parquet" for name in ROUNDS)]
        rounds = [shown(path, step) for path in scored if path.exists()]
        return mark_kept(pl.concat(rounds), kept)

    return read_steps(run, steps, ("scored.parquet", "filtered.parquet"), read)


def validation(run: Path, steps: Iterable[int]) -> tuple[pl.DataFrame, list[int]]:
    """The graded validation responses of the steps, and the steps whose files are not on disk."""

    def read(step: int) -> pl.DataFrame:
        return shown(run / f"step{step}/responses.parquet", step)

    return read_steps(run, steps, ("responses.parquet",), read)


def read_steps(
    run: Path, steps: Iterable[int], needed: Iterable[str], read: Callable[[int], pl.DataFrame]
) -> tuple[pl.DataFrame, list[int]]:
    """What `read` gives for the steps that have the needed files, in order; and the other steps."""
    tables, absent = [], []
    for step in steps:
        if all((run / f"step{step}" / name).exists() for name in needed):
            tables.append(read(step))
        else:
            absent.append(step)
    return in_order(tables), absent


def shown(path: Path, step: int) -> pl.DataFrame:
    """COLUMNS of a table of scored responses; none is marked as kept.

    `step` is written anew: a table that is shared between runs could have another.
    """
    computed = {
        "response": pl.col("response").fill_null(""),
        "answer": pl.col("answer").fill_null(""),
        "step": pl.lit(step),
        "tokens": pl.col("response_ids").list.len(),
        "cut": (pl.col("finish_reason") == "length").fill_null(False),
        "kept": pl.lit(False),
        "hinted": pl.lit(path.parent.name == "hints") & (pl.col("status") == "correct"),
        "disputed": worth.disputed(),
        "rare": pl.lit(False),  # among which others, `in_order` knows
    }
    columns = [
        computed.get(name, pl.col(name)).cast(kind).alias(name) for name, kind in COLUMNS.items()
    ]
    return read_columns(path, *columns)


def mark_kept(responses: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The responses, `kept` true where the sample of the question is among those kept."""
    marks = kept.select(
        "question_id", pl.col("sample").cast(pl.Int32), pl.lit(True).alias("mark")
    ).unique()
    marked = responses.join(marks, on=IDENTITY, how="left", maintain_order="left")
    return marked.with_columns(pl.col("mark").fill_null(False).alias("kept")).drop("mark")


def in_order(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """All responses, sorted by level, subject, question, step and sample.

    Responses to one question stand side by side, which is also what compresses best: gzip looks
    back 32 KiB, and responses to the same question repeat each other.
    """
    responses = pl.concat(tables) if tables else pl.DataFrame(schema=COLUMNS)
    responses = responses.with_columns(worth.rare(responses).alias("rare"))
    return responses.sort("level", "subject", "question_id", "step", "sample", nulls_last=True)
