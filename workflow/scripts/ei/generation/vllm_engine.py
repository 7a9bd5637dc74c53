"""The vLLM engine: one or several on a GPU, each in a process of its own that ends with the work.

An engine process loads one policy and serves no other, so neither its weights nor its KV cache can ever be
another policy's. The calling process stays free of CUDA and can use the GPU afterwards.
"""

import contextlib
import fcntl
import logging
import multiprocessing as mp
import os
import queue
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ei.generation.draw import Request, Rollout, Sampling
from ei.stage import UserError, die_with_parent

log = logging.getLogger("vllm_engine")
GIB = 1 << 30
READY = True  # an engine's first message
# What an engine takes beside weights and KV cache: activations of a prefill, CUDA graphs, the CUDA context.
# Sized for 1.5B parameters, 16 graphs and 8,192 prefill tokens.
WORKSPACE = 6 * GIB


@dataclass(frozen=True)
class Engines:
    """How vLLM uses a GPU: engines side by side, sequences of each in a step, share of the GPU's memory for all."""

    engines: int
    sequences: int
    memory: float
    cache: Path  # compiled code, kept from one job to the next


@dataclass(frozen=True)
class Work:
    """What an engine process is to do, beside its requests; `context` is the longest sequence in tokens."""

    policy: Path
    sampling: Sampling
    end_ids: list[int]
    context: int
    engines: Engines


def generate(
    work: Work,
    requests: list[Request],
    on_ready: Callable[[float], None] = lambda seconds: log.info("an engine was ready after %.1f s", seconds),
) -> Iterator[list[Rollout]]:
    """The rollouts of each question as soon as its group is finished, in no particular order.

    `on_ready` hears of each engine that is up, with the seconds since its process was started. Raises UserError
    where an engine does not start or dies, with the last line of what it said.
    """
    spawn = mp.get_context("spawn")
    results: Any = spawn.Queue()
    count = work.engines.engines
    shares = [requests[k::count] for k in range(count)]
    processes = [spawn.Process(target=_serve, args=(work, share, results)) for share in shares if share]
    for process in processes:
        process.start()
    try:
        yield from _collect(processes, results, on_ready)
        for process in processes:  # it gives the GPU's memory back before it ends
            process.join(timeout=60)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _collect(processes: list[Any], results: Any, on_ready: Callable[[float], None]) -> Iterator[list[Rollout]]:
    started, finished = time.monotonic(), 0
    while finished < len(processes):
        try:
            message = results.get(timeout=5)
        except queue.Empty:
            dead = [process.exitcode for process in processes if process.exitcode not in (None, 0)]
            if dead:
                raise UserError(
                    f"a vLLM engine ended with status {dead[0]}; its last words are above. If memory ran out, lower"
                    " vllm.memory_percent or vllm.sequences"
                ) from None
            continue
        if message is None:
            finished += 1
        elif message is READY:
            on_ready(time.monotonic() - started)
        elif isinstance(message, str):
            raise UserError(f"vLLM: {message}")
        else:
            yield message


def _serve(work: Work, requests: list[Request], results: Any) -> None:
    """The engine process: READY, everything it finishes, then None go into `results`; or its error as text."""
    die_with_parent()
    try:
        engine = _start(work)
        results.put(READY)
        for rollouts in _run(engine, requests, work.sampling, work.end_ids):
            results.put(rollouts)
        results.put(None)
        engine.engine_core.shutdown()
    except Exception as error:  # what ends an engine is told to the process that waits for it
        traceback.print_exc()
        results.put(f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}")


def _start(work: Work) -> Any:
    """A running LLMEngine.

    vLLM names its compiled code by the model's path and config. The engine therefore sees every policy under
    one relative path, and the first engine of a cache compiles while the others wait.
    """
    cache = work.engines.cache.resolve()
    os.environ.update(
        VLLM_CACHE_ROOT=str(cache / "vllm"),
        TORCHINDUCTOR_CACHE_DIR=str(cache / "inductor"),
        TRITON_CACHE_DIR=str(cache / "triton"),
        VLLM_ENABLE_STARTUP_PLAN="1",  # keeps the memory profile
        VLLM_USE_FLASHINFER_SAMPLER="0",  # it cannot draw with a seed for each request
        VLLM_NO_USAGE_STATS="1",
        TOKENIZERS_PARALLELISM="false",  # the engine forks after the tokenizer was used
    )
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    room = cache / "rooms" / str(os.getpid())
    room.mkdir(parents=True, exist_ok=True)
    link = room / "policy"
    link.symlink_to(work.policy.resolve(), target_is_directory=True)
    os.chdir(room)
    with _one_compiles(cache):
        from vllm import EngineArgs, LLMEngine

        engine = LLMEngine.from_engine_args(EngineArgs(**arguments(work)))
    link.unlink()
    return engine


def arguments(work: Work) -> dict[str, Any]:
    """vLLM's engine arguments: the same for sampling and evaluation, so that both use the same compiled code."""
    engines = work.engines
    shared: dict[str, Any] = {"gpu_memory_utilization": engines.memory}
    if engines.engines > 1:  # engines that start together would count each other's memory as their own
        weights = sum(path.stat().st_size for path in work.policy.glob("*.safetensors"))
        each = gpu_memory() * engines.memory / engines.engines - weights - WORKSPACE
        if each < GIB:
            raise UserError(f"{engines.engines} engines do not fit on this GPU; lower vllm.engines")
        shared = {"kv_cache_memory_bytes": int(each)}
    return {
        "model": "policy",
        "dtype": "bfloat16",
        "max_model_len": work.context,
        "max_num_seqs": engines.sequences,
        "compilation_config": {"cudagraph_capture_sizes": capture_sizes(engines.sequences)},
        "scheduler_cls": "ei.generation.stop_scheduler.StopScheduler",
        "additional_config": {
            "stop": {"text": work.sampling.stop, "policy": "policy", "min_tokens": work.sampling.min_tokens},
        },
        "disable_log_stats": True,
        **shared,
    }


def capture_sizes(sequences: int) -> list[int]:
    """The batch sizes to record as CUDA graphs: few, and the largest batch among them.

    Without a graph for its largest batches a step is bound by kernel launches.
    """
    small = [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512]
    return [size for size in [*small, *range(640, sequences, 128)] if size < sequences] + [sequences]


def gpu_memory() -> int:
    """Bytes of memory of the first visible GPU, asked of nvidia-smi so that CUDA stays untouched."""
    index = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", f"--id={index}"]
    return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0]) << 20


@contextlib.contextmanager
def _one_compiles(cache: Path) -> Iterator[None]:
    """Hold the cache's lock until something has been compiled into it; later engines pass."""
    marker = cache / "compiled"
    with (cache / "lock").open("w") as lock:
        if not marker.exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
        if marker.exists():
            fcntl.flock(lock, fcntl.LOCK_UN)
        yield
        marker.touch()


def _run(engine: Any, requests: list[Request], sampling: Sampling, end_ids: list[int]) -> Iterator[list[Rollout]]:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    by_number = dict(enumerate(requests))
    for number, request in by_number.items():
        params = SamplingParams(
            n=len(request.samples),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            min_tokens=sampling.min_tokens,
            seed=request.seed + request.samples.start,
            stop_token_ids=end_ids,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        engine.add_request(str(number), {"prompt_token_ids": request.prompt_ids}, params)
    while engine.has_unfinished_requests():
        for output in engine.step():
            if output.finished:
                request = by_number[int(output.request_id)]
                yield [
                    Rollout(
                        request.question_id,
                        request.samples[done.index],
                        list(done.token_ids),
                        "stop" if done.finish_reason == "stop" else "length",
                    )
                    for done in output.outputs
                ]
