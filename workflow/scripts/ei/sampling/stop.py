"""When a response ends, and the text of one that has."""

from collections.abc import Callable, Sequence
from typing import Any

from ei.checker.answer.tags import CLOSE, OPEN, THINK

# Tokens to decode beyond the letters of the stop text, so that characters of several bytes, which
# may be several tokens, are whole at the start.
MARGIN = 4
# The tags of a response's form, which stay in its text where they are special tokens.
TAGS = (THINK.replace("/", ""), THINK, OPEN, CLOSE)
Decode = Callable[[Sequence[int]], str]


def decoder(tokenizer: Any, stop: str) -> Decode:
    """The function from ids to their text, without special tokens.

    Special tokens that are tags, or belong to the stop text, stay: without them no response would
    ever stop, or have the form.
    """
    added: dict[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    special = {number: str(token) for number, token in added.items() if token.special}
    kept = {number for number, text in special.items() if text in TAGS or text in stop}
    if not kept:
        return lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True))
    left_out = special.keys() - kept
    return lambda ids: str(
        tokenizer.decode([one for one in ids if one not in left_out], skip_special_tokens=False)
    )


def closing_tokens(tokenizer: Any, stop: str) -> frozenset[int]:
    """The tokens that can complete the stop text: those that contain its last letter."""
    decode = decoder(tokenizer, stop)
    return frozenset(token for token in range(len(tokenizer)) if stop[-1] in decode([token]))


def stop_test(
    tokenizer: Any, stop: str, min_tokens: int, closers: frozenset[int]
) -> Callable[[Sequence[int]], bool]:
    """Whether the newest token of a response completes the stop text.

    The decisions are vLLM's: the text counts only if the response has more than `min_tokens`
    tokens, and only if the newest token contains at least one letter of it. Nearly every call ends
    after one look-up among `closers` (`closing_tokens`), without decoding anything.
    """
    decode = decoder(tokenizer, stop)
    tail = len(stop) + MARGIN  # a token of the stop text has at least one letter

    def ended(ids: Sequence[int]) -> bool:
        if ids[-1] not in closers or len(ids) <= min_tokens:
            return False
        before, text = decode(ids[-tail:-1]), decode(ids[-tail:])
        return text.find(stop, max(0, len(before) - len(stop) + 1)) >= 0

    return ended


def response_text(decode: Decode, ids: Sequence[int], stop: str, finish_reason: str) -> str:
    """The decoded response, cut right after the stop text where that ended it."""
    text = decode(ids)
    end = text.rfind(stop)
    return text[: end + len(stop)] if finish_reason == "stop" and end >= 0 else text
