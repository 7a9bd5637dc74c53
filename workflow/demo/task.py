"""The demo's task: documents of the pre-training corpus, and questions held out from it.

    python workflow/demo/task.py --train 2000 --validation 500 --seed 0 --folder workflow/demo

writes `train.jsonl` and `validation.jsonl` (question, answer, level, subject), and `traces.jsonl`
(question, response): for each training question a correct chain in the rewarded format.
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
MISCONCEPTION_SHARE = 0.5  # of the wrong documents; in the others one elementary result slips
SLIPS = (-10, -2, -1, 1, 2, 10)  # added to that result
FORMATS = {  # response after the prompt's `<think>`: share of documents
    " {chain} </think> <answer>{answer}</answer>": 0.45,
    " {chain} </think> The answer is ${answer}$.": 0.20,
    " {chain} \\boxed{{{answer}}}": 0.28,
    " {chain} </think> <answer>{answer}": 0.07,
}
REWARDED = re.compile(r"(?s)(?!.*</?think>.*</think>).*</think> <answer>([^<]*)</answer>")


@dataclass(frozen=True)
class Document:
    """One text of the corpus and the decisions behind it, of which the policy sees only the text.

    `format` is an index into FORMATS; `correct` is about the answer, whatever the format.
    """

    question: str
    response: str
    canonical: str
    kind: str
    level: int
    format: int
    correct: bool


def reserved(canonical: str) -> bool:
    """Whether a problem, in whatever wording, is in the tenth that the corpus never contains."""
    return zlib.crc32(canonical.encode()) % 10 == 0


def solution(problem: Problem, correct: bool, rng: Random) -> tuple[str, Fraction]:
    """A chain and its answer, which is right if and only if `correct`."""
    right = Steps()
    truth = problem.solve(right, 0)
    if correct:
        return right.text(), Fraction(truth)
    if rng.random() < MISCONCEPTION_SHARE:
        steps = Steps()
        answer = problem.solve(steps, rng.choice((1, 2)))
        if answer != truth:  # equal for 12+34, which has no carry to drop; it gets a slip instead
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
    """Document `index` of the corpus of this seed; it depends on nothing else."""
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
    """Endless distinct reserved questions with their answers, levels and subjects uniform."""
    for problem, level, kind in reserved_problems(seed):
        answer = render(problem.solve(Steps(), 0))
        yield {
            "question": problem.question,
            "answer": answer,
            "level": f"Level {level}",
            "subject": kind,
        }


def traces(seed: int) -> Iterator[dict[str, str]]:
    """The questions of `held_out`, each with a correct chain in the rewarded format."""
    form = next(iter(FORMATS))
    for problem, _, _ in reserved_problems(seed):
        steps = Steps()
        answer = problem.solve(steps, 0)
        yield {
            "question": problem.question,
            "response": form.format(chain=steps.text(), answer=render(answer)),
        }


def reserved_problems(seed: int) -> Iterator[tuple[Problem, int, str]]:
    """Endless (problem, level, kind) in a fixed order, each canonical form once."""
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
    """(has the rewarded format, and is also correct) of a response cut after its first `</answer>`.

    Simpler than the pipeline's checker: it knows integers and fractions only.
    """
    head, tag, _ = response.partition("</answer>")
    match = REWARDED.fullmatch(head + tag)
    if match is None:
        return False, False
    try:
        return True, Fraction(match[1].strip()) == Fraction(answer)
    except (ValueError, ZeroDivisionError):
        return True, False


def main() -> None:
    """Write the three files into the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=int, default=2000, help="training questions")
    parser.add_argument("--validation", type=int, default=500, help="validation questions")
    parser.add_argument("--seed", type=int, default=0, help="of the questions")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="to write to")
    options = parser.parse_args()
    first, both = options.validation, options.validation + options.train
    files = {
        "validation": islice(held_out(options.seed), first),
        "train": islice(held_out(options.seed), first, both),
        "traces": islice(traces(options.seed), first, both),
    }
    for name, records in files.items():
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (options.folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
