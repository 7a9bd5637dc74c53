"""What can be seen of a training: a progress bar, TensorBoard events, and peak memory."""

import contextlib
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ei.files import remove, writing
from ei.stage import progress
from ei.training.loop import Record

SCALARS = ("loss", "entropy", "grad_norm", "lr", "tokens_per_s")


@contextlib.contextmanager
def reporting(updates: int, events: Path) -> Iterator[Callable[[Record], None]]:
    """A function that shows each record on the terminal and writes it as a TensorBoard event."""
    from torch.utils.tensorboard import (
        SummaryWriter,
    )  # slow; a step without training has no use for it

    remove(events)  # an interrupted training's events; the records before its checkpoint come again
    with (
        writing(events),
        quiet_threads(),
        SummaryWriter(str(events)) as writer,
        progress(total=updates, desc="sft", unit="update") as bar,
    ):

        def report(record: Record) -> None:
            for name in SCALARS:
                writer.add_scalar(f"sft/{name}", getattr(record, name), record.update)
            bar.set_postfix_str(
                f"loss {record.loss:.4f}, entropy {record.entropy:.4f},"
                f" {record.tokens_per_s:,.0f} tokens/s",
                refresh=False,
            )
            bar.update()

        yield report


@contextlib.contextmanager
def quiet_threads() -> Iterator[None]:
    """Threads' errors about files are not printed: TensorBoard's writer hands its own on."""
    before = threading.excepthook

    def hook(found: threading.ExceptHookArgs) -> None:
        if not isinstance(found.exc_value, OSError):
            before(found)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def peak_memory(device: torch.device) -> int:
    """The most memory in use at any time, in bytes: the GPU's, or on a CPU this process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
