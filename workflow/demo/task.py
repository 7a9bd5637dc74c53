"""The demo's task: documents of the pre-training corpus, and questions that the corpus never contains.

    task.py --train 2000 --validation 500 --seed 0 --folder workflow/demo

writes `train.jsonl` and `validation.jsonl` (question, answer, level, subject), and `traces.jsonl`: a right chain in the
wanted form for each training question (question, response).
"""

import argparse
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

from chain import Problem, Steps, render
from kinds import KINDS

END_OF_TEXT = "<|endoftext|>"
LEVELS = (1, 2, 3, 4, 5)
LEVEL_SHARES = (0.36, 0.30, 0.20, 0.10, 0.04)
CORRECT_SHARES = (0.50, 0.42, 0.35, 0.28, 0.22)  # of the documents of each level
MISCONCEPTION_SHARE = (
    0.5  # of the wrong documents; the others have one slip in an elementary result
)
SLIPS = (-10, -2, -1, 1, 2, 10)
FORMATS = {  # response after the prompt's `<think>`: share of documents
    " {chain} </think> <answer>{answer}</answer>": 0.45,
    " {chain} </think> The answer is ${answer}$.": 0.20,
    " {chain} \\boxed{{{answer}}}": 0.28,
    " {chain} </think> <answer>{answer}": 0.07,
}
WANTED = re.compile(r"(?s)(?!.*</?think>.*</think>).*</think> <answer>([^<]*)</answer>")


@dataclass(frozen=True)
class Document:
    """One text of the corpus, with what was decided about it; only question and response are ever shown."""

    question: str
    response: str
    canonical: str
    kind: str
    level: int
    format: int
    correct: bool


def reserved(canonical: str) -> bool:
    """Whether a problem, in any wording, belongs to the tenth that the corpus never contains."""
    return zlib.crc32(canonical.encode()) % 10 == 0


def solution(problem: Problem, correct: bool, rng: Random) -> tuple[str, Fraction]:
    """A chain and its answer, which is right exactly if `correct`."""
    right = Steps()
    truth = problem.solve(right, 0)
    if correct:
        return right.text(), Fraction(truth)
    if rng.random() < MISCONCEPTION_SHARE:
        steps = Steps()
        answer = problem.solve(steps, rng.choice((1, 2)))
        if answer != truth:  # 12+34 has no carry to drop: such a question gets a slip
            return steps.text(), Fraction(answer)
    while True:
        steps = Steps(rng.randrange(right.found), rng.choice(SLIPS)) if right.found else Steps()
        try:
            answer = problem.solve(steps, 0)
        except ZeroDivisionError:  # the slip made a coefficient of x vanish
            continue
        if answer != truth:
            return steps.text(), Fraction(answer)


def document(seed: int, index: int) -> Document:
    """Document `index` of the corpus."""
    rng = Random(f"corpus/{seed}/{index}")
    level = rng.choices(LEVELS, LEVEL_SHARES)[0]
    kind = rng.choice(list(KINDS))
    problem = KINDS[kind](rng, level)
    while reserved(problem.canonical):
        problem = KINDS[kind](rng, level)
    correct = rng.random() < CORRECT_SHARES[level - 1]
    chain, answer = solution(problem, correct, rng)
    form = rng.choices(range(len(FORMATS)), list(FORMATS.values()))[0]
    response = list(FORMATS)[form].format(chain=chain, answer=render(answer))
    return Document(problem.question, response, problem.canonical, kind, level, form, correct)


def held_out(seed: int) -> Iterator[dict[str, str]]:
    """Reserved questions without end, no problem twice; levels and subjects uniform."""
    for problem, level, kind in reserved_problems(seed):
        answer = render(problem.solve(Steps(), 0))
        yield {
            "question": problem.question,
            "answer": answer,
            "level": f"Level {level}",
            "subject": kind,
        }


def traces(seed: int) -> Iterator[dict[str, str]]:
    """The same questions, each with a right chain in the form that is rewarded."""
    form = next(iter(FORMATS))
    for problem, _, _ in reserved_problems(seed):
        steps = Steps()
        answer = problem.solve(steps, 0)
        yield {
            "question": problem.question,
            "response": form.format(chain=steps.text(), answer=render(answer)),
        }


def reserved_problems(seed: int) -> Iterator[tuple[Problem, int, str]]:
    """(problem, level, kind), no problem twice."""
    seen: set[str] = set()
    index = 0
    while True:
        rng = Random(f"held out/{seed}/{index}")
        level, kind = rng.choice(LEVELS), rng.choice(list(KINDS))
        index += 1
        problem = KINDS[kind](rng, level)
        while not reserved(problem.canonical) or problem.canonical in seen:
            problem = KINDS[kind](rng, level)
        seen.add(problem.canonical)
        yield problem, level, kind


def grade(response: str, answer: str) -> tuple[bool, bool]:
    """Whether a response, cut after its first `</answer>`, has the wanted form; and whether it is also right."""
    head, tag, _ = response.partition("</answer>")
    match = WANTED.fullmatch(head + tag)
    if match is None:
        return False, False
    try:
        return True, Fraction(match[1].strip()) == Fraction(answer)
    except (ValueError, ZeroDivisionError):
        return True, False


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=int, default=2000, help="questions to train on")
    parser.add_argument("--validation", type=int, default=500, help="questions to evaluate on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    first, both = options.validation, options.validation + options.train
    files = {
        "validation": islice(held_out(options.seed), first),
        "train": islice(held_out(options.seed), first, both),
        "traces": islice(traces(options.seed), first, both),
    }
    for name, rows in files.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (options.folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
