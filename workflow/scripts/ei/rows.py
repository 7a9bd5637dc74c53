"""Rows of a file that a user brings: JSONL, possibly compressed, or Parquet."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow.parquet as pq

from ei.files import read_arrow, reading
from ei.stage import UserError

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"  # how such files begin
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def unit(path: Path) -> str:
    """What an error calls a row of the file: "line", or "row" of a table."""
    return "row" if is_parquet(path) else "line"


def is_parquet(path: Path) -> bool:
    """Whether the file is a table, by its name or by how it begins."""
    if path.suffix == ".parquet":
        return True
    with reading(path, "a file of rows"), path.open("rb") as stream:
        return stream.read(len(PARQUET)) == PARQUET


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line or row number from 1, row) of a JSONL or Parquet file; a bad row raises UserError."""
    if is_parquet(path):
        yield from enumerate(parquet_rows(path), start=1)
        return
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        try:
            yield number, parse(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file, or of a folder of them; texts and checksums are verified."""
    with reading(path, "a Parquet file"):
        if path.is_dir():
            table = pq.read_table(path, page_checksum_verification=True)
            table.validate(full=True)  # else bytes that are no UTF-8 would fail later, unnamed
        else:
            table = read_arrow(path)
        return cast(list[dict[str, Any]], table.to_pylist())


def lines(path: Path) -> Iterator[str]:
    """The lines of a text; bytes that are no text are lone surrogates, which `parse` refuses."""
    with reading(path, "UTF-8 text"), path.open("rb") as stream:
        try:
            yield from decoded(unpacked(stream))
        except (EOFError, zlib.error) as error:
            raise ValueError(f"the gzip file is incomplete ({error})") from None


def unpacked(stream: BinaryIO) -> BinaryIO:
    """The bytes of a file, decompressed where it is a gzip file, whatever its name is."""
    buffered = io.BufferedReader(cast(io.RawIOBase, stream))
    if buffered.peek(len(GZIP)).startswith(GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=buffered))
    return buffered


def decoded(stream: BinaryIO) -> io.TextIOWrapper:
    """The text of the bytes, which is UTF-8 unless a byte-order mark says that it is UTF-16."""
    start = cast(io.BufferedReader, stream).peek(4)
    encoding = next((MARKS[mark] for mark in MARKS if start.startswith(mark)), "utf-8")
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape")


def parse(line: str) -> dict[str, Any]:
    """The JSON object of a line; raises ValueError that says what is wrong with it."""
    refuse_broken(line, "the line")
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: it is nested too deep") from None
    except ValueError:  # Python turns at most 4,300 digits into an integer
        raise ValueError("a number has too many digits; write it as a text, in quotes") from None
    if not isinstance(row, dict):
        raise ValueError(f"a JSON object was expected, not {type(row).__name__}")
    for name, value in row.items():
        if isinstance(value, str):
            refuse_broken(value, f"the text of {name!r}")
    return row


def refuse_broken(text: str, what: str) -> None:
    """Raise ValueError for what cannot be written as UTF-8, or comes from another encoding."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        if 0xDC80 <= code <= 0xDCFF:  # where "surrogateescape" puts a byte that is no UTF-8
            raise ValueError(
                f"not UTF-8 text (byte 0x{code - 0xDC00:02x}); save the file as UTF-8"
            ) from None
        raise ValueError(f"{what} has half of a surrogate pair, \\u{code:04x}") from None
    if "\0" in text and what == "the line":
        raise ValueError("not UTF-8 text (NUL bytes, as in UTF-16); save the file as UTF-8")
