"""Files that are either whole or absent, and that say where they come from."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ei import __version__
from ei.checks import checked_table, mismatch
from ei.disk import cannot_write, sibling, sync, sync_entry
from ei.schema import Comparison, Comparisons, Evaluation, RunSummary
from ei.stage import UserError


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a sibling path to write to; it takes its real name only when the block ends well.

    The bytes are on the disk before the name is, so a power cut leaves no empty file of that name.
    What keeps a file from being written, such as a full disk, raises UserError with the remedy.
    """
    partial = sibling(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            put(partial, path)
    finally:
        with contextlib.suppress(OSError):  # where it cannot be written, it cannot be removed
            remove(partial)


@contextlib.contextmanager
def writing(path: Path, at: Path | None = None) -> Iterator[None]:
    """Turn what keeps `path` from being written, as a full disk, into a UserError with the remedy.

    `at` is where it is written first, if that is not beside it.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        cause = cannot_write(error, at or path)
        if cause is None:
            raise
        raise UserError(f"{path} cannot be written: {cause}") from None


def put(partial: Path, path: Path) -> None:
    """Give what is written to `partial` its name; its bytes are on the disk before."""
    sync(partial)
    os.replace(partial, path)
    sync_entry(path.parent)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def forget_scratch(output: Path, keep: Path | None = None) -> None:
    """Remove the scratch folders beside `output`, except `keep`.

    They are those of an output that is written by now, or of one with other settings.
    """
    for folder in output.parent.glob(f".{output.stem}.*"):
        if folder.is_dir() and folder != keep:
            remove(folder)


def stamp(lineage: str, settings: dict[str, Any]) -> dict[str, str]:
    """Metadata of every Parquet and JSON: lineage, project version, and the settings used."""
    return {
        "lineage": lineage,
        "version": __version__,
        "settings": json.dumps(settings, sort_keys=True, default=str),
    }


def write_table(table: pl.DataFrame | pa.Table, path: Path, metadata: dict[str, str]) -> None:
    """Write a Parquet file (zstd) with `metadata` in its schema; equal tables give equal bytes.

    Every page has a checksum, and so have the columns and the number of rows: without them a
    flipped bit would be read as another text, or as rows and columns that are not there.
    """
    arrow = to_arrow(table)
    arrow = arrow.replace_schema_metadata(
        {**metadata, "shape": shape_of(arrow.schema, arrow.num_rows)}
    )
    with whole(path) as partial:
        pq.write_table(
            arrow, partial, compression="zstd", compression_level=1, write_page_checksum=True
        )


def shape_of(columns: pa.Schema, rows: int) -> str:
    """A checksum (16 hex digits) of the columns' names and types, in order, and of their length."""
    named = "\n".join([*(f"{field.name} {_name(field.type)}" for field in columns), str(rows)])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _name(kind: pa.DataType) -> str:
    """The type's name, without that of a list's items, which Parquet changes."""
    return f"list of {_name(kind.value_type)}" if pa.types.is_list(kind) else str(kind)


def to_arrow(table: pl.DataFrame | pa.Table) -> pa.Table:
    """The table as Arrow, with plain `string` and `list` types, which every reader knows."""
    if isinstance(table, pa.Table):
        return table
    arrow = table.to_arrow()
    return arrow.cast(pa.schema([(field.name, _plain(field.type)) for field in arrow.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind


@contextlib.contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    """Turn what a damaged file raises into a UserError that says it is not `form`, as "JSON"."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError as error:
        # Arrow raises a plain OSError, without a number, where a page is corrupt.
        if error.errno is None:
            raise UserError(f"{path} is not {form}, or damaged: {first_line(error)}") from None
        raise UserError(f"{path} cannot be read: {os.strerror(error.errno)}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text, from byte {error.start} on") from None
    except RecursionError:
        raise UserError(f"{path} is not {form} that can be read: it is nested too deep") from None
    except (pa.ArrowException, pl.exceptions.PolarsError, ValueError) as error:
        raise UserError(f"{path} is not {form}, or damaged: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """The first line of an error's message, at most 200 characters of it."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def read_text(path: Path) -> str:
    """The UTF-8 text of a file, without the byte-order mark that some editors put first."""
    with reading(path, "UTF-8 text"):
        return path.read_text(encoding="utf-8-sig")


def read_table(path: Path, columns: list[str]) -> pl.DataFrame:
    """The table; `columns` must be there, and have the types and values of `ei.schema`."""
    return checked_table(read_frame(path), columns, path)


def read_arrow(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file, or these columns of it, with every page and every text verified."""
    with reading(path, "a Parquet file"), _open(path) as file:
        names = file.schema_arrow.names
        absent = [name for name in columns or [] if name not in names]
        if absent:
            raise UserError(f"{path} has no column {', '.join(absent)}; it has {', '.join(names)}")
        table = file.read(columns)
        table.validate(full=True)  # else Polars would take bytes that are no UTF-8 for text
        written = (file.schema_arrow.metadata or {}).get(b"shape")
        if written not in (None, shape_of(file.schema_arrow, table.num_rows).encode()):
            raise ValueError(
                "its columns or the number of its rows are not those that were written"
            )
        return table.replace_schema_metadata(None)  # Polars panics where that is no text


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """The same as a data frame."""
    with reading(path, "a Parquet file"):
        table = pl.from_arrow(read_arrow(path, columns))
    assert isinstance(table, pl.DataFrame)
    return table


def read_columns(path: Path, *columns: str | pl.Expr) -> pl.DataFrame:
    """These columns alone, or what is computed from columns; the others are never read."""
    expressions = [pl.col(column) if isinstance(column, str) else column for column in columns]
    names = dict.fromkeys(name for one in expressions for name in one.meta.root_names())
    table = checked_table(read_frame(path, list(names)), list(names), path)
    return table.select(expressions)


def stacked(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all tables; raises UserError where these are not of one kind."""
    try:
        return pl.concat(tables)
    except pl.exceptions.PolarsError as error:
        raise UserError(f"the tables do not have the same columns: {first_line(error)}") from None


def read_height(path: Path) -> int:
    """The number of rows of a Parquet file, from its footer."""
    with reading(path, "a Parquet file"), _open(path) as file:
        return int(file.metadata.num_rows)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that `write_table` put into a Parquet file."""
    with reading(path, "a Parquet file"), _open(path) as file:
        found = file.schema_arrow.metadata or {}
        return {key.decode(): value.decode() for key, value in found.items()}


def _open(path: Path) -> pq.ParquetFile:
    if path.is_dir():  # Arrow's own error would be about a file of 4,096 bytes
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return pq.ParquetFile(path, page_checksum_verification=True)


def load_json(path: Path) -> Any:
    """Whatever the JSON file holds; an error names the file, and what is wrong with it."""
    with reading(path, "JSON"):
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse_constant)


def refuse_constant(name: str) -> float:
    """Raise ValueError: NaN and Infinity, which Python would read, are not JSON."""
    raise ValueError(f"{name} is not JSON")


def read_typed(path: Path, kind: type, what: str) -> Any:
    """The JSON object, with the fields and types of `kind`, a TypedDict of `ei.schema`."""
    found = load_json(path)
    wrong = mismatch(found, kind)
    if wrong:
        raise UserError(f"{path} is no {what}: {wrong}")
    return found


def read_run(path: Path) -> RunSummary:
    """The run.json of a run; an error names a field that is missing or of another type."""
    found: RunSummary = read_typed(path, RunSummary, "summary of a run")
    if not found["evaluations"]:
        raise UserError(f"{path} is no summary of a run: it has no evaluation")
    return found


def read_evaluation(path: Path) -> Evaluation:
    """An eval.json or development.json, checked likewise."""
    found: Evaluation = read_typed(path, Evaluation, "evaluation")
    return found


def read_comparisons(path: Path) -> list[Comparison]:
    """What compare.py found, checked likewise."""
    found: Comparisons = read_typed(path, Comparisons, "file of comparisons")
    return found["comparisons"]


def write_json(value: dict[str, Any], path: Path, metadata: dict[str, str]) -> None:
    """Write a JSON object that ends with the same metadata as a Parquet file has."""
    made = {**metadata, "settings": json.loads(metadata["settings"])}
    with whole(path) as partial:
        text = json.dumps({**value, **made}, indent=2, ensure_ascii=False) + "\n"
        partial.write_text(text, encoding="utf-8")
