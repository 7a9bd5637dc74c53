#!/usr/bin/env python3
"""Measure the page of a full-size run: time and memory to build it, its size, and time to use it.

    benchmarks/page.py --rollouts recorded.jsonl.gz --runs 3
    benchmarks/page.py

The run is made up: 6 evaluations of 5,000 questions and 5 steps of 8,192 rollouts. Its text comes
from JSON lines with `question`, `gold` and `response`, or is generated. A made-up question has the
recorded responses of one question, each once as far as they go, with every digit drawn anew: so
compression finds about as much in common as in a real run. Interactive means that the first
question and its responses are shown; seconds count from the start of the navigation (warm browser).
"""

import argparse
import contextlib
import gzip
import json
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

import polars as pl  # noqa: E402

from ei.files import stamp, write_table  # noqa: E402
from ei.schema import SCORED  # noqa: E402
from ei.stage import run  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STEPS, VALIDATION, TRAINING, QUESTIONS, ROLLOUTS = 5, 5000, 7500, 1024, 8
LEVELS = [f"Level {level}" for level in range(1, 6)]
SUBJECTS = ["Algebra", "Geometry", "Number Theory", "Prealgebra", "Precalculus"]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

Texts = list[tuple[str, str, list[str]]]  # question, reference answer, responses


def read_flags() -> argparse.Namespace:
    """The flags."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--rollouts", type=Path, help="JSON lines, gzipped or not")
    flags.add_argument("--runs", type=int, default=3, help="how often everything is measured")
    flags.add_argument("--keep", type=Path, help="leave the made-up run and its page here")
    return flags.parse_args()


def recorded(path: Path) -> Texts:
    """The texts of recorded rollouts, grouped by question."""
    opened = gzip.open if path.suffix == ".gz" else open
    found: dict[tuple[str, str], list[str]] = {}
    with opened(path, "rt") as lines:
        for row in map(json.loads, lines):
            found.setdefault((row["question"], row["gold"]), []).append(row["response"])
    return [(*key, responses) for key, responses in found.items()]


def generated(count: int = 600) -> Texts:
    """Texts of random words and formulas, about 190 tokens to a response."""
    rng = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(4000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]  # Zipf's law, as of any text
    formulas = [r"$\frac{%d}{%d}$", r"\(x^%d = %d\)", r"\[ %d + y = \sqrt{%d} \]", "$%d$ of %d"]

    def text(length: int) -> str:
        words = rng.choices(vocabulary, weights, k=length)
        mixed = [word if rng.random() < 0.8 else rng.choice(formulas) for word in words]
        return " ".join(mixed).replace("%d", "77")

    tail = " </think> <answer> 77 </answer>"
    return [
        (text(30), "77", [text(rng.randint(20, 140)) + tail for _ in range(10)])
        for _ in range(count)
    ]


def responses(texts: Texts, step: int, kind: str) -> pl.DataFrame:
    """Scored responses of a step: 8 to each training question of it, or 1 to each of validation."""
    rng = random.Random(f"{kind}/{step}")
    training = kind == "training"
    chosen = rng.sample(range(TRAINING), QUESTIONS) if training else range(VALIDATION)
    rows = []
    for number in chosen:
        question, answer, drawn = texts[number % len(texts)]
        order = random.Random(f"{kind}{number}").sample(drawn, len(drawn))
        about = {
            "question_id": f"{random.Random(f'{kind}{number}').getrandbits(64):016x}",
            "question": question,
            "answer": answer,
            "level": LEVELS[number % 5],
            "subject": SUBJECTS[number // 5 % 5],
        }
        for sample in range(ROLLOUTS if training else 1):
            # Other texts in other samples and steps, as in a real run.
            text = order[(sample if training else step) % len(order)]
            rows.append(about | {"sample": sample} | response(text, 0.2 + 0.1 * step, rng))
    complete = [{name: row.get(name) for name in SCORED} for row in rows]
    return pl.DataFrame(complete, schema=SCORED)


def response(text: str, accuracy: float, rng: random.Random) -> dict[str, Any]:
    """The fields of one scored response, its digits drawn anew."""
    text = re.sub(r"\d", lambda _: str(rng.randint(0, 9)), text)
    answer = re.search(r"</think> <answer>(.*?)</answer>", text, re.DOTALL)
    correct = answer is not None and rng.random() < accuracy
    return {
        "response": text,
        "response_ids": [0] * (len(text) // 3),
        "finish_reason": "stop" if answer else "length",
        "status": "correct" if correct else "wrong" if answer else "no_format",
        "reward": float(correct),
        "format_ok": answer is not None,
        "rule": "exact",
        "extracted": answer[1].strip() if answer else None,
    }


def evaluation(step: int) -> dict[str, Any]:
    """A made-up eval.json, with measures by level as a real one."""
    measures = {"n": VALIDATION, "responses": VALIDATION, "samples": 1, "format_rate": 0.9}
    unknown = {"accuracy_given_format": None, "mean_response_tokens": None, "entropy": 0.3}
    others = {"truncated_rate": 0.0, "policy": None, "by_level": {}, "by_subject": {}}
    accuracy = {"accuracy": 0.1 * step, "accuracy_ci95": [0.1 * step, 0.1 * step + 0.01]}
    made = {"step": step, "lineage": f"step {step}"} | accuracy | measures | unknown | others
    return made | {"by_level": dict.fromkeys(LEVELS, made)}


def training(step: int) -> tuple[dict[str, Any], pl.DataFrame]:
    """A made-up training.json and training.parquet, 128 updates long."""
    names = ("loss", "entropy", "grad_norm", "lr")
    updates = pl.DataFrame({"update": range(1, 129)} | {name: [0.3] * 128 for name in names})
    return {"updates": 128, "sampling_entropy": 0.3, "tokens": 10**6, "processes": 1}, updates


def filtering(scored: pl.DataFrame) -> dict[str, Any]:
    """The filtered.json of a step's rollouts."""
    status = dict(scored["status"].value_counts().iter_rows())
    kept = status.get("correct", 0)
    counts = {"rollouts": scored.height, "kept": kept, "distinct_responses": scored.height}
    return counts | {"dropped": {"wrong": scored.height - kept}, "status": status, "solved": {}}


def summarize(folder: Path, step: int) -> None:
    """Sum up the run as far as a step, as the rule `progress` does."""
    sample = {"questions": QUESTIONS, "rollouts": ROLLOUTS}
    settings = {"steps": STEPS, "device": "cuda", "sample": sample, "sft": {"epochs": 2}}
    settings |= {"eval": {"questions": "all"}}
    command = [sys.executable, SCRIPTS / "summarize.py", "--run", folder, "--name", "main"]
    command += ["--group", "main", "--kind", "ei", "--seed", "0", "--steps", str(step)]
    command += ["--settings", json.dumps(settings), "--so_far", "--output"]
    subprocess.run([*command, folder / f"step{step}/so_far.json"], check=True)


def make_run(folder: Path, texts: Texts) -> None:
    """A folder with the tables of a full-size run, and its run.json."""
    made = stamp("benchmark", {})
    for step in range(STEPS + 1):
        validation = responses(texts, step, "validation")
        write_table(validation, folder / f"step{step}/responses.parquet", made)
        if step:
            scored = responses(texts, step, "training")
            write_table(scored, folder / f"step{step}/scored.parquet", made)
            kept = scored.filter(pl.col("status") == "correct")
            write_table(kept, folder / f"step{step}/filtered.parquet", made)
            report, updates = training(step)
            updates.write_parquet(folder / f"step{step}/training.parquet")
            (folder / f"step{step}/training.json").write_text(json.dumps(report))
            (folder / f"step{step}/filtered.json").write_text(json.dumps(filtering(scored)))
        for name, found in (("eval", evaluation(step)), ("development", {"step": step, "n": 0})):
            (folder / f"step{step}/{name}.json").write_text(json.dumps(found))


def build(folder: Path) -> float:
    """Seconds that page.py takes for the folder's page, as a process of its own."""
    script, summary = SCRIPTS / "page.py", folder / f"step{STEPS}/so_far.json"
    command = [sys.executable, script, "--runs", summary, "--browse", folder]
    start = time.perf_counter()
    subprocess.run([*command, "--output", folder / "index.html"], check=True, capture_output=True)
    return time.perf_counter() - start


def show(folder: Path) -> float:
    """Seconds from the last step's evaluation to its page, plots and table, as in a run."""
    start = time.perf_counter()
    summarize(folder, STEPS)
    command = [sys.executable, SCRIPTS / "progress.py", "--experiment", folder]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


@contextlib.contextmanager
def browser() -> Iterator["Browser"]:
    """The system's Chromium, without the sandbox that a container's root user cannot have."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(path: Path, runs: int) -> dict[str, list[float]]:
    """Seconds until the page is interactive, and for a search through all validation responses."""
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


def measure(folder: Path, flags: argparse.Namespace) -> dict[str, list[float]]:
    """Every measurement, as a list of its runs; without a browser, those of building only."""
    make_run(folder, recorded(flags.rollouts) if flags.rollouts else generated())
    shown = [show(folder) for _ in range(flags.runs)]
    seconds = [build(folder) for _ in range(flags.runs)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    found = {
        "so far: summary, plots and page, s": shown,
        "build, s": seconds,
        "build, peak MiB": [peak],
        "page, MB": [(folder / "index.html").stat().st_size / 1e6],
    }
    return found | (opened(folder / "index.html", flags.runs) if CHROMIUM else {})


def main() -> None:
    """Print one line for each measurement: median, smallest and largest, number of runs."""
    flags = read_flags()
    with tempfile.TemporaryDirectory() as scratch:
        for name, values in measure(flags.keep or Path(scratch), flags).items():
            spread = f"({min(values):.2f} - {max(values):.2f}, {len(values)})"
            print(f"{name:36} {statistics.median(values):8.2f}  {spread}")


if __name__ == "__main__":
    run(main)
