"""No text takes long: every pattern and repeated token of the grammar, ten thousand times."""

import random
import time

import pytest

from ei.checker.answer.tags import answer_text
from ei.checker.parse import characters, numerals, units, vocabulary
from ei.checker.parse.symbols import COMMANDS, OPERATORS, RELATIONS, SCAN, SIGNS, TEXTS
from ei.checker.settings import Settings
from ei.checker.workers.pool import judge_tasks

REPEATS = 10_000
LIMIT = Settings(timeout_s=1.0)
LONGEST = 20 * LIMIT.max_chars  # beyond it a text is not looked at
COMMAND = [
    "\\" + name for table in (COMMANDS, OPERATORS, RELATIONS) for name in table if name[0].isalpha()
]
PHRASES = [f"{phrase} " for phrase in (*vocabulary.CONNECTIVE_PHRASES, *vocabulary.PHRASAL_VERBS)]
WORDS = [
    f"{sorted(words)[0]} "
    for words in (
        vocabulary.DENIALS, vocabulary.HEDGES, vocabulary.CONNECTIVES, vocabulary.EXPLAINERS,
        vocabulary.HEADINGS, vocabulary.MARKERS, vocabulary.BE, vocabulary.HAVING,
        vocabulary.SUBJECTS, vocabulary.NEUTRAL, vocabulary.QUALIFIERS, numerals.NUMBER_WORDS,
        frozenset(units.NAMES), frozenset(units.POWERS),
    )
]  # fmt: skip
PIECES = [
    *SIGNS, *COMMAND, *PHRASES, *WORDS, *characters.SYMBOLS, *(f"\\{name}{{" for name in TEXTS),
    " ", "\n", "\t", "~", r"\,", r"\ ", r"\\", r"\(", r"\)", r"\[", r"\]", "$1$ ", "1", "1 ",
    "1,111,", "1'111", "1_111", "1.", "1e1", "1A1", "0.(3)", r"0.\dot{3}", r"0.\overline{3}", "A",
    "a", "x", "xyz", "(A) ", "f(", "C(", "9C4 ", "{}_9C_4", "x_1", "a = ", "a: ", "and ", "or ",
    ", so ", "the answer is ", "Final Answer: ", "5 cm ", "km/h", "two ", "3 halves ",
    "for all x ", "(mod 5)", r"\pmod{5}", "isn't ", r"\boxed{", r"\boxed{1} ", r"\begin{cases}",
    r"\end{cases}", r"\begin{pmatrix}", r"\left(", r"\left\{", r"\right.", r"\frac", r"\frac{",
    r"\sqrt", r"\sqrt{", r"\sum_{k=1}^{2}", r"\int ", r"\lim_{x\to 0}", r"\sin ", r"\log_",
    r"\overline{", r"\hat", "**", "*", "__", "`", "```", "#### ", "# ", "> ", "<b>", "<p", "<|",
    "“", "”", "''", "p.m.", "sq. ft ", "<answer>", "</think>", "I hope it is correct",
]  # fmt: skip


def hostile() -> list[str]:
    """Each piece, and pairs of pieces, repeated; cut at the two lengths that are read."""
    draw = random.Random(5)
    pairs = ["".join(draw.sample(PIECES, 2)) for _ in range(len(PIECES))]
    texts = [piece * REPEATS for piece in (*PIECES, *pairs)]
    return list(
        dict.fromkeys(text[:length] for text in texts for length in (LIMIT.max_chars, LONGEST))
    )


@pytest.mark.slow
def test_no_repeated_piece_of_the_grammar_takes_a_second() -> None:
    tasks = [("12", text) for text in hostile()]
    found = dict(judge_tasks(tasks, LIMIT, 2))
    assert len(found) == len(set(tasks))
    slow = {task[1][:40]: v.rule for task, v in found.items() if v.status in ("timeout", "error")}
    assert not slow


@pytest.mark.parametrize("tag_space", ["one", "any"])
@pytest.mark.parametrize("piece", ["</think> ", "<answer>", "</think> <answer> ", " ", "</answer>"])
def test_the_tags_of_a_megabyte_are_found_at_once(piece: str, tag_space: str) -> None:
    text = piece * (10**6 // len(piece))
    start = time.process_time()
    answer_text(text, tag_space)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("piece", ["\\boxed{", "\\boxed{5}, ", "\\boxed 5 and ", "{", "box"])
def test_the_last_box_of_a_long_text_is_found_at_once(piece: str) -> None:
    text = piece * (2 * 10**5 // len(piece))  # 50 times the longest response of 1,024 tokens
    start = time.process_time()
    answer_text(text, "one", "any")
    assert time.process_time() - start < 2.0


def test_the_pieces_cover_every_alternative_of_the_scanner() -> None:
    met = {match.lastgroup for piece in PIECES for match in SCAN.finditer(piece)}
    met |= {match.lastgroup for match in SCAN.finditer("2B_{12}")}
    assert met == set(SCAN.groupindex)
