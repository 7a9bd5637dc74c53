"""The demo's corpus has the mix its README states, and its questions are held out from it."""

import json
import re
from collections import Counter
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from chain import Problem, Steps
from kinds import KINDS
from task import (
    CORRECT_SHARES,
    FORMATS,
    LEVEL_SHARES,
    LEVELS,
    Document,
    document,
    grade,
    held_out,
    reserved,
    solution,
    traces,
)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [document(0, index) for index in range(20_000)]


def questions(demo: Path, name: str) -> list[dict[str, str]]:
    """The records of one of the shipped JSONL files."""
    return [
        json.loads(line)
        for line in (demo / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def value(expression: str) -> Fraction:
    """The expression in Python's own arithmetic, over Fractions."""
    return Fraction(
        eval(
            re.sub(r"\d+", r"Fraction(\g<0>)", expression.replace("^", "**")),
            {"Fraction": Fraction},
        )
    )


def answer_of(question: str) -> Fraction:
    """The answer, from nothing but the question's text."""
    if match := re.search(
        r"remainder when (.+) is divided by (\d+)\?|Compute (.+) mod (\d+)\.", question
    ):
        return value(match[1] or match[3]) % int(match[2] or match[4])
    if match := re.search(r"([^ ]*x[^ ]*=[^ ]*\d)", question):
        left, right = (re.sub(r"(\d)(?=[x(])", r"\1*", side) for side in match[1].split("="))
        gap = [
            value(left.replace("x", f"({x})")) - value(right.replace("x", f"({x})")) for x in (0, 1)
        ]
        return gap[0] / (gap[0] - gap[1])
    if match := re.search(r"(\d+)% of (\d+)", question):
        return Fraction(int(match[1]) * int(match[2]), 100)
    if match := re.search(r"(\d+) (increased|decreased) by (\d+)%", question):
        return int(match[1]) * (
            1 + (1 if match[2] == "increased" else -1) * Fraction(int(match[3]), 100)
        )
    if match := re.fullmatch(r"(?:What is|Compute|Calculate) (\S+)[.?]", question):
        return value(match[1])
    return story(question)


def story(question: str) -> Fraction:
    """The answer to a word problem, recognized by its verbs and computed from its numbers."""
    n = [Fraction(number) for number in re.findall(r"\d+", question)]
    if "of them" in question:
        return n[0] - n[0] * n[1] / n[2] + n[3]
    if "boxes" in question:
        if "and buys" in question:
            return n[0] + n[1] * n[2]
        return n[0] * n[1] - (n[2] if "gives away" in question else 0)
    if "shares" in question:
        return n[0] / n[1]
    return n[0] - n[1] if "gives away" in question else n[0] + n[1]


@pytest.mark.parametrize(("name", "count"), [("train", 2000), ("validation", 500)])
def test_every_reference_answer_is_that_of_its_question(demo: Path, name: str, count: int) -> None:
    rows = questions(demo, name)
    assert len(rows) == count
    assert [
        row["question"] for row in rows if answer_of(row["question"]) != Fraction(row["answer"])
    ] == []


def test_the_generator_makes_the_shipped_questions_again(demo: Path) -> None:
    made = held_out(0)
    assert questions(demo, "validation") == [next(made) for _ in range(500)]
    assert questions(demo, "train") == [next(made) for _ in range(2000)]
    assert questions(demo, "traces") == list(islice(traces(0), 500, 2500))


def test_every_trace_is_a_correct_response_to_its_training_question(demo: Path) -> None:
    for row, trace in zip(questions(demo, "train"), questions(demo, "traces"), strict=True):
        assert trace["question"] == row["question"]
        assert grade(trace["response"], row["answer"]) == (True, True)


def test_no_held_out_question_occurs_in_the_corpus(demo: Path, documents: list[Document]) -> None:
    assert not any(reserved(example.canonical) for example in documents)
    asked = {row["question"] for name in ("train", "validation") for row in questions(demo, name)}
    assert len(asked) == 2500
    assert asked.isdisjoint(example.question for example in documents)


def test_another_wording_or_order_of_a_problem_is_held_out_with_it() -> None:
    wordings: dict[str, set[str]] = {}
    for index in range(20_000):
        problem = KINDS["products"](Random(index), 3)
        wordings.setdefault(problem.canonical, set()).add(problem.question)
    assert {"What is 12*31?", "Compute 31*12."} <= wordings["12*31"]


def test_levels_and_subjects_of_held_out_questions_are_uniform(demo: Path) -> None:
    rows = questions(demo, "train") + questions(demo, "validation")
    assert all(abs(n / 2500 - 1 / 5) < 0.03 for n in Counter(row["level"] for row in rows).values())
    assert all(
        abs(n / 2500 - 1 / 9) < 0.03 for n in Counter(row["subject"] for row in rows).values()
    )
    assert len({row["subject"] for row in rows}) == 9


def test_the_corpus_has_the_stated_mix(documents: list[Document]) -> None:
    formats = Counter(example.format for example in documents)
    assert [formats[i] / 20_000 for i in range(4)] == pytest.approx(
        list(FORMATS.values()), abs=0.015
    )
    for level, share, correct in zip(LEVELS, LEVEL_SHARES, CORRECT_SHARES, strict=True):
        chosen = [example for example in documents if example.level == level]
        assert len(chosen) / 20_000 == pytest.approx(share, abs=0.015)
        assert sum(example.correct for example in chosen) / len(chosen) == pytest.approx(
            correct, abs=0.06
        )


def test_a_rewarded_document_is_correct_if_and_only_if_it_was_drawn_so(
    documents: list[Document],
) -> None:
    for example in documents[:5000]:
        formatted, right = grade(example.response, str(answer_of(example.question)))
        assert formatted == (example.format == 0)
        assert right == (example.correct and formatted)


def test_a_document_is_a_function_of_seed_and_index() -> None:
    assert document(3, 77) == document(3, 77)
    assert document(3, 77) != document(4, 77)


def test_a_slip_changes_one_result_and_with_it_the_answer() -> None:
    def solve(steps: Steps, misconception: int) -> int | Fraction:
        return steps.find("2*3", 6) + steps.find("1+1", 2)

    steps = Steps(slip_at=0, slip=1)
    assert solve(steps, 0) == 9
    assert steps.text() == "2*3=7;1+1=2"


def test_a_solution_is_correct_if_and_only_if_it_is_asked_to_be() -> None:
    for kind, make in KINDS.items():
        for index in range(300):
            problem: Problem = make(Random(f"{kind}/{index}"), 1 + index % 5)
            truth = answer_of(problem.question)
            assert solution(problem, True, Random(index))[1] == truth
            assert solution(problem, False, Random(index))[1] != truth


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (" 1+1=2 </think> <answer>2</answer>", (True, True)),
        (" 1+1=2 </think> <answer>2</answer> and more", (True, True)),
        (" 1+1=3 </think> <answer>3</answer>", (True, False)),
        (" </think> <answer>4/2</answer>", (True, True)),
        (" </think> <answer>1/0</answer>", (True, False)),
        (" </think><answer>2</answer>", (False, False)),
        (" </think> <answer>2", (False, False)),
        (" \\boxed{2}", (False, False)),
    ],
)
def test_a_response_is_graded_by_format_and_value(
    response: str, expected: tuple[bool, bool]
) -> None:
    assert grade(response, "2") == expected
