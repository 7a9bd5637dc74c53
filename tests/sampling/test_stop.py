"""When a response ends, decided by token ids: against the text itself and vLLM's rule about it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ei.sampling.stop import closing_tokens, response_text, stop_test
from helpers import shared

STOP = "</answer>"
PIECES = [
    "a",
    " ",
    "1",
    "</",
    "answer",
    ">",
    "<",
    "/",
    "ans",
    "wer",
    "er>",
    ">.",
    "></",
    "</answer>",
    "</answer>!",
    "é",
]


class Pieces:
    """A tokenizer whose tokens are PIECES, and one special token that decodes to nothing."""

    def __len__(self):
        return len(PIECES) + 1

    def decode(self, ids, skip_special_tokens):
        assert skip_special_tokens
        return "".join(PIECES[i] for i in ids if i < len(PIECES))


def ids_of(*pieces):
    return [PIECES.index(piece) for piece in pieces]


def first_stop_by_text(ids, min_tokens):
    """vLLM's rule, from the text: the newest token has at least one letter of the stop text."""
    for n in range(1, len(ids) + 1):
        before, text = (Pieces().decode(ids[:k], skip_special_tokens=True) for k in (n - 1, n))
        if n > min_tokens and text.find(STOP, max(0, len(before) - len(STOP) + 1)) >= 0:
            return n
    return None


def first_stop(ids, min_tokens):
    ended = stop_test(Pieces(), STOP, min_tokens, closing_tokens(Pieces(), STOP))
    return next((n for n in range(1, len(ids) + 1) if ended(ids[:n])), None)


@given(st.lists(st.integers(0, len(PIECES)), max_size=40), st.integers(0, 6))
def test_the_tag_ends_a_response_exactly_where_the_text_first_has_it(ids, min_tokens):
    assert first_stop(ids, min_tokens) == first_stop_by_text(ids, min_tokens)


@pytest.mark.parametrize(
    "pieces",
    [
        ("</", "answer", ">"),
        ("<", "/", "ans", "wer", ">"),
        ("</", "ans", "wer", ">."),
        ("</answer>!",),
        ("</answer>",),
    ],
)
def test_the_tag_is_seen_in_every_tokenization_and_the_text_ends_after_it(pieces):
    ids = ids_of("1", " ", "a", "a", "a", *pieces)
    assert first_stop(ids, 4) == len(ids)
    assert response_text(Pieces(), ids, STOP, "stop") == "1 aaa</answer>"


def test_a_tag_within_the_first_tokens_does_not_count():
    ids = ids_of("</", "answer", ">", "a", "a", "</", "answer", ">")
    assert first_stop(ids, 4) == 8
    assert first_stop(ids, 2) == 3


def test_a_response_that_was_cut_off_keeps_all_of_its_text():
    ids = ids_of("1", "</", "answer")
    assert response_text(Pieces(), ids, STOP, "length") == "1</answer"


def test_the_real_tokenizers_tags_are_seen_whatever_stands_before_them():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(shared("qwen2.5-math-1.5b"))
    ended = stop_test(tokenizer, STOP, 4, closing_tokens(tokenizer, STOP))
    draw = random.Random(0)
    for _ in range(300):
        answer = "".join(
            draw.choice("0123456789 x+-\\frac{}$.,π\n>") for _ in range(draw.randint(0, 12))
        )
        text = f" so it is. </think> <answer>{answer}</answer>"
        ids = tokenizer(text).input_ids
        assert [n for n in range(1, len(ids) + 1) if ended(ids[:n])] == [len(ids)], text
        spelled = [
            i for letter in text for i in tokenizer(letter).input_ids
        ]  # as a policy might also sample it
        assert [n for n in range(1, len(spelled) + 1) if ended(spelled[:n])] == [len(spelled)], text
