"""AdamW whose moments are kept in the host's memory and pass through the GPU at every update."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

# Weights that are updated together. Their moments take 2 x 128 MiB on the GPU, for every stream.
BATCH = 2**25
# Batches under way at a time: one comes from the host, one is computed, one goes back.
STREAMS = 3


@dataclass
class Batch:
    """Weights, or parts of large ones, as flat views, with the gradients of the same places.

    `start` is their place, and `size` their number, among all weights laid end to end.
    """

    start: int
    size: int = 0
    weights: list[Tensor] = field(default_factory=list)
    grads: list[Tensor] = field(default_factory=list)

    def lengths(self) -> list[int]:
        return [weight.numel() for weight in self.weights]


class HostAdamW(torch.optim.AdamW):
    """torch's fused AdamW, weight for weight, with 8 bytes a parameter less on the GPU.

    An update moves 16 bytes a parameter over the bus, 25 GB for 1.5 billion. The state has the form
    of AdamW's, so that either can resume from a checkpoint of the other. Weights must have their
    gradients when `step` is called.
    """

    def __init__(self, weights: Iterable[nn.Parameter], **settings: Any) -> None:
        super().__init__(weights, fused=True, **settings)
        self.weights: list[nn.Parameter] = self.param_groups[0]["params"]
        self.device = self.weights[0].device
        self.moments = host_zeros(sum(weight.numel() for weight in self.weights), self.device)
        self.streams = Streams(self.device)
        start = 0
        for weight in self.weights:
            first, second = (
                moment[start : start + weight.numel()].view(weight.shape) for moment in self.moments
            )
            step = torch.zeros((), device=self.device)
            self.state[weight] = {"step": step, "exp_avg": first, "exp_avg_sq": second}
            start += weight.numel()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every weight by its gradient."""
        made = self.state[self.weights[0]]["step"]
        for number, batch in enumerate(batches(self.weights)):
            with self.streams.moments_of(batch, self.moments, number) as (first, second):
                self._update(batch, first, second, made)
        self.streams.wait()
        for weight in self.weights:
            self.state[weight]["step"] += 1

    def _update(self, batch: Batch, first: Tensor, second: Tensor, made: Tensor) -> None:
        """AdamW's own arithmetic for a batch; `made` is the number of updates before."""
        group = self.param_groups[0]
        beta1, beta2 = group["betas"]
        adamw(
            batch.weights,
            batch.grads,
            list(first.split(batch.lengths())),
            list(second.split(batch.lengths())),
            [],
            [made.clone() for _ in batch.weights],  # adamw adds 1 to each
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put a state in place. AdamW's own method would bring all moments to the GPU."""
        for number, weight in enumerate(self.weights):
            for name, value in state_dict["state"][number].items():
                self.state[weight][name].copy_(value)


def batches(weights: list[nn.Parameter]) -> Iterator[Batch]:
    """All weights and gradients in order, in batches of `BATCH`; a large weight is in several."""
    batch = Batch(0)
    for weight in weights:
        assert weight.grad is not None
        flat, grad = weight.detach().view(-1), weight.grad.view(-1)
        done = 0
        while done < flat.numel():
            stop = min(flat.numel(), done + BATCH - batch.size)
            batch.weights.append(flat[done:stop])
            batch.grads.append(grad[done:stop])
            batch.size += stop - done
            done = stop
            if batch.size == BATCH:
                yield batch
                batch = Batch(batch.start + BATCH)
    if batch.size:
        yield batch


def host_zeros(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Both moments of all weights, fp32, in memory that the GPU can reach by itself.

    torch's pinned memory comes in powers of two, so the memory is registered instead.
    """
    moments = torch.zeros(size), torch.zeros(size)
    if device.type == "cuda":
        for moment in moments:
            error = torch.cuda.cudart().cudaHostRegister(moment.data_ptr(), moment.nbytes, 0)
            torch.cuda.check_error(error)
    return moments


class Streams:
    """Moments on their way: each batch's copies and its update are in order, batches overlap.

    On a CPU the moments are where the weights are, and nothing is copied.
    """

    def __init__(self, device: torch.device) -> None:
        on_gpu = device.type == "cuda"
        self.streams = [torch.cuda.Stream(device) for _ in range(STREAMS if on_gpu else 0)]
        self.buffers = [torch.empty(2, BATCH, device=device) for _ in self.streams]

    @contextlib.contextmanager
    def moments_of(
        self, batch: Batch, moments: tuple[Tensor, Tensor], number: int
    ) -> Iterator[list[Tensor]]:
        """Both moments of a batch, to be changed in place; they are back in the host after."""
        hosted = [moment[batch.start : batch.start + batch.size] for moment in moments]
        if not self.streams:
            yield hosted
            return
        stream = self.streams[number % STREAMS]
        if number < STREAMS:  # the gradients must be there
            stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            buffers = [row[: batch.size] for row in self.buffers[number % STREAMS]]
            for buffer, host in zip(buffers, hosted, strict=True):
                buffer.copy_(host, non_blocking=True)
            yield buffers
            for buffer, host in zip(buffers, hosted, strict=True):
                host.copy_(buffer, non_blocking=True)

    def wait(self) -> None:
        """Return when everything is back in the host's memory."""
        for stream in self.streams:
            stream.synchronize()
