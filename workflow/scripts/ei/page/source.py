"""A source of the rollout browser: training rollouts, or responses to the validation questions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from ei.page.chunks import chunks, pack, questions
from ei.page.index import index
from ei.page.worth import groups


@dataclass(frozen=True)
class Source:
    """`name` is part of the page's ids; `title` and `unit` ("rollout", "response") are shown."""

    name: str
    title: str
    unit: str
    responses: pl.DataFrame  # see `ei.page.responses`
    absent: list[int]  # steps whose files are not on disk

    @cached_property
    def index(self) -> dict[str, Any]:
        """What is known of every question before any response is unpacked."""
        return index(self.responses, sorted(self.responses["step"].unique().to_list()))


def blocks(source: Source, level: int = 9) -> Iterator[tuple[str, str]]:
    """Id and packed content of the source's blocks: `NAME-0`, `NAME-1`, ... and `NAME-index`.

    The index comes last: it says which question each chunk starts with (`starts`). `level` is
    gzip's, from 1 (fast) to 9 (small).
    """
    starts: list[int] = []
    total = 0
    for number, chunk in enumerate(chunks(questions(source.responses))):
        starts.append(total)
        total += len(chunk)
        yield f"{source.name}-{number}", pack(chunk, level)
    content = {"unit": source.unit, **source.index, "starts": starts}
    yield f"{source.name}-index", pack(content, level)


def summary(source: Source) -> dict[str, Any]:
    """What the page's template needs to know of a source."""
    return {
        "name": source.name,
        "title": source.title,
        "unit": source.unit,
        "responses": source.responses.height,
        "questions": len(source.index["id"]),
        "absent": source.absent,
        "worth": groups(source.name, source.index),
    }
