"""Worker processes: started once, given tasks ahead, replaced when they end.

A worker limits its own processor time (`limits.py`), so it ends itself in the middle of a
comparison that takes too long. The wall clock is a backstop for what waits without computing.
"""

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ei.checker.settings import Settings, Verdict
from ei.stage import UserError

START_LIMIT_S = 120.0  # an interpreter takes 0.1 s, much longer on a cold network disk
WALL_LIMIT_S = 120.0  # without a verdict: sympy's first import, on such a disk, is part of it
TASKS_PER_WORKER = 400  # below this a second worker's start costs more than it saves
AHEAD = 64  # tasks that a worker has been given; the pipe between holds their text
AHEAD_CHARS = 16_000  # of them together, well below the 64 KiB of a pipe: no write ever blocks both
DEATHS = 2  # a task that takes this many workers down with it is an error
FAILED_STARTS = 3  # in a row, and something is wrong with the installation
SCRIPTS = Path(__file__).resolve().parents[3]
Task = tuple[str, ...]  # (reference, answer), or what a user's own reward is asked
Process = subprocess.Popen[bytes]


@dataclass
class Worker:
    """A process, the tasks it has been given in their order, and when it must have answered."""

    process: Process
    deadline: float
    ready: bool = False
    given: deque[Task] = field(default_factory=deque)
    buffer: bytearray = field(default_factory=bytearray)


@dataclass
class State:
    """The workers, the tasks that wait, and how many workers died of each task."""

    settings: Settings
    job: str
    waiting: deque[Task]
    deaths: dict[Task, int] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    failed_starts: int = 0

    def workers(self) -> list[Worker]:
        return [key.data for key in self.selector.get_map().values()]


def judge_tasks(
    tasks: list[Task], settings: Settings, workers: int, job: str = "judge"
) -> Iterator[tuple[Task, Verdict]]:
    """Every task with its verdict, in the order in which the workers finish."""
    if not tasks:
        return
    state, left = State(settings, job, deque(tasks)), len(tasks)
    try:
        for _ in range(min(workers, math.ceil(left / TASKS_PER_WORKER))):
            _start(state)
        while left:
            for decided in _turn(state):
                left -= 1
                yield decided
    finally:
        for worker in state.workers():
            _stop(state, worker)
        state.selector.close()


def _turn(state: State) -> Iterator[tuple[Task, Verdict]]:
    """Wait for the next reply or deadline; the verdicts that come of it."""
    wait = min(worker.deadline for worker in state.workers()) - time.monotonic()
    for key, _ in state.selector.select(max(0.0, wait) if math.isfinite(wait) else None):
        yield from _read(state, key.data)
    for worker in state.workers():
        if time.monotonic() < worker.deadline:
            continue
        if not worker.ready:
            raise UserError(
                f"a checker process was not ready after {START_LIMIT_S:.0f} s:"
                " is the machine overloaded?"
            )
        yield from _timed_out(state, worker)


def _read(state: State, worker: Worker) -> Iterator[tuple[Task, Verdict]]:
    """The verdicts that a worker has sent; one that ended is replaced."""
    assert worker.process.stdout is not None
    chunk = os.read(worker.process.stdout.fileno(), 65536)
    *lines, rest = bytes(worker.buffer + chunk).split(b"\n")
    worker.buffer = bytearray(rest)
    for line in lines:
        reply = json.loads(line)
        if worker.ready:
            yield worker.given.popleft(), Verdict(**reply)
        worker.ready, state.failed_starts = True, 0
    if not chunk:
        yield from _bury(state, worker)
    elif lines:
        _give(state, worker)


def _bury(state: State, worker: Worker) -> Iterator[tuple[Task, Verdict]]:
    """Replace a worker that ended; what it was given goes back, its current task is judged."""
    code = worker.process.wait()
    if not worker.ready:
        _failed_start(state, worker)
    if code == -signal.SIGPROF and worker.given:
        yield from _timed_out(state, worker)
        return
    task = worker.given[0] if worker.given and code != 0 else None
    if task is not None:
        state.deaths[task] = state.deaths.get(task, 0) + 1
        if state.deaths[task] >= DEATHS:
            worker.given.popleft()
            yield task, Verdict("error", "worker died")
    _replace(state, worker)


def _timed_out(state: State, worker: Worker) -> Iterator[tuple[Task, Verdict]]:
    """Give up the task that a worker is on, and go on with another worker."""
    if worker.given:
        limit_ms = state.settings.timeout_s * 1000
        yield worker.given.popleft(), Verdict("timeout", "timeout", None, limit_ms)
    _replace(state, worker)


def _failed_start(state: State, worker: Worker) -> None:
    """Count a worker that ended before it was ready; too many in a row are a user's error."""
    state.failed_starts += 1
    if state.failed_starts < FAILED_STARTS:
        return
    assert worker.process.stderr is not None
    message = worker.process.stderr.read().decode(errors="replace").strip()
    last = message.splitlines()[-1] if message else "it was killed"
    raise UserError(f"a checker process could not start {FAILED_STARTS} times: {last}")


def _replace(state: State, worker: Worker) -> None:
    """Stop the worker, put what it was given back in front, and start another."""
    state.waiting.extendleft(reversed(worker.given))
    _stop(state, worker)
    _start(state)


def _give(state: State, worker: Worker) -> None:
    """Send tasks ahead, so that the worker never waits for this process."""
    ahead = sum(len(text) for task in worker.given for text in task)
    lines = []
    while state.waiting and len(worker.given) < AHEAD:
        ahead += sum(map(len, state.waiting[0]))
        if worker.given and ahead > AHEAD_CHARS:
            break
        worker.given.append(state.waiting.popleft())
        lines.append(json.dumps(worker.given[-1]).encode() + b"\n")
    worker.deadline = time.monotonic() + WALL_LIMIT_S if worker.given else math.inf
    assert worker.process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended: the closed pipe is read next
        worker.process.stdin.write(b"".join(lines))
        worker.process.stdin.flush()


def _start(state: State) -> None:
    """Start a worker process."""
    arguments = (os.getpid(), json.dumps(asdict(state.settings)), state.job)
    code = f"from ei.checker.workers.worker import main; main{arguments!r}"
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, env=_environment()
    )
    worker = Worker(process, time.monotonic() + START_LIMIT_S)
    assert process.stdout is not None
    state.selector.register(process.stdout, selectors.EVENT_READ, worker)


def _environment() -> dict[str, str]:
    """The parent's environment, with this package importable and sympy's order of terms fixed."""
    path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}


def _stop(state: State, worker: Worker) -> None:
    """End the process and close its pipes."""
    assert worker.process.stdout is not None
    state.selector.unregister(worker.process.stdout)
    worker.process.kill()
    worker.process.wait()
    for stream in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # a task that was never read
                stream.close()
