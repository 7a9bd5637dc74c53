"""Worker processes: started once, watched by the clock, killed and replaced.

A signal cannot interrupt a C call (a power of two large integers, say), so the limit is enforced from outside:
the parent kills the process and starts another.
"""

import contextlib
import json
import math
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ei.checker.settings import Settings, Verdict
from ei.stage import UserError

START_LIMIT_S = 120.0  # Math-Verify takes 2 to 4 s to import, much longer on a cold network disk
PAIRS_PER_WORKER = 250  # below this a second worker's start costs more than it saves
DEATHS = 2  # a pair that takes this many workers down with it is an error
FAILED_STARTS = (
    3  # workers in a row that die before they are ready: something is wrong with the installation
)
SCRIPTS = Path(__file__).resolve().parents[3]

Pair = tuple[str, str]
Process = subprocess.Popen[bytes]


@dataclass
class Worker:
    """A process, the pair it is working on, and when it must be done."""

    process: Process
    deadline: float
    ready: bool = False
    pair: Pair | None = None
    buffer: bytearray = field(default_factory=bytearray)


@dataclass
class State:
    """The workers, the pairs that wait, and who died of what."""

    settings: Settings
    queue: deque[Pair]
    deaths: dict[Pair, int]
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    failed_starts: int = 0

    def workers(self) -> list[Worker]:
        return [key.data for key in self.selector.get_map().values()]


def judge_pairs(
    pairs: list[Pair], settings: Settings, workers: int, ahead: Process | None = None
) -> Iterator[tuple[Pair, Verdict]]:
    """Every pair with its verdict, in the order in which the workers finish; `ahead` was launched before."""
    if not pairs:
        return
    state = State(settings, deque(pairs), dict.fromkeys(pairs, 0))
    try:
        for _ in range(min(workers, math.ceil(len(pairs) / PAIRS_PER_WORKER))):
            _start(state, ahead)
            ahead = None
        left = len(pairs)
        while left:
            for pair, verdict in _turn(state):
                left -= 1
                yield pair, verdict
    finally:
        for worker in state.workers():
            _stop(state, worker)
        state.selector.close()


def _turn(state: State) -> Iterator[tuple[Pair, Verdict]]:
    """Wait for the next reply or deadline; the verdicts that came of it."""
    wait = max(0.0, min(worker.deadline for worker in state.workers()) - time.monotonic())
    for key, _ in state.selector.select(wait if math.isfinite(wait) else None):
        yield from _read(state, key.data)
    for worker in state.workers():
        if time.monotonic() < worker.deadline:
            continue
        if not worker.ready:
            raise UserError(
                f"a checker process was not ready after {START_LIMIT_S:.0f} s: is the machine overloaded?"
            )
        pair = worker.pair
        _stop(state, worker)
        _start(state)
        if pair is not None:
            yield pair, Verdict("timeout", "timeout", None, state.settings.timeout_s * 1000)


def _read(state: State, worker: Worker) -> Iterator[tuple[Pair, Verdict]]:
    """The verdict that a worker sent, if any; a worker that died is replaced and its pair tried again."""
    assert worker.process.stdout is not None
    chunk = os.read(worker.process.stdout.fileno(), 65536)
    if not chunk:
        yield from _bury(state, worker)
        return
    worker.buffer += chunk
    if not worker.buffer.endswith(b"\n"):
        return
    reply = json.loads(worker.buffer)
    worker.buffer.clear()
    if worker.ready and worker.pair is not None:
        yield worker.pair, Verdict(**reply)
    worker.ready, worker.pair, worker.deadline = True, None, math.inf
    state.failed_starts = 0
    _give(state, worker)


def _bury(state: State, worker: Worker) -> Iterator[tuple[Pair, Verdict]]:
    """Replace a dead worker; its pair is tried once more."""
    pair = worker.pair
    if not worker.ready:
        state.failed_starts += 1
        if state.failed_starts >= FAILED_STARTS:
            message = (
                (worker.process.stderr.read() if worker.process.stderr else b"")
                .decode(errors="replace")
                .strip()
            )
            last = message.splitlines()[-1] if message else "it was killed"
            raise UserError(f"a checker process could not start {FAILED_STARTS} times: {last}")
    _stop(state, worker)
    _start(state)
    if pair is None:
        return
    state.deaths[pair] += 1
    if state.deaths[pair] < DEATHS:
        state.queue.appendleft(pair)
    else:
        yield pair, Verdict("error", "worker died")


def _give(state: State, worker: Worker) -> None:
    """Hand the next pair to an idle worker."""
    if not state.queue:
        return
    worker.pair = state.queue.popleft()
    worker.deadline = time.monotonic() + state.settings.timeout_s
    request = {
        "reference": worker.pair[0],
        "answer": worker.pair[1],
        "settings": asdict(state.settings),
    }
    assert worker.process.stdin is not None
    with contextlib.suppress(
        BrokenPipeError
    ):  # it was killed while idle: the closed pipe is read next
        worker.process.stdin.write(json.dumps(request).encode() + b"\n")
        worker.process.stdin.flush()


def launch(settings: Settings) -> Process:
    """A worker process, which takes half a second or more to be ready."""
    code = f"from ei.checker.workers.child import main; main({os.getpid()}, {settings.memory_mb})"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )


def _start(state: State, process: Process | None = None) -> None:
    process = process or launch(state.settings)
    assert process.stdout is not None
    state.selector.register(
        process.stdout, selectors.EVENT_READ, Worker(process, time.monotonic() + START_LIMIT_S)
    )


def _environment() -> dict[str, str]:
    """The parent's environment, with this package importable and hashes (so sympy's order of terms) fixed."""
    path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}


def _stop(state: State, worker: Worker) -> None:
    state.selector.unregister(_stdout(worker))
    worker.process.kill()
    worker.process.wait()
    for stream in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # a request that was never read
                stream.close()


def _stdout(worker: Worker) -> Any:
    return worker.process.stdout
