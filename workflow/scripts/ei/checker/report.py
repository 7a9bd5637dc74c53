"""What a reader wants to know of a scored table: counts, disagreements, slow pairs."""

from typing import Any

import polars as pl

LISTED = 50  # pairs of each list in the report; the file of pairs has them all


def summary(scored: pl.DataFrame, pairs: pl.DataFrame) -> dict[str, Any]:
    """Rows by status and rule, pairs by source, disagreements, and the slowest pairs.

    A second opinion compares normalised strings. Where they differ and the verdict is "correct",
    mathematics made the difference: read these pairs to see what the checker accepts.
    """
    disagree = pairs.filter(pl.col("string_judge") != (pl.col("status") == "correct"))
    return {
        "rows": scored.height,
        "status": counts(scored, "status"),
        "rule": counts(scored, "rule"),
        "accuracy": mean(scored["answer_reward"]),
        "format_rate": mean(scored["format_reward"]),
        "pairs": pairs.height,
        "pairs_by_source": counts(pairs, "source"),
        "disagreements": disagree.height,
        "most_frequent_disagreements": listed(disagree),
        "slowest": listed(pairs.sort("milliseconds", descending=True, maintain_order=True)),
    }


def counts(table: pl.DataFrame, column: str) -> dict[str, int]:
    """How many rows have each value, most frequent first."""
    grouped = table.group_by(column).len().sort("len", column, descending=[True, False])
    return dict(grouped.iter_rows())


def mean(column: pl.Series) -> float | None:
    """The mean, or None of nothing."""
    return float(column.cast(pl.Float64).mean()) if len(column) else None  # type: ignore[arg-type]


def listed(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """The first pairs as JSON objects, long texts cut."""
    texts = [pl.col(name).str.head(300) for name in ("reference", "answer", "extracted")]
    return pairs.head(LISTED).with_columns(*texts, pl.col("milliseconds").round(1)).to_dicts()


def summary_line(scored: pl.DataFrame, pairs: pl.DataFrame) -> str:
    """One line for the terminal: statuses, pairs, memo hits, the slowest pair."""
    statuses = (
        ", ".join(f"{count} {status}" for status, count in counts(scored, "status").items())
        or "no rows"
    )
    sources = counts(pairs, "source")
    line = (
        f"{scored.height} responses: {statuses}; {pairs.height} distinct pairs:"
        f" {sources.get('worker', 0)} judged, {sources.get('memo', 0)} from the memo"
    )
    if pairs.height:
        slowest = pairs.sort("milliseconds", descending=True, maintain_order=True).row(
            0, named=True
        )
        shown = f"{slowest['reference'][:40]!r} against {slowest['answer'][:40]!r}"
        line += f"; slowest {slowest['milliseconds']:.0f} ms: {shown}"
    return line
