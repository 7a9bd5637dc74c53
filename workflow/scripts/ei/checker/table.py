"""Score a table of rollouts: every distinct pair of reference and answer is compared once."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from ei.checker import memo as memory
from ei.checker.answer.tags import answer_text
from ei.checker.compare.quick import quick, string_judge
from ei.checker.settings import Settings, Verdict
from ei.checker.workers.pool import Pair, Process, judge_pairs, launch
from ei.stage import progress

NO_FORMAT = Verdict("no_format", "format")
PAIRS_SCHEMA = {
    "reference": pl.String,
    "answer": pl.String,
    "extracted": pl.String,
    "status": pl.String,
    "rule": pl.String,
    "rows": pl.Int64,
    "milliseconds": pl.Float32,
    "source": pl.String,
    "string_judge": pl.Boolean,
}


def score(
    frame: pl.DataFrame, settings: Settings, workers: int, memo: Path | None = None
) -> pl.DataFrame:
    """The rows with `extracted`, `format_ok`, `format_reward`, `answer_reward`, `reward`, `status` and `rule` added."""
    return score_pairs(frame, settings, workers, memo)[0]


def score_pairs(
    frame: pl.DataFrame, settings: Settings, workers: int, memo: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The scored rows, and one row for each distinct pair: its verdict, milliseconds, and how it came about.

    The scored rows are a function of the input and the settings alone; times stand with the pairs.
    """
    answers = [answer_text(response or "", settings.tag_space) for response in frame["response"]]
    references = [reference or "" for reference in frame["answer"]]
    pairs = [
        (reference, answer) if answer is not None else None
        for reference, answer in zip(references, answers, strict=True)
    ]
    distinct = list(dict.fromkeys(pair for pair in pairs if pair is not None))
    verdicts, sources = decide(distinct, settings, workers, memo)
    of_rows = [verdicts[pair] if pair is not None else NO_FORMAT for pair in pairs]
    return with_verdicts(frame, of_rows), pair_table(pairs, verdicts, sources)


def decide(
    distinct: list[Pair], settings: Settings, workers: int, memo_path: Path | None
) -> tuple[dict[Pair, Verdict], dict[Pair, str]]:
    """The verdict on each pair, and its source: "rules" (exact, in this process), "memo" or "worker"."""
    verdicts: dict[Pair, Verdict] = {}
    sources: dict[Pair, str] = {}
    memo = memory.read_memo(memo_path)
    kept = len(memo)
    ahead: Process | None = None
    with progress(total=len(distinct), desc="score", unit="pair") as bar:
        for pair in distinct:
            verdict, source = timed(quick, pair, settings), "rules"
            if verdict is None:
                verdict, source = memory.recall(memo, pair, settings), "memo"
            if verdict is not None:
                verdicts[pair], sources[pair] = verdict, source
                bar.update()
            elif ahead is None:  # a worker will be needed, and can start while the rules go on
                ahead = launch(settings)
        for pair, verdict in judge_pairs(
            [p for p in distinct if p not in verdicts], settings, workers, ahead
        ):
            if verdict.extracted is None:  # no worker came so far
                verdict = replace(verdict, extracted=pair[1][: settings.max_chars])
            verdicts[pair], sources[pair] = verdict, "worker"
            if verdict.status in memory.KEPT:
                memo[memory.key(pair, settings)] = (verdict.status, verdict.rule, verdict.extracted)
            bar.update()
    if len(memo) > kept:
        memory.write_memo(memo_path, memo)
    return verdicts, sources


def timed(
    rules: Callable[[str, str, Settings], Verdict | None], pair: Pair, settings: Settings
) -> Verdict | None:
    """The verdict of the rules with the milliseconds that it took."""
    start = time.perf_counter()
    verdict = rules(pair[0], pair[1], settings)
    if verdict is None:
        return None
    return Verdict(
        verdict.status, verdict.rule, verdict.extracted, (time.perf_counter() - start) * 1000
    )


def with_verdicts(frame: pl.DataFrame, verdicts: list[Verdict]) -> pl.DataFrame:
    """The rows with the columns of a verdict after them."""
    status = pl.Series("status", [v.status for v in verdicts], dtype=pl.String)
    right = (status == "correct").cast(pl.Float32)
    format_ok = status != "no_format"
    return frame.with_columns(
        pl.Series("extracted", [v.extracted for v in verdicts], dtype=pl.String),
        format_ok.alias("format_ok"),
        format_ok.cast(pl.Float32).alias("format_reward"),
        right.alias("answer_reward"),
        right.alias(
            "reward"
        ),  # right and well-formed: an answer is only looked for in a well-formed response
        status,
        pl.Series("rule", [v.rule for v in verdicts], dtype=pl.String),
    )


def pair_table(
    pairs: list[Pair | None], verdicts: dict[Pair, Verdict], sources: dict[Pair, str]
) -> pl.DataFrame:
    """One row for each distinct pair, most frequent first."""
    counts: dict[Pair, int] = {}
    for pair in pairs:
        if pair is not None:
            counts[pair] = counts.get(pair, 0) + 1
    rows = []
    for pair, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        v = verdicts[pair]
        agrees = string_judge(pair[0], v.extracted or pair[1])
        rows.append(
            (*pair, v.extracted, v.status, v.rule, count, v.milliseconds, sources[pair], agrees)
        )
    return pl.DataFrame(rows, schema=PAIRS_SCHEMA, orient="row")
