"""The processes that train together, one to a device."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class World:
    """This process among `size`; alone, no communication takes place."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0


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


def join(device: str, rank: int, size: int, meeting: str) -> World:
    """The world of `size` processes that meet at `meeting` (a URL of torch.distributed); `device` is cpu or cuda."""
    import torch.distributed as dist

    if device == "cuda":
        torch.cuda.set_device(rank)
    place = torch.device(device, rank) if device == "cuda" else torch.device(device)
    dist.init_process_group(
        "nccl" if device == "cuda" else "gloo", init_method=meeting, rank=rank, world_size=size
    )
    return World(place, rank, size)


def from_torchrun(device: str) -> World | None:
    """The world that torchrun describes in the environment, or None without torchrun."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    return join(device, int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), "env://")
