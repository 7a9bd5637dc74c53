"""A worker process: it reads pairs from one pipe and writes verdicts to another, one JSON line each.

Nothing that a response holds is evaluated as code. Whatever a comparison prints goes nowhere, whatever it raises
becomes a status, and its memory is limited by the kernel where the kernel can.
"""

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any, TextIO

from ei.stage import die_with_parent

PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal that the kernel sends when the parent dies


def main(parent: int, memory_mb: int) -> None:
    """Serve comparisons until the pipe closes or the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    die_with_parent(parent)  # where the kernel does not see to it
    limited = limit_memory(memory_mb)
    replies = private_stdout()
    from ei.checker.compare.judge import judge  # Math-Verify and sympy: 2 to 4 s, and only here
    from ei.checker.settings import Settings

    print(json.dumps({"ready": True, "memory_limited": limited}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        reply = answer(
            lambda r=request: judge(r["reference"], r["answer"], Settings(**r["settings"]))
        )
        print(json.dumps(reply), file=replies, flush=True)
        if reply["rule"] == "memory":  # the heap is fragmented now: a fresh process takes over
            return


def answer(compare: Any) -> dict[str, Any]:
    """The verdict of `compare` as a dictionary, with its milliseconds; any exception is a status."""
    start = time.perf_counter()
    try:
        verdict = compare()
        reply = {"status": verdict.status, "rule": verdict.rule, "extracted": verdict.extracted}
    except MemoryError:
        reply = {"status": "error", "rule": "memory", "extracted": None}
    except RecursionError:
        reply = {"status": "unparsable", "rule": "nested too deeply", "extracted": None}
    except Exception as error:  # sympy and the parser raise almost anything on hostile input
        reply = {"status": "error", "rule": f"exception: {type(error).__name__}", "extracted": None}
    reply["milliseconds"] = (time.perf_counter() - start) * 1000
    return reply


def limit_memory(memory_mb: int) -> bool:
    """Whether the kernel will enforce the limit on this process's address space (macOS does not)."""
    if sys.platform != "linux":
        return False
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return True


def private_stdout() -> TextIO:
    """A stream on the real standard output; what anyone else prints is dropped."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return replies
