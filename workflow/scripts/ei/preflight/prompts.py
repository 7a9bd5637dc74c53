"""Whether the prompts of the real questions fit into the model's context."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ei import prompt, questions
from ei.preflight.finding import Finding
from ei.prompt import Template
from ei.runs.settings import at_step

SPLITS = ("train", "validation", "development")  # tables of a run's folder data/


@dataclass(frozen=True)
class Asked:
    """Questions that are asked under one prompt; `where` is the section of config.yaml."""

    where: str
    template: Template
    texts: Sequence[str]
    max_tokens: int


def asked_by(
    settings: Mapping[str, Any],
    tables: Mapping[str, pl.DataFrame],
    templates: Sequence[Template],
) -> list[Asked]:
    """All that a run asks: each step's training questions, and what is evaluated by each prompt.

    `tables` has those of `SPLITS` that there are; `templates` are the run's own prompt, then those
    of its probes.
    """
    found = []
    if "traces" not in settings and "train" in tables:
        for step in range(1, settings["steps"] + 1):
            sample = at_step(settings, step)["sample"]
            drawn = questions.choose(tables["train"], sample["questions"], settings["seed"], step)
            found.append(
                Asked("sample", templates[0], drawn["question"].to_list(), sample["max_tokens"])
            )
    wanted = settings["eval"]["questions"]
    texts: list[str] = []
    if "validation" in tables:
        count = None if wanted == "all" else wanted
        texts += questions.choose(tables["validation"], count, 0, 0)["question"].to_list()
    if "development" in tables:
        texts += tables["development"]["question"].to_list()
    for template in templates:
        found.append(Asked("eval", template, texts, settings["eval"]["max_tokens"]))
    return found


def findings(
    asked: Sequence[Asked], context: int, tokenizer: Callable[[], Any], skip: bool
) -> list[Finding]:
    """Prompts that leave less than `max_tokens` of the context; with `skip` that is a warning.

    Every token has at least one byte, so only a prompt of many bytes is tokenized; mostly none is,
    and `tokenizer` is never called.
    """
    found: dict[str, list[int]] = {}
    for one in asked:
        room = context - one.max_tokens
        if room < 1:
            return [
                Finding(
                    f"{one.where}.max_tokens is {one.max_tokens}, which leaves no room for a prompt"
                    f" in the model's context of {context} tokens"
                )
            ]
        lengths = too_long(one, room, tokenizer)
        found.setdefault(one.where, []).extend(lengths)
    return [
        Finding(
            f"{len(lengths)} prompts do not fit: with {where}.max_tokens they exceed the model's"
            f" context of {context} tokens; the longest has {max(lengths)}. Lower"
            f" {where}.max_tokens to {max(1, context - max(lengths))}"
            + (". They are left out" if skip else ", or set data.skip_too_long"),
            fatal=not skip,
        )
        for where, lengths in found.items()
        if lengths
    ]


def too_long(asked: Asked, room: int, tokenizer: Callable[[], Any]) -> list[int]:
    """The lengths, in tokens, of the prompts that have more than `room`."""
    texts = set(asked.texts)
    if not asked.template.chat:  # how long a chat is, only its template says
        around = len(asked.template.asks.encode())
        texts = {text for text in texts if around + len(text.encode()) > room}
    if not texts:
        return []
    lengths = (len(prompt.prompt_ids(asked.template, text, tokenizer())) for text in texts)
    return [length for length in lengths if length > room]
