"""The vLLM engine, in a process of its own that ends with the work.

An engine process loads one policy and serves no other, so neither its weights nor its KV cache can ever be
another policy's. It starts before the caller has its prompts ready, and the caller stays free of CUDA.
"""

import contextlib
import copy
import fcntl
import gc
import logging
import multiprocessing as mp
import os
import queue
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ei.generation import draw
from ei.generation.draw import Request, Rollout, Sampling
from ei.policy import load_tokenizer
from ei.stage import UserError, die_with_parent

log = logging.getLogger("vllm_engine")
PREFILL = 8192  # tokens of a step with prompts in it


@dataclass(frozen=True)
class Machine:
    """How vLLM uses a GPU: sequences in a step, share of its memory, and a folder for compiled code that stays."""

    sequences: int
    memory: float
    cache: Path


@dataclass(frozen=True)
class Work:
    """What an engine is to draw, and the tokens that end it: end-of-text, and those that can complete the stop text."""

    sampling: Sampling
    end_ids: list[int]
    closers: frozenset[int]
    requests: list[Request]


Ready = Callable[[dict[str, float]], None]


def tell(seconds: dict[str, float]) -> None:
    """Log what a start took."""
    log.info("the engine was ready after %.1f s", seconds["all"])


@contextlib.contextmanager
def started(
    policy: Path, context: int, machine: Machine, on_ready: Ready = tell
) -> Iterator[Callable[[Work], Iterator[list[Rollout]]]]:
    """Start an engine for the policy; `context` is its longest sequence in tokens.

    Yields the function that gives it its work, once: it returns the rollouts of each question as soon as its
    group is finished, in no particular order, and raises UserError where the engine does not start or dies.
    `on_ready` hears of the engine when it is up: seconds since the start (`all`), of which `imports`.
    """
    spawn = mp.get_context("spawn")
    results: Any = spawn.Queue()
    inbox: Any = spawn.SimpleQueue()
    process = spawn.Process(target=_serve, args=(policy, context, machine, inbox, results))
    begun = time.monotonic()
    process.start()

    def work_on(work: Work) -> Iterator[list[Rollout]]:
        inbox.put(work)
        yield from _collect(
            process, results, lambda seconds: on_ready({"all": time.monotonic() - begun, **seconds})
        )
        process.join(timeout=60)  # it gives the GPU's memory back before it ends

    try:
        yield work_on
    finally:
        process.kill()
        process.join()


def _collect(process: Any, results: Any, on_ready: Ready) -> Iterator[list[Rollout]]:
    while True:
        try:
            message = results.get(timeout=5)
        except queue.Empty:
            if process.exitcode not in (None, 0):
                raise UserError(
                    f"the vLLM engine ended with status {process.exitcode}; its last words are above. If memory ran"
                    " out, lower vllm.memory_percent or vllm.sequences"
                ) from None
            continue
        match message:
            case None:
                return
            case dict():
                on_ready(message)
            case str():
                raise UserError(f"vLLM: {message}")
            case _:
                yield message


def _serve(policy: Path, context: int, machine: Machine, inbox: Any, results: Any) -> None:
    """The engine process: what its start took, everything it finishes, then None go into `results`; or an error."""
    die_with_parent()
    try:
        with ThreadPoolExecutor(1) as side:
            tokenizer = side.submit(load_tokenizer, policy.resolve())
            engine, seconds = _start(policy, context, machine)
            results.put(seconds)
            for rollouts in _run(engine, inbox.get(), tokenizer.result()):
                results.put(rollouts)
        results.put(None)
    except Exception as error:  # what ends an engine is told to the process that waits for it
        traceback.print_exc()
        results.put(
            f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else ''}"
        )
    results.close()
    results.join_thread()
    os._exit(0)  # the driver frees the GPU faster than vLLM's own farewell


def _start(policy: Path, context: int, machine: Machine) -> tuple[Any, dict[str, float]]:
    """A running LLMEngine in this process, and the seconds that its imports took.

    vLLM names its compiled code by the model's path and config. The engine therefore sees every policy under
    one relative path, and the first engine of a cache compiles while the others wait.
    """
    cache = machine.cache.resolve()
    os.environ.update(
        VLLM_CACHE_ROOT=str(cache / "vllm"),
        TORCHINDUCTOR_CACHE_DIR=str(cache / "inductor"),
        TRITON_CACHE_DIR=str(cache / "triton"),
        VLLM_ENABLE_STARTUP_PLAN="1",  # keeps the memory profile
        VLLM_ENABLE_V1_MULTIPROCESSING="0",  # a process between this one and the GPU would pass tokens on, and wait
        VLLM_USE_FLASHINFER_SAMPLER="0",  # it cannot draw with a seed for each request
        VLLM_NO_USAGE_STATS="1",
    )
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    room = cache / "rooms" / str(os.getpid())
    room.mkdir(parents=True, exist_ok=True)
    link = room / "policy"
    link.symlink_to(policy.resolve(), target_is_directory=True)
    os.chdir(room)
    with _one_compiles(cache):
        begun = time.monotonic()
        gc.disable()
        from vllm import EngineArgs, LLMEngine
        from vllm.model_executor.warmup import kernel_warmup

        gc.freeze()  # vLLM collects garbage a dozen times while it starts; what was imported is none
        gc.enable()
        imports = time.monotonic() - begun
        # It compiles 64 kernels for the experts of four other models, on every GPU of the Hopper kind.
        kernel_warmup._warmup_ll_bf16_router_gemm = lambda: None
        engine = LLMEngine.from_engine_args(EngineArgs(**arguments(context, machine)))
    link.unlink()
    return engine, {"imports": imports}


def arguments(context: int, machine: Machine) -> dict[str, Any]:
    """vLLM's engine arguments: the same for sampling and evaluation, so that both use the same compiled code."""
    return {
        "model": "policy",
        "dtype": "bfloat16",
        "max_model_len": context,
        "max_num_seqs": machine.sequences,
        "max_num_batched_tokens": max(PREFILL, machine.sequences),
        "gpu_memory_utilization": machine.memory,
        "compilation_config": {
            # Steps with prompts in them are larger than any graph; the others are what takes the time.
            "cudagraph_mode": "FULL_DECODE_ONLY",
            "cudagraph_capture_sizes": capture_sizes(machine.sequences),
        },
        "scheduler_cls": "ei.generation.stop_scheduler.StopScheduler",
        "skip_tokenizer_init": True,  # ids go in and come out
        "enable_flashinfer_autotune": False,  # no kernel of it is used here
        "disable_log_stats": True,
    }


def capture_sizes(sequences: int) -> list[int]:
    """The batch sizes to record as CUDA graphs: few, and the largest batch among them.

    Without a graph for its largest batches a step is bound by kernel launches.
    """
    small = [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512]
    return [size for size in [*small, *range(640, sequences, 128)] if size < sequences] + [
        sequences
    ]


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


def _run(engine: Any, work: Work, tokenizer: Any) -> Iterator[list[Rollout]]:
    """The rollouts of each question when all of them are there."""
    core = engine.engine_core.engine_core
    sampling = work.sampling
    ended = draw.stop_test(tokenizer, sampling.stop, sampling.min_tokens, work.closers)
    core.scheduler.end_at(ended, work.closers | frozenset(work.end_ids))
    made = _core_requests(engine, work)
    groups: dict[str, list[Rollout]] = {}
    left = sum(len(request.samples) for request in work.requests)
    by_number = {str(number): request for number, request in enumerate(work.requests)}
    while left:
        while len(core.scheduler.waiting) < core.scheduler.max_num_running_reqs and (
            request := next(made, None)
        ):
            core.add_request(*core.preprocess_add_request(request))
        core.step_fn()
        done, core.scheduler.finished = core.scheduler.finished, []
        left -= len(done)
        for drawn in done:
            number, sample = drawn.request_id.split("/")
            asked = by_number[number]
            reason = "stop" if str(drawn.get_finished_reason()) == "stop" else "length"
            group = groups.setdefault(number, [])
            group.append(
                Rollout(asked.question_id, int(sample), list(drawn.output_token_ids), reason)
            )
            if len(group) == len(asked.samples):
                yield sorted(groups.pop(number), key=lambda rollout: rollout.sample)


def _core_requests(engine: Any, work: Work) -> Iterator[Any]:
    """A vLLM request for every rollout, as LLM.generate with n = G and the question's seed would make them."""
    from vllm import SamplingParams

    sampling = work.sampling
    for number, request in enumerate(work.requests):
        params = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=request.limit or sampling.max_tokens,
            min_tokens=sampling.min_tokens,
            stop_token_ids=work.end_ids,
            detokenize=False,
        )
        prompt = {"type": "token", "prompt_token_ids": request.prompt_ids}
        one = engine.input_processor.process_inputs(
            str(number), prompt, params, engine.get_supported_tasks()
        )
        for k in request.samples:
            each = copy.copy(one)
            each.request_id = f"{number}/{k}"
            each.sampling_params = copy.copy(one.sampling_params)
            each.sampling_params.seed = request.seed + k
            yield each
