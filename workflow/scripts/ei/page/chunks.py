"""Responses packed for a page: gzip in base64, a few hundred questions to a chunk.

A browser unpacks a chunk when one of its questions is shown, and all of them only for a search in
the responses. Its DecompressionStream knows gzip and nothing that compresses better.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import polars as pl

# Characters of a chunk: it unpacks in about 5 ms, and the tags around chunks weigh nothing.
CHARACTERS = 400_000

Question = list[list[Any]]  # [[step, [[response, extracted, tokens], ...]], ...]


def questions(responses: pl.DataFrame) -> Iterator[Question]:
    """The responses to each question by step, in the given order (see `ei.page.responses`)."""
    fields = responses.select("question_id", "step", "response", "extracted", "tokens")
    for _, group in groupby(fields.iter_rows(), key=lambda row: row[0]):
        yield [
            [step, [list(row[2:]) for row in same_step]]
            for step, same_step in groupby(group, key=lambda row: row[1])
        ]


def chunks(items: Iterable[Question], characters: int = CHARACTERS) -> Iterator[list[Question]]:
    """The questions in order, in chunks.

    A chunk ends with the question that brings its responses to so many characters.
    """
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


def pack(value: Any, level: int = 9) -> str:
    """The value as compressed JSON in base64, which HTML cannot misread; equal values, equal text.

    Lone surrogates, which a model can write and UTF-8 cannot, become question marks.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(errors="replace"), level, mtime=0)).decode()
