"""Files that are either whole or absent, and that say where they come from."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ei import __version__
from ei.schema import RunSummary
from ei.stage import UserError


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a sibling path to write to; it takes its real name only when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def forget_scratch(output: Path, keep: Path | None = None) -> None:
    """Remove the scratch folders beside `output`, all but `keep`: it is written, or they belong to another one."""
    for folder in output.parent.glob(f".{output.stem}.*"):
        if folder.is_dir() and folder != keep:
            remove(folder)


def stamp(lineage: str, settings: dict[str, Any]) -> dict[str, str]:
    """The metadata of every Parquet and JSON: lineage, project version, and the settings that made it."""
    return {
        "lineage": lineage,
        "version": __version__,
        "settings": json.dumps(settings, sort_keys=True, default=str),
    }


def write_table(table: pl.DataFrame | pa.Table, path: Path, metadata: dict[str, str]) -> None:
    """Write a Parquet file (zstd) with `metadata` in its schema; equal tables give equal bytes."""
    arrow = to_arrow(table).replace_schema_metadata(metadata)
    with whole(path) as partial:
        pq.write_table(arrow, partial, compression="zstd", compression_level=1)


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


def read_table(path: Path, columns: list[str]) -> pl.DataFrame:
    """The table; an error names the columns that it should have and has not."""
    table = pl.from_arrow(_open(path).read())
    assert isinstance(table, pl.DataFrame)
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    return table


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that `write_table` put into a Parquet file."""
    return {
        key.decode(): value.decode()
        for key, value in (_open(path).schema_arrow.metadata or {}).items()
    }


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} is not a Parquet file: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object; an error names the file that should be there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    return found


def read_run(path: Path) -> RunSummary:
    """The run.json of a run; an error names the fields that it should have and has not."""
    found = read_json(path)
    fields = sorted(RunSummary.__required_keys__)
    missing = [field for field in fields if not isinstance(found, dict) or field not in found]
    if missing:
        raise UserError(f"{path} is no summary of a run: it has no {', '.join(missing)}")
    return cast(RunSummary, found)


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


def write_json(value: dict[str, Any], path: Path, metadata: dict[str, str]) -> None:
    """Write a JSON object that ends with the same metadata as a Parquet file has."""
    made = {**metadata, "settings": json.loads(metadata["settings"])}
    with whole(path) as partial:
        partial.write_text(json.dumps({**value, **made}, indent=2, ensure_ascii=False) + "\n")
