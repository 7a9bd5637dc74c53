"""Verdicts of earlier steps, in a Parquet file keyed by pair, checker version and settings.

It is a cache: a missing, damaged or foreign file costs time, never a verdict. Timeouts and errors are not kept,
since a busy machine may have caused them.
"""

import hashlib
import logging
from pathlib import Path

import polars as pl

from ei.checker.settings import Settings, Verdict
from ei.checker.version import VERSION
from ei.checker.workers.pool import Pair
from ei.files import stamp, write_table

KEPT = ("correct", "wrong", "unparsable")
SCHEMA = {"key": pl.String, "status": pl.String, "rule": pl.String, "extracted": pl.String}

Memo = dict[str, tuple[str, str, str | None]]


def key(pair: Pair, settings: Settings) -> str:
    """The name of a pair under a checker version and settings: 32 hex digits."""
    text = "\0".join((settings.fingerprint(), str(len(pair[0])), *pair))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def read_memo(path: Path | None) -> Memo:
    """The verdicts kept in the file, by key; empty where there is none that this version wrote."""
    if path is None or not path.exists():
        return {}
    try:
        table = pl.read_parquet(path, columns=list(SCHEMA), use_pyarrow=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        logging.warning(f"{path} cannot be read ({error}); it is made anew")
        return {}
    return {row[0]: (row[1], row[2], row[3]) for row in table.iter_rows()}


def write_memo(path: Path | None, memo: Memo) -> None:
    """Keep the verdicts; another job's verdicts written meanwhile may be lost, which costs time only."""
    if path is None:
        return
    rows = [(name, *memo[name]) for name in sorted(memo)]
    write_table(
        pl.DataFrame(rows, schema=SCHEMA, orient="row"), path, stamp("", {"checker": VERSION})
    )


def recall(memo: Memo, pair: Pair, settings: Settings) -> Verdict | None:
    """The kept verdict on a pair, or None."""
    found = memo.get(key(pair, settings))
    return Verdict(*found) if found else None
