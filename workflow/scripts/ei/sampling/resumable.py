"""Chunks of rollouts on disk, so that an interrupted job resumes and loses at most one of them."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ei import schema
from ei.files import forget_scratch, read_table, remove, write_table
from ei.sampling.requests import Request, Rollout
from ei.stage import UserError, progress

log = logging.getLogger("sampling")


def scratch_for(output: Path, *made_from: Any) -> Path:
    """The folder for the chunks of `output`, named by a hash of everything they are made from.

    Chunks of other weights, questions or settings are never reused; those that are left are
    removed.
    """
    key = hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]
    scratch = output.with_name(f".{output.stem}.{key}")
    forget_scratch(output, keep=scratch)
    if scratch.exists() and not scratch.is_dir():
        discard(scratch, "it is no folder")
    return scratch


def read_chunks(scratch: Path, asked: Iterable[Request]) -> list[pl.DataFrame]:
    """The chunks that an interrupted job has left; a question's rollouts are all in one.

    One that is damaged, as a power cut leaves it, or does not answer what is `asked`, is discarded:
    its rollouts are drawn again.
    """
    samples = {request.question_id: list(request.samples) for request in asked}
    chunks: list[pl.DataFrame] = []
    for path in sorted(scratch.glob("*.parquet")):
        try:
            chunk = read_table(path, list(schema.ROLLOUTS))
            if wrong := unlike(chunk, samples):
                raise UserError(wrong)
        except UserError as error:
            discard(path, str(error))
            continue
        chunks.append(chunk)
        for name in chunk["question_id"].unique():
            del samples[name]  # no second chunk may have them
    return chunks


def unlike(chunk: pl.DataFrame, samples: dict[str, list[int]]) -> str | None:
    """Why a chunk is not what was asked for, all samples of some questions; None if it is."""
    if dict(chunk.schema) != schema.ROLLOUTS:
        return "it has other columns than rollouts have"
    found = chunk.group_by("question_id").agg(pl.col("sample").sort())
    if not chunk.height or any(samples.get(name) != drawn for name, drawn in found.iter_rows()):
        return "it does not have all rollouts of the questions in it"
    return None


def discard(path: Path, reason: str) -> None:
    """Remove what an interrupted job has left and nobody can use, with a line in the log."""
    log.warning("warning: %s is discarded, and drawn again: %s", path, reason)
    remove(path)


def write_chunks(
    groups: Iterator[list[Rollout]],
    to_table: Callable[[list[Rollout]], pl.DataFrame],
    scratch: Path,
    size: int,
) -> Iterator[pl.DataFrame]:
    """The rollouts as tables of at least `size` rows, each written to `scratch` when yielded.

    A group holds all rollouts of one question or of several. The caller removes `scratch` once its
    own table is written.
    """
    waiting: list[Rollout] = []
    for rollouts in groups:
        waiting += rollouts
        if len(waiting) >= size:
            yield _written(to_table(waiting), scratch)
            waiting = []
    if waiting:
        yield _written(to_table(waiting), scratch)


def _written(rows: pl.DataFrame, scratch: Path) -> pl.DataFrame:
    rows = rows.sort(schema.IDENTITY)
    write_table(rows, scratch / f"{rows['question_id'][0]}.parquet", {})
    return rows


def shown(groups: Iterator[list[Rollout]], total: int, title: str) -> Iterator[list[Rollout]]:
    """The groups as they come, with a progress bar of `total` rollouts.

    It shows output tokens per second since the first group, when the engine's start is over, and
    the share of responses that ended by themselves.
    """
    begun, tokens, drawn, stopped = None, 0, 0, 0
    with progress(total=total, unit=" rollouts", desc=title) as bar:
        for rollouts in groups:
            drawn += len(rollouts)
            stopped += sum(rollout.finish_reason == "stop" for rollout in rollouts)
            text = f"{stopped / drawn:.0%} stopped"
            if begun is None:
                begun = time.monotonic()
            else:
                tokens += sum(len(rollout.ids) for rollout in rollouts)
                text = f"{tokens / (time.monotonic() - begun):,.0f} tokens/s, {text}"
            bar.set_postfix_str(text, refresh=False)
            bar.update(len(rollouts))
            yield rollouts
