#!/usr/bin/env python3
"""Bring the training and validation questions into one form.

    data.py --train train.jsonl --validation '{"hub": "org/name", "split": "test"}' --output results/data

A source is a JSONL or Parquet file, or a data set of the Hugging Face hub as a JSON object with the keys
`hub`, `split` and, where needed, `config` and `revision`. Writes train.parquet, validation.parquet and
data.json (counts, repeated questions, questions that stand in both).
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ei import questions, stage
from ei.files import stamp, write_json, write_table

log = logging.getLogger("data")


def hub_rows(source: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number from 1, row) of a data set of the hub, or of a local folder in the same form."""
    from datasets import load_dataset  # 2 s that files do not pay

    try:
        rows = load_dataset(source["hub"], source.get("config"), split=source["split"], revision=source.get("revision"))
    except (OSError, ValueError) as error:
        raise stage.UserError(
            f"the data set {source['hub']} could not be loaded ({error}); without a connection, give a JSONL or"
            " Parquet file in `data`"
        ) from None
    yield from enumerate(rows, start=1)


def load(source: str) -> tuple[pl.DataFrame, dict[str, list[int]]]:
    """The questions of a source (a path, or a JSON object for the hub), and the rows that were left out."""
    if source.startswith("{"):
        settings = json.loads(source)
        return questions.table(hub_rows(settings), f"{settings['hub']} ({settings['split']})")
    return questions.table(questions.read_rows(Path(source)), source)


def report(train: pl.DataFrame, validation: pl.DataFrame, left_out: dict[str, dict[str, list[int]]]) -> dict[str, Any]:
    """What is in the two splits, the rows left out of them, and the questions that stand in both."""
    both = validation.filter(pl.col("question_id").is_in(train["question_id"].implode()))
    return {
        "train": train.height,
        "validation": validation.height,
        "left_out": left_out,
        "in_both": both.select("question_id", "question").to_dicts(),
    }


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--train", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lineage", required=True)
    flags = parser.parse_args()
    made = stamp(flags.lineage, stage.settings(flags, "train", "validation"))
    train, train_left_out = load(flags.train)
    validation, validation_left_out = load(flags.validation)
    left_out = {"train": train_left_out, "validation": validation_left_out}
    found = report(train, validation, left_out)
    for split, reasons in left_out.items():
        for reason, lines in reasons.items():
            if lines:
                log.warning("warning: %s: left out, %s, lines %s", split, reason.replace("_", " "), lines)
    if found["in_both"]:
        log.warning(
            "warning: %d questions stand in both splits; data.json names them. A policy trained on them is"
            " measured too favourably.",
            len(found["in_both"]),
        )
    write_table(train, flags.output / "train.parquet", made)
    write_table(validation, flags.output / "validation.parquet", made)
    write_json(found, flags.output / "data.json", made)
    log.info("%d training and %d validation questions", train.height, validation.height)


if __name__ == "__main__":
    stage.run(main)
