#!/usr/bin/env python3
"""Keep what the policy should learn from: correct responses, each once; report what was dropped.

    filter.py --scored results/demo/step1/scored.parquet --max_per_question 2 \\
        --output example/filtered.parquet
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from ei import stage
from ei.files import read_table, stacked, stamp, write_json, write_table
from ei.questions import shuffle
from ei.sampling.rounds import FIRST
from ei.schema import IDENTITY, ROUNDS
from ei.stage import setting

log = logging.getLogger("filter")
NEEDED = [
    *IDENTITY,
    "seed",
    "response",
    "prompt_ids",
    "response_ids",
    "format_ok",
    "reward",
    "status",
]
KEPT = pl.col("dropped").is_null()
HALF = 0.5  # share of rollouts of right form below which the form is what is missing
UNAIDED = pl.col("round") != "hints"


@dataclass(frozen=True)
class Keep:
    """Which scored rollouts are kept."""

    keep: str = setting(
        "correct",
        "what is kept: correct rollouts; any of right form (format); as many of right form as would"
        " be correct (random); or all",
        ["correct", "format", "random", "all"],
    )
    min_reward: float = setting(1.0, "the least reward of a correct rollout")
    solved_above: float | None = setting(
        None, "drop questions that at least this share of their rollouts solves"
    )
    dedupe: bool = setting(True, "keep a question's identical responses once")
    max_per_question: int | None = setting(None, "most responses of a question")
    max_tokens: int | None = setting(None, "most tokens of prompt and response together")


def together(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of all rounds, by the round's name, with a column `round`.

    What was sampled with a hint follows the question's prompt of the first round from here on: the
    policy learns to answer without one.
    """
    named = [rows.with_columns(round=pl.lit(name)) for name, rows in tables.items()]
    plain = tables[FIRST].select("question_id", plain="prompt_ids").unique("question_id")
    rows = stacked(named).join(plain, on="question_id", how="left", maintain_order="left")
    prompt = pl.when(UNAIDED).then("prompt_ids").otherwise("plain")
    return rows.with_columns(prompt_ids=prompt).drop("plain")


def label(scored: pl.DataFrame, keep: Keep) -> pl.DataFrame:
    """The rows by question and sample, with a column `dropped`: why, or null for those to keep."""
    rows = scored.sort(IDENTITY).with_columns(dropped=pl.lit(None, pl.String))
    for reason, holds in reasons(keep):
        why = pl.when(KEPT & holds).then(pl.lit(reason)).otherwise("dropped")
        rows = rows.with_columns(dropped=why)
    return at_random(rows, scored, keep) if keep.keep == "random" else rows


def reasons(keep: Keep) -> Iterator[tuple[str, pl.Expr]]:
    """(reason, which rows it drops); the first reason that holds for a row is the row's.

    `wrong` is too low a reward, `solved` belongs to a whole question, `duplicate` has the text of
    an earlier sample of the question.
    """
    correct = is_correct(keep.min_reward)
    if keep.keep == "correct":
        yield "wrong", ~correct
    if keep.keep in ("format", "random"):
        yield "no_format", ~pl.col("format_ok")
    if keep.max_tokens is not None:
        length = pl.col("prompt_ids").list.len() + pl.col("response_ids").list.len()
        yield "too_long", length > keep.max_tokens
    if keep.solved_above is not None:
        share = correct.filter(UNAIDED).mean().over("question_id")
        yield "solved", share >= keep.solved_above
    number = pl.int_range(pl.len())  # among the rows that share these columns, so far kept
    if keep.dedupe:
        yield "duplicate", number.over("question_id", "response", "dropped") > 0
    if keep.max_per_question is not None:
        yield "over_cap", number.over("question_id", "dropped") >= keep.max_per_question


def is_correct(min_reward: float) -> pl.Expr:
    """Whether a rollout is correct: its reward is at least `min_reward`."""
    return pl.col("reward").cast(pl.Float32) >= pl.lit(min_reward, pl.Float32)


def at_random(rows: pl.DataFrame, scored: pl.DataFrame, keep: Keep) -> pl.DataFrame:
    """The rows, of which only as many stay kept as `correct` would keep; the others: `not_drawn`.

    Which ones depends on their identities alone: the seed of a draw names its run, step and sample.
    """
    count = label(scored, replace(keep, keep="correct"))["dropped"].null_count()
    drawn = shuffle(rows.filter(KEPT), ["seed", *IDENTITY], "random").head(count)
    drawn = drawn.select(*IDENTITY, drawn=pl.lit(True))
    why = pl.when(KEPT & pl.col("drawn").is_null()).then(pl.lit("not_drawn")).otherwise("dropped")
    marked = rows.join(drawn, on=IDENTITY, how="left", maintain_order="left")
    return marked.with_columns(dropped=why).drop("drawn")


def report(rows: pl.DataFrame, min_reward: float = 1.0) -> dict[str, Any]:
    """Counts of what was kept and dropped, and of questions never, sometimes and always solved.

    What hints helped to solve counts for neither that nor `distinct_correct`.
    """
    unaided = rows.filter(UNAIDED).with_columns(correct=is_correct(min_reward))
    solved = unaided.group_by("question_id").agg(pl.col("correct").mean())["correct"]
    dropped = rows["dropped"].drop_nulls().value_counts()
    kept = rows.filter(pl.col("dropped").is_null())
    return {
        "rollouts": rows.height,
        "kept": kept.height,
        "dropped": dict(sorted(dropped.iter_rows())),
        "status": dict(sorted(rows["status"].value_counts().iter_rows())),
        "questions": rows["question_id"].n_unique(),
        "questions_kept": kept["question_id"].n_unique(),
        "solved": {
            "never": int((solved == 0).sum()),
            "sometimes": int(((solved > 0) & (solved < 1)).sum()),
            "always": int((solved == 1).sum()),
        },
        "distinct_responses": rows.select("question_id", "response").n_unique(),
        "distinct_correct": unaided.filter("correct").select("question_id", "response").n_unique(),
        "response_tokens_kept": int(kept["response_ids"].list.len().sum()),
        **further_rounds(rows),
    }


def further_rounds(rows: pl.DataFrame) -> dict[str, Any]:
    """`rounds`: of each round but the first, its rollouts, questions, correct and kept ones."""
    found = {
        name: {
            "rollouts": drawn.height,
            "questions": drawn["question_id"].n_unique(),
            "correct": int((drawn["status"] == "correct").sum()),
            "kept": drawn["dropped"].null_count(),
        }
        for name in ROUNDS
        if not (drawn := rows.filter(pl.col("round") == name)).is_empty()
    }
    return {"rounds": found} if found else {}


def why_nothing(rows: pl.DataFrame) -> str:
    """Why no row is kept, and what helps, for the log."""
    if rows.is_empty():
        return "there is none to keep"
    reason = rows["dropped"].value_counts(sort=True)["dropped"][0]
    formed = rows["format_ok"].mean()
    if reason not in ("wrong", "no_format"):
        return f"most were dropped as {reason}"
    if isinstance(formed, float) and formed < HALF:
        return (
            f"{100 * formed:.1f} % have the form that the prompt asks for. Ask for another form,"
            " or begin with one that has learned this: `snakemake results/sft/step1/policy`"
            " trains a policy on given solutions, and `model` takes its folder"
        )
    return "no answer is correct. Draw more (sample.rollouts, sample.questions), or give hints"


def rounds_of(flags: argparse.Namespace) -> dict[str, pl.DataFrame]:
    """The scored tables by their round: the first, and those further ones that there are."""
    paths = {FIRST: flags.scored, **{name: getattr(flags, name) for name in ROUNDS}}
    return {name: read_table(path, NEEDED) for name, path in paths.items() if path}


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--scored", type=Path, required=True, help="scored.parquet, from score.py")
    for name in ROUNDS:
        parser.add_argument(f"--{name}", type=Path, nargs="?", help=f"that of the round {name}")
    parser.add_argument("--output", type=Path, required=True, help="filtered.parquet")
    stage.add_settings(parser, Keep)
    stage.add_lineage(parser)
    flags = parser.parse_args()
    keep = stage.settings_from(flags, Keep)
    tables = rounds_of(flags)
    rows = label(together(tables), keep)
    found = report(rows, keep.min_reward)
    if found["kept"] == 0:
        log.warning(
            "warning: no rollout is kept; this step's policy will be the one before. Of %d, %s",
            rows.height,
            why_nothing(rows),
        )
    made = stamp(flags.lineage, asdict(keep))
    of_tables = ["dropped"] if len(tables) > 1 else ["dropped", "round"]
    write_table(rows.filter(KEPT).drop(of_tables), flags.output, made)
    write_json(found, flags.output.with_suffix(".json"), made)
    log.info(
        "%d of %d rollouts kept; dropped: %s", found["kept"], found["rollouts"], found["dropped"]
    )


if __name__ == "__main__":
    stage.run(main)
