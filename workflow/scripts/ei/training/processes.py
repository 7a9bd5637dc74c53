"""The processes that train together, one per device: how they start and communicate."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ei.disk import full_disk
from ei.stage import UserError
from ei.warm import TRAINING


@dataclass(frozen=True)
class World:
    """This process's device and its rank among `size` processes, which may be one."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that reports and writes."""
        return self.rank == 0


Work = Callable[[World], None]


def add_up(tensors: Iterable[Tensor], world: World) -> None:
    """Replace every tensor by its sum over the processes."""
    if world.size == 1:
        return
    import torch.distributed as dist

    waiting = [dist.all_reduce(tensor, async_op=True) for tensor in tensors]
    for work in waiting:
        assert work is not None
        work.wait()


def gather(value: Any, world: World) -> list[Any]:
    """Every process's `value`, in the order of ranks."""
    if world.size == 1:
        return [value]
    import torch.distributed as dist

    values: list[Any] = [None] * world.size
    dist.all_gather_object(values, value)
    return values


def launch(work: Work, gpus: int) -> None:
    """Do the work on the CPU (`gpus` 0) or on that many GPUs, each with a process of its own.

    Under torchrun this process is one of those that torchrun has started.
    """
    if gpus > torch.cuda.device_count():
        raise UserError(
            f"sft.gpus is {gpus}, but torch sees {torch.cuda.device_count()};"
            " gpus 0 trains on the CPU"
        )
    device = "cuda" if gpus else "cpu"
    if "TORCHELASTIC_RUN_ID" in os.environ:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        _join(work, device, rank, size, "env://")
    elif gpus > 1:
        spawn(work, device, gpus)
    else:
        work(World(torch.device(device)))


def way_to_start() -> str:
    """`fork` in a warm job (ei/warm.py), whose forks have imported what they need, else `spawn`.

    Once polars is imported a fork would wait for ever for the threads that it did not copy.
    """
    warm = sys.modules.keys() >= set(TRAINING.modules) and "polars" not in sys.modules
    return "fork" if warm else "spawn"


def spawn(work: Work, device: str, processes: int) -> None:
    """Do the work in `processes` new processes; a UserError in one of them is raised here.

    A full disk is one too, whatever that has led to.
    """
    import torch.multiprocessing as mp
    from torch.multiprocessing.spawn import ProcessExitedException

    way = way_to_start()
    errors = mp.get_context(way).SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder).resolve()}/rendezvous"
        try:
            arguments = (work, device, processes, meeting, errors)
            mp.start_processes(_spawned, arguments, nprocs=processes, start_method=way)
        except ProcessExitedException:
            if errors.empty():
                raise
            raise UserError(errors.get()) from None


def _spawned(rank: int, work: Work, device: str, processes: int, meeting: str, errors: Any) -> None:
    try:
        _join(work, device, rank, processes, meeting)
    except Exception as error:
        sentence = str(error) if isinstance(error, UserError) else full_disk(error)
        if sentence is None:
            raise
        errors.put(sentence)
        raise SystemExit(1) from None


def _join(work: Work, device: str, rank: int, size: int, meeting: str) -> None:
    """Do the work as one of `size` processes that meet at a URL of torch.distributed."""
    import torch.distributed as dist

    own = torch.device(device)
    if device == "cuda":
        torch.cuda.set_device(rank)
        own = torch.device(device, rank)
    backend = "nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=size)
    try:
        work(World(own, rank, size))
    finally:
        dist.destroy_process_group()
