#!/usr/bin/env python3
"""Measure the answer checker: speed on recorded rollouts, and hostile responses.

    benchmarks/score.py --rollouts recorded.jsonl.gz --runs 3
    benchmarks/score.py --hostile 100000

The rollouts are JSON lines with `gold` and `response`. Their distinct (reference, answer) pairs are
judged by one worker and by all, the whole table with and without a memo; plain Math-Verify judges
the same pairs in this process. Starting workers is part of our times, importing Math-Verify is not
part of its. Hostile responses are mutations of ordinary ones; every one that is accepted is
printed, for a reader to judge.
"""

import argparse
import contextlib
import gzip
import json
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import polars as pl  # noqa: E402
from hostile import HANDMADE, REFERENCES, mutated, responses  # noqa: E402

from ei.checker import Settings, score_pairs  # noqa: E402
from ei.checker.answer.tags import answer_text  # noqa: E402
from ei.checker.memo import made_by  # noqa: E402
from ei.files import stamp, write_table  # noqa: E402
from ei.stage import UserError, run  # noqa: E402


def read_flags() -> argparse.Namespace:
    """What to measure, and how often."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--rollouts", type=Path, help="JSON lines, gzipped or not")
    flags.add_argument("--runs", type=int, default=3, help="how often each action is timed")
    flags.add_argument("--workers", type=int, default=os.cpu_count(), help="most workers")
    flags.add_argument("--hostile", type=int, default=0, help="how many mutated responses to judge")
    flags.add_argument("--seed", type=int, default=0, help="of the mutations")
    return flags.parse_args()


def recorded(path: Path) -> pl.DataFrame:
    """The rollouts as a table of `answer` and `response`."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return pl.DataFrame(
        {"answer": [row["gold"] for row in rows], "response": [row["response"] for row in rows]}
    )


def distinct(table: pl.DataFrame) -> pl.DataFrame:
    """One row for each distinct pair of reference and answer."""
    answers = pl.Series("key", [answer_text(response, "one") for response in table["response"]])
    found = table.with_columns(answers).drop_nulls("key")
    return found.unique(["answer", "key"], maintain_order=True).drop("key")


def seconds(action: Callable[[], object]) -> float:
    """How long the action takes; its progress lines go nowhere."""
    start = time.perf_counter()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        action()
    return time.perf_counter() - start


def math_verify_alone(pairs: pl.DataFrame) -> None:
    """Plain Math-Verify as its documentation has it: parse, parse, verify."""
    from math_verify import parse, verify

    for reference, response in pairs.select("answer", "response").iter_rows():
        verify(parse(f"${reference}$"), parse(answer_text(response, "one") or ""))


def speed(table: pl.DataFrame, runs: int, workers: int) -> Iterator[tuple[str, int, list[float]]]:
    """Name, rows, and seconds of each run."""
    from math_verify import parse, verify

    verify(parse("$1$"), parse("1"))  # its import and first use are not counted
    pairs, settings = distinct(table), Settings()
    with tempfile.TemporaryDirectory() as folder:
        memo = Path(folder) / "scored.pairs.parquet"
        judged = score_pairs(table, settings, workers)[1]
        write_table(judged, memo, stamp("", made_by(settings)))
        actions: list[tuple[str, pl.DataFrame, Callable[[], object]]] = [
            ("distinct pairs, one worker", pairs, lambda: score_pairs(pairs, settings, 1)),
            ("distinct pairs, all workers", pairs, lambda: score_pairs(pairs, settings, workers)),
            ("distinct pairs, plain Math-Verify", pairs, lambda: math_verify_alone(pairs)),
            ("whole table, one worker", table, lambda: score_pairs(table, settings, 1)),
            ("whole table, with a memo", table, lambda: score_pairs(table, settings, 1, memo)),
        ]
        for name, rows, action in actions:
            yield name, rows.height, [seconds(action) for _ in range(runs)]


def hostile(count: int, seed: int, workers: int) -> dict[str, object]:
    """What became of the hostile responses: statuses, the slowest, the largest worker."""
    answers = [*HANDMADE, *mutated(count, seed)]
    references = [REFERENCES[i % len(REFERENCES)] for i in range(len(answers))]
    table = pl.DataFrame({"answer": references, "response": responses(answers)})
    largest, stop = [0], threading.Event()
    threading.Thread(target=_watch, args=(largest, stop), daemon=True).start()
    start = time.perf_counter()
    scored, pairs = score_pairs(table, Settings(), workers)
    stop.set()
    accepted = pairs.filter(pl.col("status") == "correct").select("reference", "answer", "rule")
    for row in accepted.iter_rows():
        print("accepted", row)
    return {
        "responses": table.height,
        "seconds": round(time.perf_counter() - start, 1),
        "status": dict(scored.group_by("status").len().sort("status").iter_rows()),
        "errors": pairs.filter(pl.col("status") == "error").select("answer", "rule").rows(),
        "accepted": accepted.height,
        "slowest_ms": round(float(pairs["milliseconds"].max()), 1),  # type: ignore[arg-type]
        "slower_than_a_second": pairs.filter(pl.col("milliseconds") > 1000).height,
        "largest_worker_mb": largest[0] // 1024,
    }


def _watch(largest: list[int], stop: threading.Event) -> None:
    """Keep the largest peak of resident memory (kB) of any child process."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while not stop.wait(0.05):
        for pid in children.read_text().split():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                peak = next(line for line in lines if line.startswith("VmHWM"))
                largest[0] = max(largest[0], int(peak.split()[1]))


def main() -> None:
    """Print one line for each measurement."""
    flags = read_flags()
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    if not flags.rollouts and not flags.hostile:
        raise UserError("give --rollouts, --hostile or both")
    if flags.rollouts:
        for name, rows, times in speed(recorded(flags.rollouts), flags.runs, flags.workers):
            rates = [rows / t for t in times]
            spread = f"{min(rates):,.0f} - {max(rates):,.0f}, {len(times)} runs"
            print(f"{name:36} {rows:6} rows  {statistics.median(rates):10,.0f} /s  ({spread})")
    if flags.hostile:
        print(json.dumps(hostile(flags.hostile, flags.seed, flags.workers)))


if __name__ == "__main__":
    run(main)
