"""How much memory there is, and running out of it, said with the setting that helps."""

import contextlib
from collections.abc import Callable, Iterator

import torch

from ei.stage import UserError


def reachable(device: torch.device) -> int:
    """The GPU memory, in bytes, that this process has or can get, under a cap if there is one."""
    index = torch.cuda.current_device() if device.index is None else device.index
    free, total = torch.cuda.mem_get_info(index)
    cap = int(total * torch.cuda.get_per_process_memory_fraction(index))
    return min(free + torch.cuda.memory_reserved(index), cap)


def available(device: torch.device) -> int:
    """The GPU memory, in bytes, that no tensor of this process takes and that it can get."""
    return reachable(device) - torch.cuda.memory_allocated(device)


@contextlib.contextmanager
def enough_or(advice: Callable[[], str]) -> Iterator[None]:
    """Turn running out of memory into a UserError that ends with `advice`: what to set to what."""
    try:
        yield
    except RuntimeError as error:  # on a CPU the allocator has no exception of its own
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        reason = (str(error).splitlines() or [""])[0][:200]
        raise UserError(f"out of memory: {advice()}. {reason}") from None


def weights_alone() -> str:
    """The advice where nothing but the weights is there yet."""
    return "the weights alone are too large for this device, so a larger one is needed"


def lowered(name: str, value: int, least: int = 1) -> str:
    """The advice to halve a setting, down to the `least` that it can be."""
    if value <= least:
        return f"{name} is {value} already, as low as it can be; this needs more memory"
    return f"lower {name} from {value} to {max(least, value // 2)}"
