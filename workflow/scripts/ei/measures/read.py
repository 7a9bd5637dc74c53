"""Reading no more of a run's files than is needed: a table of rollouts is mostly text that no measure looks at."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from ei.stage import UserError

TOKENS = pl.col("response_ids").list.len().alias("tokens")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object; an error names the file that should be there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    return found


def read_columns(path: Path, *columns: str | pl.Expr) -> pl.DataFrame:
    """These columns alone, or what is computed from columns; the others are never read."""
    try:
        return pl.scan_parquet(path).select(*columns).collect()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except pl.exceptions.ColumnNotFoundError as error:
        raise UserError(f"{path} has no column {str(error).splitlines()[0]}") from None
    except pl.exceptions.ComputeError as error:
        raise UserError(f"{path} is not a Parquet file: {error}") from None
