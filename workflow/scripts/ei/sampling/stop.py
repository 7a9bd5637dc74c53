"""When a response ends, and the text of one that has."""

from collections.abc import Callable, Sequence
from typing import Any

# Tokens to decode beyond the letters of the stop text, so that characters of several bytes, which
# may be several tokens, are whole at the start.
MARGIN = 4


def closing_tokens(tokenizer: Any, stop: str) -> frozenset[int]:
    """The tokens that can complete the stop text: those that contain its last letter."""
    return frozenset(
        token
        for token in range(len(tokenizer))
        if stop[-1] in tokenizer.decode([token], skip_special_tokens=True)
    )


def stop_test(
    tokenizer: Any, stop: str, min_tokens: int, closers: frozenset[int]
) -> Callable[[Sequence[int]], bool]:
    """Whether the newest token of a response completes the stop text.

    The decisions are vLLM's: the text counts only if the response has more than `min_tokens`
    tokens, and only if the newest token contains at least one letter of it. Nearly every call ends
    after one look-up among `closers` (`closing_tokens`), without decoding anything.
    """
    tail = len(stop) + MARGIN  # a token of the stop text has at least one letter

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
