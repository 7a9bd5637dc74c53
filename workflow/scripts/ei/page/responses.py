"""The responses of a run as one table for the browser: a row for each response, question after question."""

from pathlib import Path

import polars as pl

from ei.files import read_table

NEEDED = [
    "question_id",
    "question",
    "answer",
    "sample",
    "response",
    "response_ids",
    "finish_reason",
    "status",
    "extracted",
]
COLUMNS = {
    "question_id": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "level": pl.String,
    "subject": pl.String,
    "step": pl.Int32,
    "sample": pl.Int32,
    "response": pl.String,
    "extracted": pl.String,
    "status": pl.String,
    "tokens": pl.UInt32,
    "cut": pl.Boolean,
    "kept": pl.Boolean,
}


def training(run: Path, steps: list[int]) -> tuple[pl.DataFrame, list[int]]:
    """The scored rollouts of the steps, with those that SFT saw marked `kept`; and the steps that are not on disk."""
    found, absent = [], []
    for step in steps:
        scored, filtered = run / f"step{step}/scored.parquet", run / f"step{step}/filtered.parquet"
        if scored.exists() and filtered.exists():
            kept = read_table(filtered, ["question_id", "sample"]).select("question_id", "sample")
            found.append(with_kept(slim(read_table(scored, NEEDED), step), kept))
        else:
            absent.append(step)
    return together(found), absent


def validation(run: Path, steps: list[int]) -> tuple[pl.DataFrame, list[int]]:
    """The graded answers to the validation questions of the steps; and the steps that are not on disk."""
    found, absent = [], []
    for step in steps:
        responses = run / f"step{step}/responses.parquet"
        if responses.exists():
            found.append(slim(read_table(responses, NEEDED), step))
        else:
            absent.append(step)
    return together(found), absent


def slim(table: pl.DataFrame, step: int) -> pl.DataFrame:
    """What the browser shows of a table of scored responses; none is kept."""
    for column in ("level", "subject"):  # data may be without them
        if column not in table.columns:
            table = table.with_columns(pl.lit(None, pl.String).alias(column))
    return table.with_columns(
        pl.col("response").fill_null(""),
        pl.col("answer").fill_null(""),
        pl.lit(step, pl.Int32).alias("step"),
        pl.col("response_ids").list.len().alias("tokens"),
        (pl.col("finish_reason") == "length").fill_null(False).alias("cut"),
        pl.lit(False).alias("kept"),
    ).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())


def with_kept(rows: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The rows with `kept` true where the question's sample is among `kept`."""
    marks = kept.select(
        "question_id", pl.col("sample").cast(pl.Int32), pl.lit(True).alias("mark")
    ).unique()
    joined = rows.join(marks, on=["question_id", "sample"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("mark").fill_null(False).alias("kept")).drop("mark")


def together(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """All rows, sorted by level, subject, question, step and sample: one question's responses side by side.

    That order is also what compresses best: gzip looks 32 KiB back, and responses to a question repeat it.
    """
    rows = pl.concat(tables) if tables else pl.DataFrame(schema=COLUMNS)
    return rows.sort("level", "subject", "question_id", "step", "sample", nulls_last=True)
