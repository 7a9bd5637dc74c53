"""Workers: limits that really end a comparison, deaths that change no table, and orphans that leave."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sympy.parsing import sympy_parser

from checker.hostile import HANDMADE, REFERENCES, mutated, responses
from ei.checker import Settings, Verdict, score, score_pairs, table
from ei.checker.compare.judge import judge
from ei.checker.workers import pool
from ei.checker.workers.child import answer
from ei.checker.workers.pool import Pair, judge_pairs
from ei.stage import UserError

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
PROC = Path("/proc")
RADICALS = [
    (rf"\sqrt{{{n}}}", rf"\frac{{{n}}}{{\sqrt{{{n}}}}}")
    for n in (2, 3, 5, 6, 7, 10, 11, 13, 14, 15)
]


def rollouts(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        {"answer": [a for a, _ in pairs], "response": responses([r for _, r in pairs])}
    )


def children(parent: int) -> list[int]:
    """The process ids of the children that Linux knows of."""
    return [
        int(pid)
        for pid in (PROC / str(parent) / "task" / str(parent) / "children").read_text().split()
    ]


def test_a_comparison_that_hangs_is_killed_at_the_limit_and_the_rest_goes_on() -> None:
    hangs = [("1", r"\binom{99999999}{44444444}"), ("2", "33333333333333!")]
    start = time.monotonic()
    found = dict(
        judge_pairs([hangs[0], RADICALS[0], hangs[1], RADICALS[1]], Settings(timeout_s=1.0), 1)
    )
    assert [found[pair].status for pair in hangs] == ["timeout", "timeout"]
    assert [found[pair].status for pair in RADICALS[:2]] == ["correct", "correct"]
    assert time.monotonic() - start < 60


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc to find the workers")
def test_workers_killed_from_outside_change_nothing_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[int] = []

    def with_kills(*args: Any) -> Iterator[tuple[Pair, Verdict]]:
        for count, decided in enumerate(judge_pairs(*args)):
            if count in (1, 4):
                killed.extend(children(os.getpid()))
                os.kill(killed[-1], signal.SIGKILL)
            yield decided

    monkeypatch.setattr(table, "judge_pairs", with_kills)
    scored = score(rollouts(RADICALS * 3), Settings(), 1)
    assert len(set(killed)) == 2
    assert scored["status"].to_list() == ["correct"] * 30


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc to find the workers")
def test_a_worker_killed_while_it_starts_is_replaced() -> None:
    def kill_soon() -> None:
        time.sleep(0.3)  # the import of Math-Verify takes longer
        os.kill(children(os.getpid())[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill_soon)
    killer.start()
    found = dict(judge_pairs(RADICALS[:2], Settings(), 1))
    killer.join()
    assert [verdict.status for verdict in found.values()] == ["correct", "correct"]


def test_workers_that_cannot_start_are_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SCRIPTS", Path("/nowhere"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(UserError, match="could not start 3 times"):
        list(judge_pairs(RADICALS[:1], Settings(), 1))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a limit on address space")
def test_the_memory_of_a_worker_is_limited() -> None:
    code = "from ei.checker.workers.child import limit_memory; assert limit_memory(400); bytearray(600 * 2**20)"
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "MemoryError" in done.stderr


def test_no_text_is_ever_evaluated_as_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a response reached Python's eval")

    monkeypatch.setattr(sympy_parser, "eval_expr", refuse)
    monkeypatch.setattr(sympy_parser, "stringify_expr", refuse)
    codes = [text for text in HANDMADE if re.search(r"__|exec|open|lambda", text)]
    for text in [*codes, *mutated(60, seed=11)]:
        if len(text) < 80 and not re.search(
            r"9999|9\}\}|10\^9|!", text
        ):  # quick ones: there is no time limit here
            for reference in ("12", r"2\sqrt{3}", "x^2+2x+1", "(1,2)"):
                assert (
                    answer(lambda r=reference, t=text: judge(r, t, Settings()))["status"] != "error"
                )


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_workers_die_with_a_parent_that_is_killed() -> None:
    code = (
        "from ei.checker.workers.pool import judge_pairs; from ei.checker import Settings\n"
        "list(judge_pairs([('1', '33333333333333!')], Settings(timeout_s=600.0), 1))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(SCRIPTS)}
    )
    workers: list[int] = []
    deadline = time.monotonic() + 30
    while not workers and time.monotonic() < deadline:
        time.sleep(0.1)
        workers = children(parent.pid)
    parent.kill()
    parent.wait()
    assert workers
    while any((PROC / str(pid)).exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any((PROC / str(pid)).exists() for pid in workers)


def test_whatever_a_comparison_raises_becomes_a_status() -> None:
    def fails(error: BaseException) -> dict[str, object]:
        def compare() -> None:
            raise error

        return answer(compare)

    assert fails(MemoryError())["rule"] == "memory"
    assert fails(RecursionError())["status"] == "unparsable"
    assert fails(TypeError("no"))["rule"] == "exception: TypeError"


def test_a_thousand_hostile_responses_end_with_a_status_in_time() -> None:
    answers = [*HANDMADE, *mutated(1000 - len(HANDMADE), seed=7)]
    hostile = pl.DataFrame(
        {
            "answer": [REFERENCES[i % len(REFERENCES)] for i in range(len(answers))],
            "response": responses(answers),
        }
    )
    limit = Settings(timeout_s=0.5)
    scored, pairs = score_pairs(hostile, limit, 2)
    assert scored.height == len(answers)
    assert set(scored["status"]) <= {"correct", "wrong", "unparsable", "timeout"}
    assert max(pairs["milliseconds"]) <= (limit.timeout_s + 1) * 1000
