"""Tables of scored responses, written by hand, that the page's tests read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ei.files import stamp, write_table
from ei.schema import SCORED


def scored(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a table with all columns of scored.parquet; a field that a row lacks is null.

    Only the question and the reason why a response ended never are.
    """
    named = [{"question": "Q", "finish_reason": "stop", **row} for row in rows]
    return pl.DataFrame([{name: row.get(name) for name in SCORED} for row in named], schema=SCORED)


def write(table: pl.DataFrame, path: Path) -> Path:
    """Write the table as a stage does; returns the path."""
    write_table(table, path, stamp("test", {}))
    return path
