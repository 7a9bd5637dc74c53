"""A source of the rollout browser: training rollouts, or responses to the validation questions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from ei.page.chunks import chunks, pack, questions
from ei.page.index import index


@dataclass(frozen=True)
class Source:
    """`name` is in the page's ids; `title` and `unit` ("rollout", "response") are read by people."""

    name: str
    title: str
    unit: str
    rows: pl.DataFrame
    absent: list[int]


def blocks(source: Source) -> Iterator[tuple[str, str]]:
    """Id and packed content of the source's blocks: `NAME-0`, `NAME-1`, ... for the responses, last `NAME-index`.

    The index says which question each chunk starts with (`starts`), so it can be made only when the chunks are.
    """
    starts: list[int] = []
    total = 0
    for number, chunk in enumerate(chunks(questions(source.rows))):
        starts.append(total)
        total += len(chunk)
        yield f"{source.name}-{number}", pack(chunk)
    steps = sorted(source.rows["step"].unique().to_list())
    yield (
        f"{source.name}-index",
        pack({"unit": source.unit, **index(source.rows, steps), "starts": starts}),
    )


def summary(source: Source) -> dict[str, Any]:
    """What the page says of a source in words."""
    return {
        "name": source.name,
        "title": source.title,
        "unit": source.unit,
        "responses": source.rows.height,
        "questions": source.rows["question_id"].n_unique(),
        "absent": source.absent,
    }
