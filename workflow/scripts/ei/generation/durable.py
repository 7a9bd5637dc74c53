"""Drawing a table of rollouts so that a kill loses at most one chunk of it."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ei.files import forget_scratch, read_table, write_table
from ei.generation.draw import Request, Rollout
from ei.stage import progress

log = logging.getLogger("generation")
SORTED_BY = ["question_id", "sample"]
Draw = Callable[[list[Request]], Iterator[list[Rollout]]]


def rollout_table(
    requests: list[Request],
    draw: Draw,
    to_rows: Callable[[Iterable[Rollout]], pl.DataFrame],
    scratch: Path,
    chunk: int,
    title: str,
) -> pl.DataFrame:
    """All rollouts of the requests, sorted by question and sample.

    What is finished is written to `scratch` by the `chunk` rollouts; a rerun takes up from there. The caller
    removes `scratch` once the table is safe.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    chunks = [read_table(path, SORTED_BY) for path in sorted(scratch.glob("*.parquet"))]
    done = {name for rows in chunks for name in rows["question_id"].unique()}
    missing = [request for request in requests if request.question_id not in done]
    if done:
        log.info("%d of %d questions were drawn before", len(done), len(requests))
    started, tokens = time.monotonic(), 0
    waiting: list[Rollout] = []
    asked = sum(len(request.samples) for request in missing)
    with progress(total=asked, unit=" rollouts", desc=title) as bar:
        for rollouts in _shown(draw(missing), bar) if missing else ():
            waiting += rollouts
            tokens += sum(len(rollout.ids) for rollout in rollouts)
            if len(waiting) >= chunk:
                chunks.append(_write(to_rows(waiting), scratch))
                waiting = []
    if waiting:
        chunks.append(_write(to_rows(waiting), scratch))
    seconds = time.monotonic() - started
    log.info("%d rollouts, %d tokens in %.1f s, engine start included", asked, tokens, seconds)
    return pl.concat(chunks).sort(SORTED_BY)


def _shown(groups: Iterator[list[Rollout]], bar: Any) -> Iterator[list[Rollout]]:
    """The groups as they come, while the bar tells rollouts, output tokens/s since the first, and how many stopped."""
    begun, tokens, drawn, stopped = None, 0, 0, 0
    for rollouts in groups:
        drawn += len(rollouts)
        stopped += sum(rollout.finish_reason == "stop" for rollout in rollouts)
        share = f"{stopped / drawn:.0%} stopped"
        if begun is None:
            begun = time.monotonic()  # the engine's start is over
        else:
            tokens += sum(len(rollout.ids) for rollout in rollouts)
            share = f"{tokens / (time.monotonic() - begun):,.0f} tokens/s, {share}"
        bar.set_postfix_str(share, refresh=False)
        bar.update(len(rollouts))
        yield rollouts


def _write(rows: pl.DataFrame, scratch: Path) -> pl.DataFrame:
    rows = rows.sort(SORTED_BY)
    write_table(rows, scratch / f"{rows['question_id'][0]}.parquet", {})
    return rows


def scratch_for(output: Path, *made_from: Any) -> Path:
    """The folder for the chunks of `output`, named by a hash of all that they are made from.

    Chunks of other weights, questions or settings are never taken up; what is left of them is removed.
    """
    key = hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]
    scratch = output.with_name(f".{output.stem}.{key}")
    forget_scratch(output, keep=scratch)
    return scratch


def batches(requests: list[Request], size: int) -> list[list[Request]]:
    """The requests in groups of `size`, in order."""
    return [requests[start : start + size] for start in range(0, len(requests), size)]


def shard(groups: list[list[Any]], number: int, count: int) -> list[Any]:
    """The items of every `count`-th group from `number`: whole groups, so no group's make-up depends on `count`."""
    return [item for group in groups[number::count] for item in group]
