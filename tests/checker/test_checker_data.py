"""Every answer of MATH, GSM8K and the recorded rollouts: equal to itself, unequal to others."""

import gzip
import json
import random
import re

import polars as pl
import pytest

from checker.judging import DEFAULT
from ei.checker import Settings, score
from ei.checker.workers.pool import judge_tasks
from helpers import shared


def answers() -> list[str]:
    """The distinct answers."""
    found = []
    for name in ("math/train", "math/test"):
        lines = shared(f"{name}.jsonl").read_text().splitlines()
        found += [json.loads(line)["answer"] for line in lines]
    for name in ("gsm8k/train", "gsm8k/test"):
        lines = shared(f"{name}.jsonl").read_text().splitlines()
        found += [json.loads(line)["answer"].rpartition("####")[2].strip() for line in lines]
    with gzip.open(shared("rollouts/recorded.jsonl.gz"), "rt") as recorded:
        found += [json.loads(line)["gold"] for line in recorded]
    return [answer for answer in dict.fromkeys(found) if answer.strip()]


@pytest.mark.data
@pytest.mark.slow
def test_an_answer_is_right_in_another_notation() -> None:
    pairs = []
    for answer in answers():
        spaced = answer.replace("(", r"\left( ").replace(")", r"\right) ")
        texts = [f"${answer}$.", rf"\boxed{{{answer}}}", f"The answer is ${answer}$.", spaced]
        if "dfrac" not in answer and "tfrac" not in answer:
            texts.append(answer.replace("frac", "dfrac"))
        pairs += [(answer, text) for text in texts]
    found = dict(judge_tasks(list(dict.fromkeys(pairs)), DEFAULT, 2))
    wrong = [pair for pair, verdict in found.items() if verdict.status != "correct"]
    assert len(wrong) <= 0.001 * len(found), wrong[:20]


@pytest.mark.data
@pytest.mark.slow
def test_an_answer_is_no_other_answer() -> None:
    texts, draw = answers(), random.Random(1)
    pairs = [(answer, other) for answer in texts for other in draw.sample(texts, 3)]
    found = dict(judge_tasks([pair for pair in pairs if pair[0] != pair[1]], DEFAULT, 2))
    equal = [pair for pair, verdict in found.items() if verdict.status == "correct"]
    # 17 meters answers 17, and 1 answers 100%: what the settings say of units and percent
    figures = [[int(n) for n in re.findall(r"\d+", text)] for pair in equal for text in pair]
    unlike = [
        a != b and r"\%" not in "".join(p)
        for a, b, p in zip(figures[::2], figures[1::2], equal, strict=True)
    ]
    assert not any(unlike), equal


@pytest.mark.data
def test_worked_solutions_are_right_as_boxed_responses_and_only_to_their_own_questions() -> None:
    rows = [json.loads(line) for line in shared("math/math500.jsonl").read_text().splitlines()]
    answers = [row["answer"] for row in rows]
    solutions = pl.DataFrame({"answer": answers, "response": [row["solution"] for row in rows]})
    boxed = Settings(form="boxed")
    assert (score(solutions, boxed, 2)["status"] == "correct").sum() >= 498
    assert set(score(solutions, Settings(), 2)["status"]) == {"no_format"}
    others = solutions.with_columns(answer=pl.Series([*answers[1:], answers[0]]))
    accepted = score(others, boxed, 2).filter(pl.col("status") == "correct")
    assert (accepted["answer"] != accepted["extracted"]).sum() <= 1
