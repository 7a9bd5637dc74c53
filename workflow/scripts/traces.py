#!/usr/bin/env python3
"""Make a table of rollouts of responses that the policy did not write: what plain SFT is trained on.

    traces.py --traces traces.jsonl --policy models/base --data train.parquet --held_out development.parquet \\
        validation.parquet --prompt r1_zero.txt --output rollouts.parquet --lineage HASH

A row of --traces (JSONL or Parquet) has a `question`, or the whole `prompt`, and a `response`. Its question is one of
the training set, or it brings its own `answer`. Questions that are held out are left out. Without --traces the
responses are the training set's own solutions, put into the form that the prompt asks for.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

import polars as pl

from ei import policy, questions, stage
from ei.files import read_table, stamp, write_table
from ei.generation.command import FIELD, read_template
from ei.stage import UserError

log = logging.getLogger("traces")
COLUMNS = ["question_id", "question", "answer", "level", "subject"]
THINK = "<think>"


def in_form(solution: str, answer: str, template: str) -> str:
    """A solution as the response that the prompt asks for; it goes on where the prompt has opened `<think>`."""
    opening = "" if template.rstrip().endswith(THINK) else THINK
    return f"{opening} {solution.strip()} </think> <answer>{answer}</answer>"


def from_solutions(train: pl.DataFrame, template: str) -> list[dict[str, Any]]:
    """A trace for each training question that has a solution; raises UserError if none has."""
    solved = train.filter(pl.col("solution").is_not_null())
    if solved.is_empty():
        raise UserError(
            "the training questions have no solutions to train on: give a file of traces in baseline.traces, or"
            " set baseline to null to do without SFT to compare with"
        )
    return [
        {
            **{name: row[name] for name in COLUMNS},
            "response": in_form(row["solution"], row["answer"], template),
        }
        for row in solved.iter_rows(named=True)
    ]


def from_file(
    path: Path, train: pl.DataFrame, held_out: set[str], template: str
) -> list[dict[str, Any]]:
    """The file's traces but those of held-out questions; a bad row raises UserError with its line."""
    known = {row["question_id"]: row for row in train.select(COLUMNS).iter_rows(named=True)}
    found, left_out = [], 0
    for number, row in questions.read_rows(path):
        try:
            question, response = texts(row, template)
            name = questions.question_id(question)
            if name in held_out:
                left_out += 1
            else:
                found.append({**(known.get(name) or newcomer(row, question)), "response": response})
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
    if left_out:
        log.info(
            "%d traces are left out: their questions are kept for development or validation",
            left_out,
        )
    if not found:
        raise UserError(f"{path} has no traces to train on")
    return found


def texts(row: dict[str, Any], template: str) -> tuple[str, str]:
    """The question and the response of a row of the file."""
    text, response = row.get("question") or row.get("prompt"), row.get("response")
    if not isinstance(text, str) or not isinstance(response, str) or not response:
        raise ValueError(
            "a trace needs a text under 'question' (or 'prompt') and one under 'response'"
        )
    return question_of(text, template), response


def newcomer(row: dict[str, Any], question: str) -> dict[str, Any]:
    """A question that is not in the training set, in its columns."""
    try:
        found = questions.normalise({**row, "question": question})
    except ValueError:
        raise ValueError(
            f"not in the training set, and without an 'answer': {question[:60]!r}"
        ) from None
    return {name: found[name] for name in COLUMNS}


def question_of(text: str, template: str) -> str:
    """The question of a whole prompt; any other text is itself the question."""
    head, tail = template.split(FIELD)
    whole = text.startswith(head) and text.endswith(tail) and len(text) > len(head) + len(tail)
    return text[len(head) : len(text) - len(tail)] if whole else text


def rollouts(
    traces: list[dict[str, Any]], template: str, tokenizer: Any, fingerprint: str
) -> pl.DataFrame:
    """The traces as rows of rollouts.parquet; nothing was drawn, so they have no seed."""
    prompts = tokenizer([template.replace(FIELD, trace["question"]) for trace in traces]).input_ids
    responses = tokenizer(
        [trace["response"] for trace in traces], add_special_tokens=False
    ).input_ids
    table = pl.DataFrame(traces, schema=dict.fromkeys((*COLUMNS, "response"), pl.String))
    return table.select(
        "question_id", "question", "answer",
        pl.int_range(pl.len(), dtype=pl.Int32).over("question_id").alias("sample"),
        pl.lit(None, dtype=pl.Int64).alias("seed"),
        pl.Series("prompt_ids", prompts, dtype=pl.List(pl.Int32)),
        "response",
        pl.Series("response_ids", responses, dtype=pl.List(pl.Int32)),
        pl.lit("stop").alias("finish_reason"),
        pl.lit(1, dtype=pl.Int32).alias("step"),
        pl.lit(fingerprint).alias("policy"),
        "level", "subject",
    ).sort("question_id", "sample")  # fmt: skip


def fitting(table: pl.DataFrame, context: int, skip: bool) -> pl.DataFrame:
    """The rows that fit into the model's context (tokens); if there are others, raises UserError unless `skip`."""
    length = pl.col("prompt_ids").list.len() + pl.col("response_ids").list.len()
    long = table.filter(length > context)
    if not long.height:
        return table
    found = f"{long.height} of {table.height} traces exceed the model's context of {context} tokens with their prompt"
    if not skip:
        raise UserError(f"{found}. Set data.skip_too_long to leave them out")
    log.warning("warning: %s. They are left out", found)
    return table.filter(length <= context)


def read_flags() -> argparse.Namespace:
    """The command line."""
    parser = stage.parser(__doc__)
    parser.add_argument("--traces", type=Path, help="a JSONL or Parquet file")
    parser.add_argument(
        "--policy", type=Path, required=True, help="the base policy, whose tokenizer is used"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the training questions, from data.py"
    )
    parser.add_argument(
        "--held_out", type=Path, nargs="*", default=[], help="questions never to be trained on"
    )
    parser.add_argument(
        "--prompt", type=Path, required=True, help="a template with {question} in it"
    )
    parser.add_argument(
        "--skip_too_long", type=stage.boolean, default=False, help="leave out what does not fit"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lineage", required=True)
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    policy.check(flags.policy)
    template = read_template(flags.prompt)
    train = read_table(flags.data, [*COLUMNS, "solution"])
    if flags.traces:
        held_out = {
            name
            for path in flags.held_out
            for name in read_table(path, ["question_id"])["question_id"]
        }
        traces = from_file(flags.traces, train, held_out, template)
    else:
        traces = from_solutions(train, template)
    tokenizer, fingerprint = policy.load_tokenizer(flags.policy), policy.fingerprint(flags.policy)
    table = rollouts(traces, template, tokenizer, fingerprint)
    table = fitting(table, policy.context(flags.policy), flags.skip_too_long)
    made = stamp(
        flags.lineage,
        {"traces": flags.traces, "prompt": flags.prompt, "skip_too_long": flags.skip_too_long},
    )
    write_table(table, flags.output, made)
    log.info(
        "%s: %d traces of %d questions", flags.output, table.height, table["question_id"].n_unique()
    )


if __name__ == "__main__":
    stage.run(main)
