"""What one can see of a training: a progress bar, TensorBoard events, training.parquet, and peak memory."""

import contextlib
import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

import polars as pl
import torch

from ei.stage import progress
from ei.training.train import Record

DTYPES = {int: pl.Int64, float: pl.Float64}
SCALARS = ("loss", "entropy", "grad_norm", "lr", "tokens_per_s")


def table(records: list[Record]) -> pl.DataFrame:
    """The records as a table; whole numbers are int64, others float64, also when there is no record."""
    schema = {
        field.name: DTYPES[field.type] for field in fields(Record) if isinstance(field.type, type)
    }
    return pl.DataFrame([asdict(record) for record in records], schema=schema)


@contextlib.contextmanager
def reporting(updates: int, events: Path | None) -> Iterator[Callable[[Record], None]]:
    """A function that shows each record on the terminal and writes it to TensorBoard files in `events`."""
    if events is None:  # not the first process
        yield lambda record: None
        return
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(events, ignore_errors=True)
    with (
        SummaryWriter(str(events)) as writer,
        progress(total=updates, desc="sft", unit="update") as bar,
    ):

        def report(record: Record) -> None:
            for name in SCALARS:
                writer.add_scalar(f"sft/{name}", getattr(record, name), record.update)
            bar.set_postfix_str(
                f"loss {record.loss:.4f}, entropy {record.entropy:.4f}, {record.tokens_per_s:,.0f} tokens/s",
                refresh=False,
            )
            bar.update()

        yield report


def peak_memory(device: torch.device) -> int:
    """The most memory that was in use, in bytes: the GPU's, or this process's where there is none."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
