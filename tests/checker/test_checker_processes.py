"""Workers: limits that really end a comparison, deaths that change no table, orphans that leave."""

import os
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
from hostile import HANDMADE, REFERENCES, mutated, responses
from sympy.parsing import sympy_parser

from checker.judging import DEFAULT, ROOT, verdict
from ei.checker import Settings, Verdict, score, score_pairs, table
from ei.checker.workers import pool
from ei.checker.workers.pool import Task, judge_tasks
from ei.checker.workers.worker import limited
from ei.stage import UserError

SCRIPTS = ROOT / "workflow" / "scripts"
PROC = Path("/proc")
RADICALS = [
    (rf"\sqrt{{{n}}}", rf"\frac{{{n}}}{{\sqrt{{{n}}}}}")
    for n in (2, 3, 5, 6, 7, 10, 11, 13, 14, 15)
]
LOOPS = """
import time

def judge(question, reference, response):
    if response == "python":
        while True:
            pass
    if response == "c":
        return 3 ** (3 ** 25)  # no signal handler of Python's runs in the middle of a power
    if response == "sleep":
        time.sleep(1.5)  # waiting costs no processor time
    return 1.0
"""


def rollouts(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        {"answer": [a for a, _ in pairs], "response": responses([r for _, r in pairs])}
    )


def children(parent: int) -> list[int]:
    """The process ids of the children that Linux knows of."""
    path = PROC / str(parent) / "task" / str(parent) / "children"
    return [int(pid) for pid in path.read_text().split()]


def with_reward(tmp_path: Path, source: str, **settings: Any) -> Settings:
    (tmp_path / "own.py").write_text(source)
    return Settings(reward=f"{tmp_path / 'own.py'}:judge", **settings)


def test_what_computes_beyond_its_limit_is_ended_and_the_rest_goes_on(tmp_path: Path) -> None:
    settings = with_reward(tmp_path, LOOPS, timeout_s=0.5)
    tasks = [("", "1", text) for text in ("python", "fine", "c", "sleep", "well")]
    found = {task[2]: verdict.status for task, verdict in judge_tasks(tasks, settings, 1)}
    assert found == {
        "python": "timeout", "fine": "correct", "c": "timeout", "sleep": "correct",
        "well": "correct",
    }  # fmt: skip


def test_what_waits_beyond_the_wall_clock_limit_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WALL_LIMIT_S", 1.0)
    settings = with_reward(tmp_path, LOOPS.replace("1.5", "600"))
    tasks = [("", "1", text) for text in ("sleep", "fine")]
    found = {task[2]: verdict.status for task, verdict in judge_tasks(tasks, settings, 1)}
    assert found == {"sleep": "timeout", "fine": "correct"}


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc to find the workers")
def test_workers_killed_from_outside_change_nothing_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[int] = []

    def with_kills(*args: Any) -> Iterator[tuple[Task, Verdict]]:
        for count, decided in enumerate(judge_tasks(*args)):
            if count in (1, 4):
                killed.extend(children(os.getpid()))
                os.kill(killed[-1], signal.SIGKILL)
            yield decided

    monkeypatch.setattr(table, "judge_tasks", with_kills)
    monkeypatch.setattr(pool, "AHEAD", 1)  # else all is judged before the first is killed
    scored = score(rollouts(RADICALS), Settings(), 1)
    assert len(set(killed)) == 2
    assert scored["status"].to_list() == ["correct"] * 10


@pytest.mark.skipif(not PROC.exists(), reason="needs /proc to find the workers")
def test_a_worker_killed_while_it_starts_is_replaced() -> None:
    def kill_soon() -> None:
        while not children(os.getpid()):
            time.sleep(0.001)
        os.kill(children(os.getpid())[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill_soon)
    killer.start()
    found = dict(judge_tasks(RADICALS[:2], Settings(), 1))
    killer.join()
    assert [verdict.status for verdict in found.values()] == ["correct", "correct"]


def test_workers_that_cannot_start_are_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SCRIPTS", Path("/nowhere"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(UserError, match="could not start 3 times"):
        list(judge_tasks(RADICALS[:1], Settings(), 1))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a limit on address space")
def test_the_memory_of_a_worker_is_limited(tmp_path: Path) -> None:
    source = "def judge(*texts):\n    return float(len(bytearray(int(texts[1])))) * 0 + 1"
    settings = with_reward(tmp_path, source, memory_mb=400)
    tasks = [("", str(size), "x") for size in (600 * 2**20, 1000)]
    found = {task[1]: verdict for task, verdict in judge_tasks(tasks, settings, 1)}
    assert next((v.status, v.rule) for v in found.values()) == ("error", "memory")
    assert found["1000"].status == "correct"


def test_no_text_is_ever_evaluated_as_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a response reached Python's eval")

    monkeypatch.setattr(sympy_parser, "eval_expr", refuse)
    monkeypatch.setattr("builtins.eval", refuse)
    for text in (
        "__import__('os').system('true')", "exec('raise SystemExit')", "open('/etc/passwd').read()",
        "().__class__.__bases__[0].__subclasses__()", "lambda x: x",
        r"\sum_{k=1}^{\infty} exec('1')",
    ):  # fmt: skip
        for reference in ("12", r"2\sqrt{3}", "x^2+2x+1", "(1,2)", r"\int_0^1 x\,dx"):
            assert verdict(reference, text).status in ("wrong", "unparsable")


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_workers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    settings = with_reward(tmp_path, LOOPS, timeout_s=600.0)
    code = (
        "from ei.checker.workers.pool import judge_tasks; from ei.checker import Settings\n"
        f"list(judge_tasks([('', '1', 'python')], {settings!r}, 1))"
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


@pytest.mark.parametrize(
    ("error", "status", "rule"),
    [
        (MemoryError(), "error", "memory"),
        (RecursionError(), "unparsable", "nested too deeply"),
        (TypeError("no"), "error", "exception: TypeError"),
    ],
)
def test_whatever_a_comparison_raises_becomes_a_status(
    error: Exception, status: str, rule: str
) -> None:
    def fails(*task: object) -> Verdict:
        raise error

    found = limited([lambda: fails], ["1", "1"], DEFAULT)
    assert (found.status, found.rule) == (status, rule)


def test_a_thousand_hostile_responses_end_with_a_status_in_time() -> None:
    answers = [*HANDMADE, *mutated(1000 - len(HANDMADE), seed=7)]
    references = [REFERENCES[i % len(REFERENCES)] for i in range(len(answers))]
    hostile = pl.DataFrame({"answer": references, "response": responses(answers)})
    scored, pairs = score_pairs(hostile, Settings(timeout_s=0.5), 2)
    assert scored.height == len(answers)
    assert set(scored["status"]) <= {"correct", "wrong", "unparsable", "timeout"}
    assert pairs["milliseconds"].max() <= 520  # type: ignore[operator]
