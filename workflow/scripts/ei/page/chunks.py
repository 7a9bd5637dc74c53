"""Responses packed for a page: gzip in base64, a few hundred questions to a chunk.

A browser unpacks a chunk when a question of it is shown (DecompressionStream knows gzip and nothing better), and all
of them only for a search in the responses.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import polars as pl

CHARACTERS = 400_000  # of a chunk: unpacked in about 5 ms, and few enough chunks that their tags weigh nothing

Question = list[list[Any]]  # [[step, [[response, extracted, tokens], ...]], ...]


def questions(rows: pl.DataFrame) -> Iterator[Question]:
    """The responses of each question by step, in the order of the rows (see `ei.page.responses`)."""
    fields = rows.select("question_id", "step", "response", "extracted", "tokens")
    for _, group in groupby(fields.iter_rows(), key=lambda row: row[0]):
        yield [
            [step, [list(row[2:]) for row in of_step]]
            for step, of_step in groupby(group, key=lambda row: row[1])
        ]


def chunks(items: Iterable[Question], characters: int = CHARACTERS) -> Iterator[list[Question]]:
    """The questions in order, as many to a chunk as it takes to have so many characters of responses."""
    chunk: list[Question] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += sum(len(response[0]) for _, responses in item for response in responses)
        if size >= characters:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def pack(value: Any) -> str:
    """The value as JSON, compressed, in letters that mean nothing to HTML; equal values give equal letters."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(errors="replace"), 9, mtime=0)).decode()
