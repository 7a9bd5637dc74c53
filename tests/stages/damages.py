"""Ways in which files come to harm, each a function that does it to a path."""

import gzip
import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ei.files import stamp, write_table

Damage = Callable[[Path], Any]


def listed(files: Mapping[str, Mapping[str, Damage]]) -> Iterator[tuple[str, str, Damage]]:
    """(file, kind of damage, damage) of every damage to every file."""
    for name, kinds in files.items():
        for kind, damage in kinds.items():
            yield name, kind, damage


def rewritten(change: Callable[[bytes], bytes]) -> Damage:
    """The damage that puts other bytes into the file."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def flipped(seed: int) -> Damage:
    """One bit of the file, anywhere in it."""

    def flip(content: bytes) -> bytes:
        place = random.Random(seed).randrange(8 * len(content))
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        return bytes(changed)

    return rewritten(flip)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


ANYTHING: dict[str, Damage] = {
    "absent": Path.unlink,
    "empty": rewritten(lambda _: b""),
    "a folder": folder_instead,
    "its first half": rewritten(lambda content: content[: len(content) // 2]),
    "without its end": rewritten(lambda content: content[:-9]),
    "random bytes": rewritten(lambda content: random.Random(0).randbytes(len(content))),
    "zeros": rewritten(lambda content: bytes(len(content))),
    "compressed": rewritten(gzip.compress),
    "other text": rewritten(lambda _: "grün".encode("latin-1")),
}


def recast(kind: type) -> Damage:
    """All columns of one type, as a careless reader and writer of CSV makes them."""

    def damage(path: Path) -> None:
        table = pl.read_parquet(path)
        cast = [pl.lit("1").cast(kind).alias(name) for name in table.columns]
        write_table(table.with_columns(cast), path, stamp("", {}))

    return damage


def nulls(path: Path) -> None:
    table = pl.read_parquet(path)
    write_table(
        table.with_columns(pl.lit(None).alias(n) for n in table.columns), path, stamp("", {})
    )


def negative_ids(path: Path) -> None:
    table = pl.read_parquet(path)
    minus = pl.col("prompt_ids", "response_ids").list.eval(-pl.element())
    write_table(table.with_columns(minus), path, stamp("", {}))


def broken_text(path: Path) -> None:
    """Bytes that are no UTF-8 in the first column of texts, behind valid checksums."""
    table = pq.read_table(path)
    name = next(field.name for field in table.schema if str(field.type) == "string")
    column = table[name].cast("binary").to_pylist()
    broken = pa.array([b"\xff\xfe", *column[1:]], "binary").view("string")
    position = table.schema.names.index(name)
    write_table(table.set_column(position, name, broken), path, stamp("", {}))


def without_columns(path: Path) -> None:
    write_table(pl.read_parquet(path).select(pl.lit(1).alias("other")), path, stamp("", {}))


PARQUET: dict[str, Damage] = {
    **ANYTHING,
    **{f"a flipped bit, {seed}": flipped(seed) for seed in range(4)},
    "columns of numbers": recast(pl.Float64),
    "columns of texts": recast(pl.String),
    "columns of nulls": nulls,
    "other columns": without_columns,
    "bytes that are no text": broken_text,
}
TOKENS = {"negative token ids": negative_ids}


def changed_json(change: Callable[[Any], Any]) -> Damage:
    return lambda path: path.write_text(json.dumps(change(json.loads(path.read_text()))))


def wrong_values(value: Any) -> Any:
    """Every number and text replaced by what it is not, at any depth."""
    if isinstance(value, dict):
        return {key: wrong_values(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [wrong_values(inner) for inner in value] or "none"
    return 1 if isinstance(value, str) else "x"


JSON: dict[str, Damage] = {
    **ANYTHING,
    "a list": changed_json(lambda found: [found]),
    "a number": changed_json(lambda _: 1),
    "without a field": changed_json(lambda found: dict(list(found.items())[1:])),
    "no fields": changed_json(lambda _: {}),
    "other types": changed_json(wrong_values),
    "nested too deep": rewritten(lambda _: b"[" * 100_000),
    "5,000 digits": rewritten(lambda _: b'{"step": %s}' % (b"9" * 5000)),
    "NaN": changed_json(lambda found: dict.fromkeys(found, float("nan"))),
}
LINES: dict[str, Damage] = {
    **ANYTHING,
    "UTF-16 without a mark": rewritten(lambda content: content.decode().encode("utf-16-le")),
    "UTF-16": rewritten(lambda content: content.decode().encode("utf-16")),
    "a mark": rewritten(lambda content: b"\xef\xbb\xbf" + content),
    "half a surrogate pair": rewritten(lambda _: rb'{"question": "\ud800", "answer": "1"}'),
    "5,000 digits": rewritten(lambda _: b'{"question": "a", "answer": %s}' % (b"9" * 5000)),
    "NaN": rewritten(lambda _: b'{"question": "a", "answer": NaN}'),
    "nested too deep": rewritten(lambda _: b"[" * 100_000),
    "a list": rewritten(lambda _: b'["question", "answer"]'),
}


def but(damages: dict[str, Damage], *names: str) -> dict[str, Damage]:
    return {name: damage for name, damage in damages.items() if name not in names}
