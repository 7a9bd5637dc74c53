"""Probes: further evaluations of a policy, beside the curve, which none of them changes.

The base policy under other prompts says how much of a gain no training was needed for. Several
responses to each question, before the first step and after the last, say whether pass@k went the
way of pass@1.
"""

from collections.abc import Iterator
from typing import Any

from ei.runs.settings import Settings

PROMPTS, SAMPLES = "prompts", "samples"


def names(settings: Settings) -> list[str]:
    """The run's probes; each name is its folder below that of the step: `prompts/question`."""
    asked = settings.get("probes") or {}
    found = [f"{PROMPTS}/{name}" for name in asked.get("prompts") or {}]
    return [*found, SAMPLES] if asked.get("samples") else found


def planned(settings: Settings, last: int) -> list[tuple[str, int]]:
    """(probe, step) of all probes of a run that ends with step `last`."""
    steps = {SAMPLES: dict.fromkeys((0, last))}  # a run without a step has its base policy only
    return [(name, step) for name in names(settings) for step in steps.get(name, (0,))]


def possible(settings: Settings) -> Iterator[tuple[str, int]]:
    """The same, where early stopping may end the run after any step."""
    patience = settings.get("early_stopping", {}).get("patience")
    steps = range(1, settings["steps"] + 1) if patience else [settings["steps"]]
    yield from dict.fromkeys(one for last in steps for one in planned(settings, last))


def changed(settings: Settings, name: str) -> dict[str, Any]:
    """The run's settings as the probe's evaluation has them.

    Its questions are among those of the curve. No entropy is measured. Other prompts may ask for a
    box, so a box counts as well as the tags.
    """
    asked = settings["probes"]
    evaluation = {
        **settings["eval"],
        "questions": fewer(settings["eval"]["questions"], asked["questions"]),
        "entropy_rollouts": 0,
    }
    if name == SAMPLES:
        return {**settings, "eval": {**evaluation, "samples": asked["samples"]}}
    prompt = name.removeprefix(f"{PROMPTS}/")
    return {
        **settings,
        "eval": evaluation,
        "score": {**settings["score"], "form": "any"},
        "prompt": asked["prompts"][prompt],
        "prompt_sha256": asked.get("prompts_sha256", {}).get(prompt),
    }


def fewer(one: int | str, other: int | str) -> int | str:
    """The smaller of two numbers of questions, of which `all` is the largest."""
    numbers = [number for number in (one, other) if isinstance(number, int)]
    return min(numbers, default="all")
