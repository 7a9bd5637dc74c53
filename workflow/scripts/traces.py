#!/usr/bin/env python3
"""Turn responses that the policy did not write into a table of rollouts, for the SFT baseline.

    traces.py --traces workflow/demo/traces.jsonl --policy workflow/demo/policy \\
        --data results/demo/data/train.parquet --prompt workflow/prompts/demo.txt \\
        --held_out results/demo/data/development.parquet results/demo/data/validation.parquet \\
        --output example/traces.parquet

A row of --traces (JSONL or Parquet) has a `question`, or the whole `prompt`, and a `response`. Its
question is in the training set, or the row has an `answer` as well. Traces of held-out questions
are skipped. Without --traces the responses are the training set's own solutions, in the prompt's
form.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

import polars as pl

from ei import prompt, questions, schema, stage
from ei.files import read_columns, stamp, write_table
from ei.model import folder
from ei.prompt import Template
from ei.rows import read_rows, unit
from ei.sampling.table import ASKED
from ei.stage import UserError

log = logging.getLogger("traces")
THINK = "<think>"


def in_form(solution: str, answer: str, template: Template) -> str:
    """A solution as the response that the prompt asks for, after its `<think>` if it has one."""
    opening = "" if template.ending.rstrip().endswith(THINK) else THINK
    return f"{opening} {solution.strip()} </think> <answer>{answer}</answer>"


def from_solutions(train: pl.DataFrame, template: Template) -> list[dict[str, Any]]:
    """A trace for each training question that has a solution; raises UserError if none has."""
    solved = train.filter(pl.col("solution").is_not_null())
    if solved.is_empty():
        raise UserError(
            "the training questions have no solutions to train on: name a file of traces in"
            " baseline.traces, or set baseline to null for no SFT baseline"
        )
    return [
        {
            **{name: row[name] for name in ASKED},
            "response": in_form(row["solution"], row["answer"], template),
        }
        for row in solved.iter_rows(named=True)
    ]


def from_file(
    path: Path, train: pl.DataFrame, held_out: set[str], template: Template
) -> list[dict[str, Any]]:
    """The file's traces except those of held-out questions; an error names the bad row's line."""
    trained = {row["question_id"]: row for row in train.select(ASKED).iter_rows(named=True)}
    found, skipped = [], 0
    for number, row in read_rows(path):
        try:
            question, response = texts(row, template)
            name = questions.question_id(question)
            if name in held_out:
                skipped += 1
            else:
                asked = trained.get(name) or newcomer(row, question)
                found.append({**asked, "response": response})
        except ValueError as error:
            raise UserError(f"{path}, {unit(path)} {number}: {error}") from None
    if skipped:
        log.info("%d traces of development or validation questions are skipped", skipped)
    if not found:
        raise UserError(f"{path} has no traces to train on")
    return found


def texts(row: dict[str, Any], template: Template) -> tuple[str, str]:
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
    return {name: found[name] for name in ASKED}


def question_of(text: str, template: Template) -> str:
    """The question of a whole prompt, or of a chat's `user`; any other text is itself one."""
    head, tail = template.asks.split(prompt.FIELD)
    whole = text.startswith(head) and text.endswith(tail) and len(text) > len(head) + len(tail)
    return text[len(head) : len(text) - len(tail)] if whole else text


def rollouts(
    traces: list[dict[str, Any]], template: Template, tokenizer: Any, fingerprint: str
) -> pl.DataFrame:
    """The traces as rows of rollouts.parquet; nothing was drawn, so they have no seed."""
    prompt_ids = [prompt.prompt_ids(template, trace["question"], tokenizer) for trace in traces]
    responses = [trace["response"] for trace in traces]
    response_ids = tokenizer(
        responses, add_special_tokens=False
    ).input_ids  # it continues the prompt
    table = pl.DataFrame(traces, schema=dict.fromkeys((*ASKED, "response"), pl.String))
    return (
        table.with_columns(
            sample=pl.int_range(pl.len()).over("question_id"),
            seed=pl.lit(None),
            prompt_ids=pl.Series(prompt_ids, dtype=schema.ROLLOUTS["prompt_ids"]),
            response_ids=pl.Series(response_ids, dtype=schema.ROLLOUTS["response_ids"]),
            finish_reason=pl.lit("stop"),
            step=pl.lit(1),
            policy=pl.lit(fingerprint),
        )
        .select(pl.col(name).cast(kind) for name, kind in schema.ROLLOUTS.items())
        .sort(schema.IDENTITY)
    )


def fitting(table: pl.DataFrame, context: int, skip: bool) -> pl.DataFrame:
    """The rows that fit into the model's context (tokens); others are an error unless `skip`."""
    length = pl.col("prompt_ids").list.len() + pl.col("response_ids").list.len()
    long = table.filter(length > context)
    if not long.height:
        return table
    found = (
        f"{long.height} of {table.height} traces exceed the model's context of {context} tokens"
        " with their prompt"
    )
    if not skip:
        raise UserError(f"{found}. Set data.skip_too_long to leave them out")
    log.warning("warning: %s. They are left out", found)
    return table.filter(length <= context)


def held_out(paths: list[Path]) -> set[str]:
    """The ids of all questions in these tables."""
    return {name for path in paths for name in read_columns(path, "question_id")["question_id"]}


def read_flags() -> argparse.Namespace:
    parser = stage.parser(__doc__)
    parser.add_argument("--traces", type=Path, help="a JSONL or Parquet file")
    parser.add_argument("--policy", type=Path, required=True, help="the base policy")
    parser.add_argument("--data", type=Path, required=True, help="the training questions")
    parser.add_argument(
        "--held_out", type=Path, nargs="*", default=[], help="questions never to be trained on"
    )
    parser.add_argument(
        "--prompt", type=Path, required=True, help="a text or a chat with {question}"
    )
    parser.add_argument(
        "--skip_too_long",
        type=stage.boolean,
        default=False,
        help="leave out what does not fit; else it is an error (default: false)",
    )
    parser.add_argument("--output", type=Path, required=True, help="rollouts.parquet")
    stage.add_lineage(parser)
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    folder.check(flags.policy)
    template = prompt.read_template(flags.prompt)
    train = read_columns(flags.data, *ASKED, "solution")
    if flags.traces:
        traces = from_file(flags.traces, train, held_out(flags.held_out), template)
    else:
        traces = from_solutions(train, template)
    tokenizer = folder.load_tokenizer(flags.policy)
    fingerprint = folder.checked_fingerprint(flags.policy)
    table = rollouts(traces, template, tokenizer, fingerprint)
    table = fitting(table, folder.context(flags.policy), flags.skip_too_long)
    made_with = stage.settings(flags, "traces", "prompt", "skip_too_long")
    write_table(table, flags.output, stamp(flags.lineage, made_with))
    count = table["question_id"].n_unique()
    log.info("%s: %d traces of %d questions", flags.output, table.height, count)


if __name__ == "__main__":
    stage.run(main)
