#!/usr/bin/env python3
"""Measure the page of a full-size run: seconds and memory to build it, its size, and when a browser can use it.

    benchmarks/page.py --rollouts recorded.jsonl.gz --runs 3       JSON lines with `question`, `gold`, `response`
    benchmarks/page.py                                             generated text

The run is made up: 6 evaluations of 5,000 questions and 5 steps of 8,192 rollouts. A made-up question has the
recorded responses of one question, each once as far as they go, with every digit drawn anew: so compression finds
about as much in common as in a real run. Interactive means that the first question and its responses are shown;
seconds count from the start of the navigation (a warm browser).
"""

import argparse
import gzip
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

import polars as pl  # noqa: E402
from chromium import CHROMIUM, browser  # noqa: E402
from page_literals import run_json  # noqa: E402

from ei.files import stamp, write_table  # noqa: E402
from ei.stage import run  # noqa: E402

STEPS, VALIDATION, TRAINING, QUESTIONS, ROLLOUTS = 5, 5000, 7500, 1024, 8
LEVELS = [f"Level {level}" for level in range(1, 6)]
SUBJECTS = ["Algebra", "Geometry", "Number Theory", "Prealgebra", "Precalculus"]


def read_flags() -> argparse.Namespace:
    """The command line."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--rollouts", type=Path, help="JSON lines, gzipped or not")
    flags.add_argument("--runs", type=int, default=3)
    flags.add_argument("--keep", type=Path, help="leave the made-up run and its page here")
    return flags.parse_args()


def recorded(path: Path) -> list[tuple[str, str, list[str]]]:
    """Question, reference answer and responses, a row for each question."""
    opened = gzip.open if path.suffix == ".gz" else open
    found: dict[tuple[str, str], list[str]] = {}
    with opened(path, "rt") as lines:
        for row in map(json.loads, lines):
            found.setdefault((row["question"], row["gold"]), []).append(row["response"])
    return [(*key, responses) for key, responses in found.items()]


def generated(count: int = 600) -> list[tuple[str, str, list[str]]]:
    """The same from random words and formulas, about 190 tokens to a response."""
    draw = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    vocabulary = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(4000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]  # Zipf's law, as of any text
    formulas = [r"$\frac{%d}{%d}$", r"\(x^%d = %d\)", r"\[ %d + y = \sqrt{%d} \]", "$%d$ of %d"]

    def text(length: int) -> str:
        common = draw.choices(vocabulary, weights, k=length)
        parts = [word if draw.random() < 0.8 else draw.choice(formulas) for word in common]
        return " ".join(part.replace("%d", "77") for part in parts)

    tail = " </think> <answer> 77 </answer>"
    return [
        (text(30), "77", [text(draw.randint(20, 140)) + tail for _ in range(10)])
        for _ in range(count)
    ]


def responses(
    texts: list[tuple[str, str, list[str]]], step: int, count: int, samples: int, kind: str
) -> pl.DataFrame:
    """Scored responses to `count` questions; training draws its questions in each step, validation has the same."""
    draw = random.Random(f"{kind}/{step}")
    rows = []
    for number in draw.sample(range(TRAINING), count) if kind == "training" else range(count):
        question, answer, drawn = texts[number % len(texts)]
        order = random.Random(f"{kind}{number}").sample(drawn, len(drawn))
        for sample in range(samples):
            one = order[
                (step if samples == 1 else sample) % len(order)
            ]  # other texts side by side, as in a real run
            text = re.sub(r"\d", lambda _: str(draw.randint(0, 9)), one)
            place = re.search(r"</think> <answer>(.*?)</answer>", text, re.DOTALL)
            right = place is not None and draw.random() < 0.2 + 0.1 * step
            rows.append(
                {
                    "question_id": f"{random.Random(f'{kind}{number}').getrandbits(64):016x}",
                    "question": question,
                    "answer": answer,
                    "level": LEVELS[number % 5],
                    "subject": SUBJECTS[number // 5 % 5],
                    "sample": sample,
                    "response": text,
                    "response_ids": [0] * (len(text) // 3),
                    "finish_reason": "stop" if place else "length",
                    "status": "correct" if right else "wrong" if place else "no_format",
                    "extracted": place[1].strip() if place else None,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"extracted": pl.String})


def make_run(folder: Path, texts: list[tuple[str, str, list[str]]]) -> None:
    """A folder with the tables of a full-size run, and its run.json."""
    made = stamp("benchmark", {})
    for step in range(STEPS + 1):
        write_table(
            responses(texts, step, VALIDATION, 1, "validation"),
            folder / f"step{step}/responses.parquet",
            made,
        )
        if step:
            scored = responses(texts, step, QUESTIONS, ROLLOUTS, "training")
            write_table(scored, folder / f"step{step}/scored.parquet", made)
            kept = scored.filter(pl.col("status") == "correct")
            write_table(kept, folder / f"step{step}/filtered.parquet", made)
    (folder / "run.json").write_text(json.dumps(run_json(str(folder), steps=STEPS)))


def build(folder: Path) -> float:
    """Seconds that page.py takes for the folder's page, as a process of its own."""
    command = [
        sys.executable,
        ROOT / "workflow/scripts/page.py",
        "--runs",
        folder / "run.json",
        "--browse",
        folder,
    ]
    start = time.perf_counter()
    subprocess.run([*command, "--output", folder / "index.html"], check=True, capture_output=True)
    return time.perf_counter() - start


def opened(path: Path, runs: int) -> dict[str, list[float]]:
    """Seconds until the page is interactive, and until a search through all validation responses has ended."""
    from playwright.sync_api import expect

    ready, searched = [], []
    with browser() as chromium:
        for _ in range(runs):
            page = chromium.new_page()
            start = time.perf_counter()
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector("html[data-ready]", timeout=60_000)
            ready.append(time.perf_counter() - start)
            page.wait_for_load_state()
            start = time.perf_counter()
            page.fill("input[name=text]", "no such words")
            expect(page.locator("#found")).to_have_text("0 of 5,000 questions", timeout=60_000)
            searched.append(time.perf_counter() - start)
            page.close()
    return {"interactive, s": ready, "search of 30,000 responses, s": searched}


def measure(folder: Path, flags: argparse.Namespace) -> dict[str, Any]:
    """Every measurement, as a list of its runs."""
    make_run(folder, recorded(flags.rollouts) if flags.rollouts else generated())
    seconds = [build(folder) for _ in range(flags.runs)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    found = {
        "build, s": seconds,
        "build, peak MiB": [peak],
        "page, MB": [(folder / "index.html").stat().st_size / 1e6],
    }
    return found | (opened(folder / "index.html", flags.runs) if CHROMIUM else {})


def main() -> None:
    """Print one line for each measurement: median, smallest and largest."""
    flags = read_flags()
    with tempfile.TemporaryDirectory() as scratch:
        for name, values in measure(flags.keep or Path(scratch), flags).items():
            print(
                f"{name:32} {statistics.median(values):8.2f}  ({min(values):.2f} - {max(values):.2f}, {len(values)})"
            )


if __name__ == "__main__":
    run(main)
