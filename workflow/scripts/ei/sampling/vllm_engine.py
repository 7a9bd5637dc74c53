"""The vLLM engine, in a process of its own that ends with the work.

An engine process loads one policy and serves no other, so neither its weights nor its KV cache can
ever be another policy's. It starts before the caller has its prompts ready, and the caller stays
free of CUDA.
"""

import contextlib
import fcntl
import gc
import logging
import multiprocessing as mp
import os
import queue
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ei.model.folder import load_tokenizer, read_config_json
from ei.sampling import vllm_errors
from ei.sampling.requests import Rollout, Work
from ei.sampling.settings import Machine
from ei.sampling.stop import stop_test
from ei.stage import UserError, die_with_parent

log = logging.getLogger("vllm_engine")
PREFILL = 8192  # tokens of a step with prompts in it, at most
WINDOWS = ("sliding_window", "attention_chunk_size")  # in a config.json; null or 0: none
POLL = 5  # seconds after which a silent engine is looked at: it may have died
FAREWELL = 60  # seconds that an engine may take to give the GPU's memory back


Ready = Callable[[dict[str, float]], None]


def log_start(seconds: dict[str, float]) -> None:
    """Log how long the start took."""
    log.info("the engine was ready after %.1f s", seconds["all"])


@contextlib.contextmanager
def started(
    policy: Path, context: int, machine: Machine, on_ready: Ready = log_start
) -> Iterator[Callable[[Work], Iterator[list[Rollout]]]]:
    """Start an engine for the policy; `context` is its longest sequence in tokens.

    Yields the function that gives it its work, once. That returns the rollouts of each question as
    soon as all of them are there, in no particular order; it raises UserError if the engine does
    not start or dies. `on_ready` is called when the engine is up, with the seconds since the start
    (`all`), of which `imports`.
    """
    # A fork has what a warm job has imported (ei/warm.py). It is made before CUDA is used.
    way: Any = mp.get_context("fork" if "vllm" in sys.modules else "spawn")
    results: Any = way.Queue()
    inbox: Any = way.SimpleQueue()
    process = way.Process(target=_serve, args=(policy, context, machine, inbox, results))
    begun = time.monotonic()
    process.start()

    def work_on(work: Work) -> Iterator[list[Rollout]]:
        up = begun

        def ready(seconds: dict[str, float]) -> None:
            nonlocal up
            up = time.monotonic()
            on_ready({"all": up - begun, **seconds})

        inbox.put(work)
        yield from _collect(process, results, ready, machine)
        log.info("the engine drew for %.1f s", time.monotonic() - up)
        process.join(timeout=FAREWELL)

    try:
        yield work_on
    finally:
        process.kill()
        process.join()


def _collect(
    process: Any, results: Any, on_ready: Ready, machine: Machine
) -> Iterator[list[Rollout]]:
    """What `_serve` puts into `results`, until it says None or its process is gone."""
    while True:
        try:
            message = results.get(timeout=POLL)
        except queue.Empty:
            if process.exitcode not in (None, 0):
                raise UserError(vllm_errors.died(process.exitcode, machine)) from None
            continue
        match message:
            case None:
                return
            case dict():
                on_ready(message)
            case str():
                raise UserError(message)
            case _:
                yield message


def _serve(policy: Path, context: int, machine: Machine, inbox: Any, results: Any) -> None:
    """The engine process: it puts a dict into `results` when it is up, then rollouts, then None.

    An error ends it, and is put there as a text.
    """
    die_with_parent()
    try:
        with ThreadPoolExecutor(1) as side:
            tokenizer = side.submit(load_tokenizer, policy.resolve())
            engine, seconds = _start(policy, context, machine)
            results.put(seconds)
            for rollouts in _run(engine, inbox.get(), tokenizer.result()):
                results.put(rollouts)
        results.put(None)
    except UserError as error:
        results.put(str(error))
    except Exception as error:  # whatever ends an engine, the process that waits must hear of it
        traceback.print_exc()
        results.put(vllm_errors.in_words(error, machine))
    results.close()
    results.join_thread()
    os._exit(0)  # the driver frees the GPU faster than vLLM's own shutdown does


def _start(policy: Path, context: int, machine: Machine) -> tuple[Any, dict[str, float]]:
    """A running LLMEngine in this process, and the seconds that its imports took.

    vLLM names its compiled code by the model's path and config. The engine therefore sees every
    policy under one relative path, and the first engine of a cache compiles while the others wait.
    """
    cache = machine.cache.resolve()
    set_environment(cache)
    folder = cache / "engines" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "policy"
    link.unlink(missing_ok=True)  # a killed engine with the same number may have left one
    link.symlink_to(policy.resolve(), target_is_directory=True)
    os.chdir(folder)
    with _one_compiles(cache):
        begun = time.monotonic()
        gc.disable()
        from ei.sampling import vllm_private  # vLLM itself, after a check of its version

        gc.freeze()  # vLLM collects garbage a dozen times as it starts; nothing imported is garbage
        gc.enable()
        imports = time.monotonic() - begun
        engine = vllm_private.start(arguments(context, machine, has_windows(link)))
    link.unlink()
    return engine, {"imports": imports}


def set_environment(cache: Path) -> None:
    """Set the variables that vLLM, Inductor and Triton read when they are imported."""
    os.environ.update(
        VLLM_CACHE_ROOT=str(cache / "vllm"),
        TORCHINDUCTOR_CACHE_DIR=str(cache / "inductor"),
        TRITON_CACHE_DIR=str(cache / "triton"),
        VLLM_ENABLE_STARTUP_PLAN="1",  # keeps the memory profile for the next start
        VLLM_ENABLE_V1_MULTIPROCESSING="0",  # another process would only pass tokens on, and wait
        VLLM_USE_FLASHINFER_SAMPLER="0",  # it cannot draw with a seed for each request
        VLLM_NO_USAGE_STATS="1",
    )
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")


def arguments(context: int, machine: Machine, windows: bool = False) -> dict[str, Any]:
    """vLLM's engine arguments.

    They are the same for sampling and evaluation, so that both use the same compiled code. The KV
    cache of layers with `windows` is kept beyond them: all layers are then one group, as the fast
    scheduler needs (17,500 tokens/s without, 78,400 with it: Gemma 3 270M, one H100).
    """
    return {
        "model": "policy",
        "dtype": "bfloat16",
        "max_model_len": context,
        "max_num_seqs": machine.sequences,
        "max_num_batched_tokens": max(PREFILL, machine.sequences),
        "gpu_memory_utilization": machine.memory_percent / 100,
        "compilation_config": {
            # Steps with prompts in them are larger than any graph, and most steps have none.
            "cudagraph_mode": "FULL_DECODE_ONLY",
            "cudagraph_capture_sizes": capture_sizes(machine.sequences),
        },
        "scheduler_cls": "ei.sampling.vllm_scheduler.StopScheduler",
        "skip_tokenizer_init": True,  # ids go in and come out
        "enable_flashinfer_autotune": False,  # none of its kernels is used here
        "disable_log_stats": True,
        "disable_hybrid_kv_cache_manager": True if windows else None,
    }


def has_windows(policy: Path) -> bool:
    """Whether the model's config names a sliding window or chunks of attention."""
    config = read_config_json(policy)
    parts = (config, config.get("text_config") or {})
    used = [part for part in parts if part.get("use_sliding_window", True)]  # Qwen2's switch
    return any(part.get(key) for part in used for key in WINDOWS)


def capture_sizes(sequences: int) -> list[int]:
    """The batch sizes to record as CUDA graphs: few, including the largest batch.

    Without a graph for its largest batches a step is bound by kernel launches.
    """
    small = [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512]
    return [size for size in (*small, *range(640, sequences, 128)) if size < sequences] + [
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
    from ei.sampling.vllm_private import Core, response

    core, sampling = Core(engine), work.sampling
    ended = stop_test(tokenizer, sampling.stop, sampling.min_tokens, work.closers)
    core.scheduler.end_at(ended, work.closers | frozenset(work.end_ids))
    waiting = _vllm_requests(core, work)
    groups: dict[int, list[Rollout]] = {}
    left = sum(len(request.samples) for request in work.requests)
    while left:
        while core.scheduler.wants_more() and (request := next(waiting, None)):
            core.add(request)
        core.step()
        for drawn in core.scheduler.take_finished():
            left -= 1
            number, sample = map(int, drawn.request_id.split("/"))
            asked = work.requests[number]
            group = groups.setdefault(number, [])
            group.append(Rollout(asked.question_id, sample, *response(drawn)))
            if len(group) == len(asked.samples):
                yield sorted(groups.pop(number), key=lambda rollout: rollout.sample)


def _vllm_requests(core: Any, work: Work) -> Iterator[Any]:
    """A vLLM request for every rollout, named "question/rollout" by their numbers.

    They are those that LLM.generate would make with n = G and the question's seed.
    """
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
        one = core.request(str(number), request.prompt_ids, params)
        for k in request.samples:
            yield core.with_seed(one, f"{number}/{k}", request.seed + k)
