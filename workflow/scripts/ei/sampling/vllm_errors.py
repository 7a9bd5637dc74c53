"""What ends a vLLM engine, in one sentence with the setting that helps and its next value."""

import re

from ei.disk import chain, full_disk
from ei.sampling.settings import Machine

MOST_PERCENT = 95  # of a GPU's memory: the rest is for CUDA itself
FEW = 64  # sequences below which fewer would save next to nothing
# vLLM's own messages, as read in version 0.26.0.
TAKEN = re.compile(
    r"Free memory on device.*?\(([\d.]+)/([\d.]+) GiB\) on startup is less", re.DOTALL
)
CHANGED = "Error in memory profiling"
NO_CACHE = "No available memory for the cache blocks"
SHORT_CACHE = re.compile(r"larger than the available KV cache memory.*?\(([\d.]+) GiB\)", re.DOTALL)
LONGEST = re.compile(r"estimated maximum model length is (\d+)")
NO_MEMORY = ("out of memory", "OutOfMemoryError")


def in_words(error: BaseException, machine: Machine) -> str:
    """The sentence for whatever an engine has raised."""
    if sentence := full_disk(error):
        return f"vLLM: {sentence}"
    errors = list(chain(error))
    found = (memory_advice(f"{type(one).__name__}: {one}", machine) for one in errors)
    if advice := next(filter(None, found), None):
        return f"vLLM: {advice}"
    last = (str(error).strip().splitlines() or [""])[-1]
    return f"vLLM: {type(error).__name__}: {last}"


def memory_advice(message: str, machine: Machine) -> str | None:
    """What to set where vLLM says that memory is short; None where it says something else."""
    if taken := TAKEN.search(message):
        free, total = float(taken[1]), float(taken[2])
        return (
            f"{free} of the GPU's {total} GiB are free, since something else uses it: lower"
            f" vllm.memory_percent from {machine.memory_percent} to {int(95 * free / total)}"
        )
    if CHANGED in message:
        return "another process gave GPU memory back while vLLM measured it: start it again"
    if NO_CACHE in message:
        return f"the weights leave no room for the KV cache: {more_for_cache(machine)}"
    if short := SHORT_CACHE.search(message):
        longest = LONGEST.search(message)
        fits = (
            f" (max_position_embeddings in its config.json; {longest[1]} fits)" if longest else ""
        )
        return (
            f"the {short[1]} GiB for the KV cache do not hold one sequence of the model's longest"
            f" length{fits}: {more_for_cache(machine)}"
        )
    if any(sign in message for sign in NO_MEMORY):
        return f"out of GPU memory: {less_work(machine)}"
    return None


def more_for_cache(machine: Machine) -> str:
    """The next value of a setting that leaves more memory to the KV cache."""
    if machine.memory_percent < MOST_PERCENT:
        return f"raise vllm.memory_percent from {machine.memory_percent} to {MOST_PERCENT}"
    if machine.sequences > FEW:
        return f"lower vllm.sequences from {machine.sequences} to {machine.sequences // 2}"
    return "this model needs a GPU with more memory"


def less_work(machine: Machine) -> str:
    """The next value of a setting with which an engine takes less memory beside the KV cache."""
    if machine.sequences > FEW:
        return f"lower vllm.sequences from {machine.sequences} to {machine.sequences // 2}"
    if machine.memory_percent > 50:
        percent = machine.memory_percent
        return f"lower vllm.memory_percent from {percent} to {percent - 10}"
    return "this model needs a GPU with more memory"


def died(status: int, machine: Machine) -> str:
    """The sentence for an engine process that is gone without a word."""
    return (
        f"the vLLM engine ended with status {status}; its last messages are above. If memory ran"
        f" out, {less_work(machine)}"
    )
