"""What local files alone can tell when a run is planned, in a dry run too, without torch."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ei.files import reading, whole
from ei.model import folder
from ei.preflight import disk_room
from ei.preflight.finding import Finding, noting
from ei.prompt import read_template, refuse_without_chat
from ei.questions import normalise
from ei.rows import is_parquet, read_rows
from ei.runs.settings import at_step
from ei.stage import UserError

# A row has one of the first and one of the second (`ei.questions.normalise`).
NEEDED = (("question", "problem"), ("answer", "solution"))


def findings(
    settings: Mapping[str, Any],
    run: Path,
    model: Path,
    sources: Mapping[str, Path],
    prompts: list[Path],
) -> list[Finding]:
    """All that is wrong with a run's model folder, its files of questions by split, its prompts.

    `prompts` are the run's own, then its probes'. What is not there (yet), as a model that is to be
    fetched, is not looked at. A full disk is only a warning here, since what is planned may not be
    the whole run.
    """
    found: list[Finding] = []
    if model.is_dir():
        found += of_model(at_step(settings, 1), model, prompts)
        if not found:
            found += [replace(one, fatal=False) for one in disk_room.of_run(settings, model, run)]
    for split, path in sources.items():
        if path.is_file():
            with noting(found):
                refuse_columns(path, f"data.{split}")
    return found


def write_plan(path: Path, plan: dict[str, Any]) -> None:
    """Write what check.py must know of a run, unless it is there already; whole or not at all."""
    text = json.dumps(plan, indent=1, sort_keys=True).encode()
    if path.is_file() and path.read_bytes() == text:
        return
    with whole(path) as partial:
        partial.write_bytes(text)


def of_model(settings: Mapping[str, Any], model: Path, prompts: list[Path]) -> list[Finding]:
    """What is wrong with the model's folder, and what does not go together with it."""
    found: list[Finding] = []
    with noting(found):
        folder.check(model)
        context = folder.read_config_json(model).get("max_position_embeddings")
        for section in ("sample", "eval"):
            most = settings[section]["max_tokens"]
            if isinstance(context, int) and most >= context:
                found.append(
                    Finding(
                        f"{section}.max_tokens is {most}, which leaves no room for a prompt in the"
                        f" model's context of {context} tokens"
                    )
                )
        # A probe that is a chat is left out where there is no chat template.
        chat = any(read_template(path).chat for path in prompts[:1])
        if chat and not has_chat_template(model):
            refuse_without_chat(None)
    return found


def has_chat_template(model: Path) -> bool:
    """Whether a model folder has a chat template, without loading its tokenizer."""
    if any((model / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    name = "tokenizer_config.json"
    there = (model / name).is_file()
    return there and bool(folder.read_config_json(model, name).get("chat_template"))


def refuse_columns(path: Path, where: str) -> None:
    """Raise UserError where a file of questions lacks a column, or its first row what it needs."""
    if is_parquet(path):
        with reading(path, "a Parquet file"):
            names = pq.ParquetFile(path).schema_arrow.names
        for columns in NEEDED:
            if not set(columns) & set(names):
                wanted = " or ".join(columns)
                raise UserError(f"{where}: {path} has no column {wanted}; it has {names}")
        return
    for number, row in read_rows(path):
        try:
            normalise(row)
        except ValueError as error:
            raise UserError(f"{where}: {path}, line {number}: {error}") from None
        return
