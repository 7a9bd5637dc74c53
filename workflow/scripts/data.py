#!/usr/bin/env python3
"""Bring the training and validation questions into one form.

    data.py --train workflow/demo/train.jsonl --validation workflow/demo/validation.jsonl \\
        --development 200 --output example/data

A source is a JSONL file (also compressed, as .jsonl.gz), a Parquet file, or a data set of the
Hugging Face hub as a JSON object with the keys `hub`, `split` and, where needed, `config` and
`revision`: '{"hub": "org/name", "split": "test"}'.

Writes train.parquet, validation.parquet, development.parquet (training questions that are kept
back; there may be none) and data.json (counts, repeated questions, questions that are in both
splits).
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl

from ei import questions, stage
from ei.disk import full_disk
from ei.files import stamp, write_json, write_table
from ei.rows import read_rows, unit

log = logging.getLogger("data")


def hub_rows(source: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number from 1, row) of a data set of the hub, or of a local folder in the same form."""
    from datasets import load_dataset  # 2 s, which files save
    from datasets.exceptions import DatasetsError
    from pyarrow import ArrowException

    # The library runs readers of many formats, so a bad data set raises many kinds: an unknown
    # configuration ValueError, a script RuntimeError, a missing decoder ImportError.
    causes = (OSError, ValueError, RuntimeError, LookupError, TypeError, ImportError)
    try:
        rows = load_dataset(
            source["hub"],
            source.get("config"),
            split=source["split"],
            revision=source.get("revision"),
        )
        yield from enumerate(rows, start=1)
    except (*causes, DatasetsError, ArrowException) as error:
        if sentence := full_disk(error):
            raise stage.UserError(sentence) from None
        raise stage.UserError(
            f"the data set {source['hub']} could not be loaded ({error}); without a connection,"
            " name a JSONL or Parquet file in `data`"
        ) from None


def hub_source(text: str) -> dict[str, str]:
    """What a flag's JSON says of a data set of the hub; raises UserError unless it names one."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise stage.UserError(f"{text[:60]!r} is neither a file nor JSON: {error}") from None
    if not (isinstance(found.get("hub"), str) and isinstance(found.get("split"), str)):
        raise stage.UserError(f"{text[:60]!r} needs a text under `hub` and one under `split`")
    return cast(dict[str, str], found)


def load(source: str) -> tuple[pl.DataFrame, dict[str, list[int]]]:
    """The questions of a source (a path, or a JSON object for the hub), and the rows left out."""
    if source.startswith("{"):
        settings = hub_source(source)
        name = f"{settings['hub']} ({settings['split']})"
        return questions.table(hub_rows(settings), name, "row")
    return questions.table(read_rows(Path(source)), source, unit(Path(source)))


def keep_back(
    train: pl.DataFrame, validation: pl.DataFrame, count: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The questions left to train on, and `count` kept back for development.

    Which ones depends only on each question's text, so they are the same for every seed. A question
    that is also in the validation set is not chosen: that set is never used for model selection.
    Fewer questions than `count` raise UserError.
    """
    eligible = train.filter(~pl.col("question_id").is_in(validation["question_id"].implode()))
    if count >= train.height or count > eligible.height:
        raise stage.UserError(
            f"data.development keeps back {count} questions, and the training set has"
            f" {train.height}, of which {eligible.height} are not in the validation set"
        )
    chosen = questions.shuffle(eligible, ["question_id"], "development").head(count)
    return train.filter(~pl.col("question_id").is_in(chosen["question_id"].implode())), chosen


def report(
    splits: dict[str, pl.DataFrame], left_out: dict[str, dict[str, list[int]]]
) -> dict[str, Any]:
    """The counts of the splits, the rows left out, and validation questions to be trained on."""
    validation = splits["validation"]
    both = validation.filter(pl.col("question_id").is_in(splits["train"]["question_id"].implode()))
    return {
        **{name: table.height for name, table in splits.items()},
        "left_out": left_out,
        "in_both": both.select("question_id", "question").to_dicts(),
    }


def warn(found: dict[str, Any]) -> None:
    """Log what a user should know from the report."""
    for split, reasons in found["left_out"].items():
        for reason, numbers in reasons.items():
            if numbers:
                log.warning(
                    "warning: %s: left out, %s, lines or rows %s",
                    split,
                    reason.replace("_", " "),
                    numbers,
                )
    if found["in_both"]:
        log.warning(
            "warning: %d questions are in both splits; data.json lists them. A policy trained on"
            " them will look better than it is.",
            len(found["in_both"]),
        )


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--train", required=True, help="a file, or a data set of the hub")
    parser.add_argument("--validation", required=True, help="the same")
    parser.add_argument(
        "--development", type=int, default=0, help="training questions to keep back (default: 0)"
    )
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    stage.add_lineage(parser)
    flags = parser.parse_args()
    made = stamp(flags.lineage, stage.settings(flags, "train", "validation", "development"))
    train, train_left_out = load(flags.train)
    validation, validation_left_out = load(flags.validation)
    train, development = keep_back(train, validation, flags.development)
    splits = {"train": train, "validation": validation, "development": development}
    found = report(splits, {"train": train_left_out, "validation": validation_left_out})
    warn(found)
    for name, table in splits.items():
        write_table(table, flags.output / f"{name}.parquet", made)
    write_json(found, flags.output / "data.json", made)
    log.info(", ".join(f"{table.height} {name}" for name, table in splits.items()) + " questions")


if __name__ == "__main__":
    stage.run(main)
