"""Score a table of rollouts: every distinct pair of reference and answer is compared once."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from ei.checker import memo as memory
from ei.checker.answer.tags import answer_text
from ei.checker.settings import Settings, Verdict
from ei.checker.workers.pool import Task, judge_tasks
from ei.stage import progress

NO_FORMAT = Verdict("no_format", "format")
TOO_LONG = Verdict("unparsable", "too long")
LONGEST_TEXT = 20  # times max_chars: how much text an answer is looked for in
PAIRS_SCHEMA = {
    "question": pl.String,  # null unless a reward of the user's own was asked
    "reference": pl.String,
    "answer": pl.String,  # the whole response, where a reward of the user's own was asked
    "extracted": pl.String,
    "status": pl.String,
    "rule": pl.String,
    "reward": pl.Float32,
    "rows": pl.Int64,
    "milliseconds": pl.Float32,  # of processor time
    "source": pl.String,  # "worker", "memo", or "length" where nothing was read
    "string_judge": pl.Boolean,
}


def score(
    frame: pl.DataFrame, settings: Settings, workers: int, memo: Path | None = None
) -> pl.DataFrame:
    """The rows with the columns `ei.schema.VERDICTS` added."""
    return score_pairs(frame, settings, workers, memo)[0]


def score_pairs(
    frame: pl.DataFrame, settings: Settings, workers: int, memo: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The scored rows, and one row for each distinct task: its verdict, time and source.

    The scored rows are a function of the input and the settings alone; times stand with the tasks.
    """
    answers = [
        answer_text(response or "", settings.tag_space, settings.form)
        for response in frame["response"]
    ]
    tasks = list(own_tasks(frame) if settings.reward else pairs_of(frame, answers))
    distinct = list(dict.fromkeys(task for task in tasks if task is not None))
    verdicts, sources = decide(distinct, settings, workers, memo)
    of_rows = [verdicts[task] if task is not None else NO_FORMAT for task in tasks]
    if settings.reward:
        of_rows = [
            verdict_of_own(verdict, answer, settings)
            for verdict, answer in zip(of_rows, answers, strict=True)
        ]
    return with_verdicts(frame, of_rows, answers), pair_table(tasks, verdicts, sources)


def pairs_of(frame: pl.DataFrame, answers: list[str | None]) -> list[Task | None]:
    """(reference, answer) of each row; None where the response has not the form."""
    references = [reference or "" for reference in frame["answer"]]
    return [
        (reference, answer) if answer is not None else None
        for reference, answer in zip(references, answers, strict=True)
    ]


def own_tasks(frame: pl.DataFrame) -> list[Task | None]:
    """(question, reference, response) of each row, which a user's own reward is asked."""
    columns = frame.select("question", "answer", "response").fill_null("")
    return list(columns.iter_rows())


def verdict_of_own(verdict: Verdict, answer: str | None, settings: Settings) -> Verdict:
    """The verdict of a user's own reward, which looks at the form of a response as it likes."""
    if answer is None and verdict.status == "wrong":
        return replace(verdict, status="no_format")
    return replace(verdict, extracted=answer[: settings.max_chars] if answer is not None else None)


def decide(
    distinct: list[Task], settings: Settings, workers: int, memo_path: Path | None
) -> tuple[dict[Task, Verdict], dict[Task, str]]:
    """The verdict on each task, and its source.

    A text of more than LONGEST_TEXT times max_chars is never read: its length is all that is
    looked at in this process.
    """
    memo = memory.read_memo(memo_path, settings) if memo_path else {}
    verdicts: dict[Task, Verdict] = {}
    sources: dict[Task, str] = {}
    longest = LONGEST_TEXT * settings.max_chars
    for task in distinct:
        if not settings.reward and max(map(len, task)) > longest:
            shown = task[1][: settings.max_chars]
            verdicts[task], sources[task] = replace(TOO_LONG, extracted=shown), "length"
        elif task in memo:
            verdicts[task], sources[task] = memo[task], "memo"
    left = [task for task in distinct if task not in verdicts]
    with progress(total=len(left), desc="score", unit="pair") as bar:
        for task, verdict in judge_tasks(left, settings, workers):
            if verdict.extracted is None and not settings.reward:  # no worker came so far
                verdict = replace(verdict, extracted=task[1][: settings.max_chars])
            verdicts[task], sources[task] = verdict, "worker"
            bar.update()
    return verdicts, sources


def with_verdicts(
    frame: pl.DataFrame, verdicts: list[Verdict], answers: list[str | None]
) -> pl.DataFrame:
    """The rows with the columns of a verdict after them.

    An answer is only looked for in a well-formed response, so `reward` is `answer_reward`; a
    reward of the user's own is asked of every response.
    """
    format_ok = pl.Series("format_ok", [answer is not None for answer in answers], pl.Boolean)
    rewards = pl.Series("answer_reward", [reward_of(v) for v in verdicts], pl.Float32)
    return frame.with_columns(
        pl.Series("extracted", [v.extracted for v in verdicts], dtype=pl.String),
        format_ok,
        format_ok.cast(pl.Float32).alias("format_reward"),
        rewards,
        rewards.alias("reward"),
        pl.Series("status", [v.status for v in verdicts], dtype=pl.String),
        pl.Series("rule", [v.rule for v in verdicts], dtype=pl.String),
    )


def reward_of(verdict: Verdict) -> float:
    """What a user's own function gave, or 1 for a right answer and 0 for any other."""
    return verdict.reward if verdict.reward is not None else float(verdict.status == "correct")


def pair_table(
    tasks: list[Task | None], verdicts: dict[Task, Verdict], sources: dict[Task, str]
) -> pl.DataFrame:
    """One row for each distinct task, most frequent first."""
    counts: dict[Task, int] = {}
    for task in tasks:
        if task is not None:
            counts[task] = counts.get(task, 0) + 1
    rows = []
    for task, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        v = verdicts[task]
        question = task[0] if len(task) == 3 else None
        found = (v.extracted, v.status, v.rule, v.reward, count, v.milliseconds, sources[task])
        rows.append((question, *task[-2:], *found, v.same_string))
    return pl.DataFrame(rows, schema=PAIRS_SCHEMA, orient="row")
