"""When a response ends, decided by token ids: against the text itself and vLLM's rule about it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ei.sampling.stop import closing_tokens, decoder, response_text, stop_test
from helpers import shared
from sampling.small_tokenizers import SPECIAL, letters

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
    assert response_text(decoder(Pieces(), STOP), ids, STOP, "stop") == "1 aaa</answer>"


def test_a_tag_within_the_first_tokens_does_not_count():
    ids = ids_of("</", "answer", ">", "a", "a", "</", "answer", ">")
    assert first_stop(ids, 4) == 8
    assert first_stop(ids, 2) == 3


def test_a_response_that_was_cut_off_keeps_all_of_its_text():
    ids = ids_of("1", "</", "answer")
    assert response_text(decoder(Pieces(), STOP), ids, STOP, "length") == "1</answer"


@pytest.mark.parametrize(
    ("stop", "special"),
    [
        ("</answer>", ("</answer>",)),
        ("</answer>", ("<think>", "</think>", "<answer>", "</answer>")),
        ("x</answer>", ("</answer>",)),
        ("<|done|>", ("<|done|>",)),
    ],
)
def test_a_tag_that_is_a_special_token_stops_the_response_and_stays_in_it(stop, special):
    tokenizer = letters(special=(*SPECIAL, *special))
    text = f"a thought </think> <answer>7x{special[-1]}"
    ids = tokenizer(text).input_ids
    ended = stop_test(tokenizer, stop, 4, closing_tokens(tokenizer, stop))
    assert [n for n in range(1, len(ids) + 1) if ended(ids[:n])] == [len(ids)]
    said = response_text(decoder(tokenizer, stop), ids, stop, "stop")
    assert said == text[: text.index(stop) + len(stop)]


def test_special_tokens_that_are_no_tags_are_no_part_of_the_text():
    tokenizer = letters(special=(*SPECIAL, "</answer>"))
    for stop in ("</answer>", "end"):
        ids = tokenizer("<s>1<|end|>2</s>").input_ids
        assert decoder(tokenizer, stop)(ids) == tokenizer.decode(ids, skip_special_tokens=True)
        assert decoder(tokenizer, stop)(ids) == "12"


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
