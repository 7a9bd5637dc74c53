"""Verdicts of an earlier step, taken from its file of pairs.

A memo is a cache: one that is missing, damaged, or made by other rules or settings costs time,
never a verdict and never the job. Timeouts and errors are not taken over, since a busy machine
may have caused them.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from ei.checker.settings import Settings, Verdict
from ei.checker.version import rules_version
from ei.checker.workers.pool import Task
from ei.files import read_frame, read_metadata

KEPT = ("correct", "wrong", "no_format", "unparsable")


def made_by(settings: Settings) -> dict[str, Any]:
    """What a verdict depends on besides its task; stands in the metadata of every scored file."""
    return {**asdict(settings), "checker": rules_version(settings.reward)}


def read_memo(path: Path, settings: Settings) -> dict[Task, Verdict]:
    """The verdicts in the file by task; empty, with a warning, where it cannot be used."""
    try:
        if json.loads(read_metadata(path)["settings"]) != made_by(settings):
            logging.warning(f"{path} was made by other rules or settings and is not used")
            return {}
        table = read_frame(path).filter(pl.col("status").is_in(KEPT))
        return dict(_entry(row) for row in table.iter_rows(named=True))
    except Exception as error:  # whatever a damaged or foreign file makes a reader raise
        logging.warning(f"{path} cannot be used as a memo: {str(error).splitlines()[0]}")
        return {}


def _entry(row: dict[str, Any]) -> tuple[Task, Verdict]:
    """A task and its verdict."""
    pair = (row["reference"], row["answer"])
    task = pair if row["question"] is None else (row["question"], *pair)
    verdict = Verdict(row["status"], row["rule"], row["extracted"])
    return task, Verdict(
        verdict.status, verdict.rule, verdict.extracted, 0.0, row["string_judge"], row["reward"]
    )
