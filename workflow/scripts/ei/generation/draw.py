"""What an engine is asked for and gives back, and when a response ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """One question: its prompt's ids, which of its rollouts to draw, and the seed of rollout 0 (k has `seed + k`).

    `limit` cuts its responses off earlier than the sampling does, in tokens; benchmarks set lengths with it.
    """

    question_id: str
    prompt_ids: list[int]
    seed: int
    samples: range
    limit: int | None = None


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn; lengths in tokens; `stop` is a text that ends one."""

    temperature: float
    top_p: float
    max_tokens: int
    min_tokens: int
    stop: str


@dataclass(frozen=True)
class Rollout:
    """One response: exactly the ids that were sampled, the ending token among them."""

    question_id: str
    sample: int
    ids: list[int]
    finish_reason: str  # "stop" (the tag or an end-of-text token) or "length"


def closing_tokens(tokenizer: Any, stop: str) -> frozenset[int]:
    """The tokens that can complete the stop text: those with its last letter in them."""
    return frozenset(
        token
        for token in range(len(tokenizer))
        if stop[-1] in tokenizer.decode([token], skip_special_tokens=True)
    )


def stop_test(
    tokenizer: Any, stop: str, min_tokens: int, closers: frozenset[int]
) -> Callable[[Sequence[int]], bool]:
    """Whether the newest token of a response completes the stop text.

    The verdicts are vLLM's: the text counts only once more than `min_tokens` tokens are there, and only if
    the newest token has at least one letter of it. Nearly every call ends after one look-up among `closers`
    (`closing_tokens`), without decoding anything.
    """
    tail = (
        len(stop) + 4
    )  # a letter of the stop text is a token at the least; a few more keep multi-byte letters whole

    def ended(ids: Sequence[int]) -> bool:
        if ids[-1] not in closers or len(ids) <= min_tokens:
            return False
        before = tokenizer.decode(ids[-tail:-1], skip_special_tokens=True)
        text = tokenizer.decode(ids[-tail:], skip_special_tokens=True)
        return text.find(stop, max(0, len(before) - len(stop) + 1)) >= 0

    return ended


def response_text(tokenizer: Any, ids: Sequence[int], stop: str, finish_reason: str) -> str:
    """The decoded response, cut right after the stop text where that ended it."""
    text = tokenizer.decode(ids, skip_special_tokens=True)
    end = text.rfind(stop)
    return text[: end + len(stop)] if finish_reason == "stop" and end >= 0 else text
