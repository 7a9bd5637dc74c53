"""Every name of vLLM that is not part of its interface, in one place, as read in version 0.26.0.

Importing this module imports vLLM, after a check that it is that version: under another one these
names may be gone, or worse, mean something else.
"""

import copy
from typing import Any

from ei.sampling.vllm_version import check_version

check_version()

from vllm import EngineArgs, LLMEngine  # noqa: E402
from vllm.model_executor.warmup import kernel_warmup  # noqa: E402
from vllm.v1.core.sched.async_scheduler import AsyncScheduler  # noqa: E402
from vllm.v1.core.sched.output import SchedulerOutput  # noqa: E402
from vllm.v1.core.sched.utils import check_stop  # noqa: E402
from vllm.v1.request import Request, RequestStatus  # noqa: E402
from vllm.v1.worker import startup_plan  # noqa: E402


def start(arguments: dict[str, Any]) -> Any:
    """A running LLMEngine, started without a warm-up of kernels that no model here has.

    That one compiles 64 kernels for the experts of four other models, on every Hopper GPU.
    """
    kernel_warmup._warmup_ll_bf16_router_gemm = lambda: None
    keep_plans(round(100 * arguments["gpu_memory_utilization"]))
    return LLMEngine.from_engine_args(EngineArgs(**arguments))


def keep_plans(percent: int) -> None:
    """Keep vLLM's plan for the next start, how much KV cache fits, for each share of the memory.

    vLLM forgets the share: after a start with 90 % one with 50 % took as much.
    """
    of_engine = startup_plan.compute_plan_fingerprint
    startup_plan.compute_plan_fingerprint = lambda *of: f"{of_engine(*of)}-{percent}"


class Core:
    """The engine's inner loop, step by step: LLMEngine's own does more for every token."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._core = engine.engine_core.engine_core
        self.scheduler = self._core.scheduler

    def request(self, name: str, prompt_ids: list[int], params: Any) -> Any:
        """A request as LLM.generate would make it."""
        prompt = {"type": "token", "prompt_token_ids": prompt_ids}
        tasks = self._engine.get_supported_tasks()
        return self._engine.input_processor.process_inputs(name, prompt, params, tasks)

    @staticmethod
    def with_seed(request: Any, name: str, seed: int) -> Any:
        """A copy of a request under another name and with a seed of its own."""
        each = copy.copy(request)
        each.request_id = name
        each.sampling_params = copy.copy(request.sampling_params)
        each.sampling_params.seed = seed
        return each

    def add(self, request: Any) -> None:
        """Put a request into the queue."""
        self._core.add_request(*self._core.preprocess_add_request(request))

    def step(self) -> None:
        """Schedule a step, launch it, and take in the tokens of an earlier one."""
        self._core.step_fn()


class OpenScheduler(AsyncScheduler):
    """vLLM's scheduler, with the pieces of a step as methods; `StopScheduler` decides with them."""

    running: list[Request]
    max_num_running_reqs: int
    max_num_scheduled_tokens: int

    def queued(self) -> int:
        """Requests that are not running, those that were put back among them."""
        return len(self.waiting) + len(self.skipped_waiting)

    def only_decodes(self, admitted: int) -> bool:
        """Whether every running sequence has its prompt behind it, and memory is not short.

        There must be a free block of KV cache for each of them, for the largest step of prompts,
        and for `admitted` new sequences.
        """
        prompt_blocks = self.max_num_scheduled_tokens // self.block_size
        blocks = len(self.running) + prompt_blocks + admitted
        short = self.kv_cache_manager.block_pool.get_num_free_blocks() < blocks
        one_group = len(self.kv_cache_config.kv_cache_groups) == 1
        return one_group and not short and not self._inflight_prefills

    def full_step(self, throttle_prefills: bool) -> SchedulerOutput:
        """The next step as vLLM makes it, which keeps full blocks of KV cache by their hashes."""
        for request in self.running:
            request.update_block_hashes()
        return super().schedule(throttle_prefills)

    def prompt_step(self, sequences: int, tokens: int) -> SchedulerOutput:
        """A step as vLLM makes it, under smaller limits for this once."""
        limits = self.max_num_running_reqs, self.max_num_scheduled_tokens
        self.max_num_running_reqs, self.max_num_scheduled_tokens = sequences, tokens
        try:
            return super().schedule()
        finally:
            self.max_num_running_reqs, self.max_num_scheduled_tokens = limits

    def add_decodes(self, held: list[Request], output: SchedulerOutput) -> None:
        """Put one more token of each held sequence into the step; all of them must find a block.

        This runs for every token that is drawn, so it does no more than vLLM's workers need.
        """
        cached, scheduled = output.scheduled_cached_reqs, output.num_scheduled_tokens
        before = len(scheduled)
        for request in held:
            done, ahead = request.num_computed_tokens, request.num_output_placeholders
            if ahead > 0 and done + 2 - ahead >= request.num_prompt_tokens + request.max_tokens:
                continue  # its last token is under way
            blocks = None
            if done % self.block_size == 0:
                new = self.kv_cache_manager.allocate_slots(request, 1, delay_cache_blocks=True)
                blocks = new.get_block_ids(allow_none=True)
            scheduled[request.request_id] = 1
            cached.req_ids.append(request.request_id)
            cached.new_block_ids.append(blocks)
            cached.num_computed_tokens.append(done)
            cached.num_output_tokens.append(len(request._output_token_ids) + ahead)
            request.num_computed_tokens = done + 1
            request.num_in_flight_tokens += 1
            request.num_output_placeholders = ahead + 1
        output.total_num_scheduled_tokens += len(scheduled) - before
        zero = self._get_new_block_ids_to_zero()
        if zero:
            output.new_block_ids_to_zero = (output.new_block_ids_to_zero or []) + zero

    def append(self, request: Request, token: int) -> bool:
        """Add a token to its response; whether the response is then as long as it may be."""
        ids, everything = request._output_token_ids, request._all_token_ids
        ids.append(token)
        everything.append(token)
        request.num_output_placeholders -= 1
        if request.status is RequestStatus.PREEMPTED:
            request.update_block_hashes()  # it will be scheduled again in full, as a prompt is
        return len(ids) >= request.max_tokens or len(everything) >= self.max_model_len

    @staticmethod
    def response_ids(request: Request) -> list[int]:
        """The ids of the response so far; vLLM's list itself, which is not to be changed."""
        ids: list[int] = request._output_token_ids
        return ids

    def ended_by_vllm(self, request: Request) -> bool:
        """Whether vLLM's rule ends the response: an end-of-text id, or its greatest length."""
        return bool(check_stop(request, self.max_model_len))

    @staticmethod
    def cut_off(request: Request) -> bool:
        """Whether the response ended at its greatest length."""
        return bool(request.status == RequestStatus.FINISHED_LENGTH_CAPPED)

    @staticmethod
    def mark_stopped(request: Request) -> None:
        """Let the response have ended by itself."""
        request.status = RequestStatus.FINISHED_STOPPED

    def release(self, done: list[Request]) -> None:
        """Take finished requests out of the queues and free their KV cache."""
        names = {request.request_id for request in done}
        running = len(self.running)
        self.running = [request for request in self.running if request.request_id not in names]
        if running - len(self.running) < len(done):  # some had been put back for want of memory
            back = [request for request in self.waiting if request.request_id in names]
            self.waiting.remove_requests(back)
        for request in done:
            self._free_request(request)


def sampler_names() -> tuple[Any, Any, Any]:
    """Triton's language, its device library, and the random numbers of vLLM's sampler on a GPU."""
    from vllm.triton_utils import tl, tldevice
    from vllm.v1.worker.gpu.sample.gumbel import tl_rand32

    return tl, tldevice, tl_rand32


def response(request: Request) -> tuple[list[int], str]:
    """The ids of a finished request's response, and why it ended: "stop" or "length"."""
    reason = "stop" if str(request.get_finished_reason()) == "stop" else "length"
    return list(request.output_token_ids), reason
