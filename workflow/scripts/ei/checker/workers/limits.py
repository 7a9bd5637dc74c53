"""Limits that the kernel enforces on this process, whatever its code is doing."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from typing import TextIO

from ei.stage import die_with_parent

PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal that the kernel sends when the parent dies


@contextlib.contextmanager
def processor_limit(seconds: float) -> Iterator[None]:
    """End this process when the block has used so many seconds of processor time, user and system.

    The timer's signal has its default action, which the kernel itself carries out: no Python
    handler has to run, so a comparison that is deep inside a C call ends as well. Time that the
    process spends waiting for a busy machine does not count.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def limit_memory(memory_mb: int) -> bool:
    """Whether the kernel will limit the address space of this process (macOS does not)."""
    if sys.platform != "linux":
        return False
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return True


def end_with_parent(parent: int) -> None:
    """Have this process end when its parent does, however that comes about."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    die_with_parent(parent)  # macOS, and a parent that was gone before the call above


def private_stdout() -> TextIO:
    """A stream on the real standard output; whatever else is printed is dropped."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return replies
