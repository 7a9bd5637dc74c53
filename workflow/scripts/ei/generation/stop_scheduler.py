"""vLLM's scheduler for one job: draw many responses, and hand over each when it is whole.

vLLM's own scheduler can do much more (speculation, adapters, streams to many clients) and asks for each of these in
every step, for every sequence, in Python; with a thousand sequences of a small model the GPU waits for it. These
things are cheaper here, and nothing that is sampled changes by them:

- A response ends by a look at its newest token (`ei.generation.draw.stop_test`), not by decoding all of it.
- A step's "one more token" for every sequence that has its prompt behind it is put together from a few counters.
- New sequences are let in by the dozen: a step with a prompt in it cannot run as one CUDA graph.
- The KV cache of responses is not kept for reuse, that of prompts is: the samples of a question share it.
"""

from collections.abc import Callable
from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.core.sched.utils import check_stop
from vllm.v1.request import Request, RequestStatus

ADMIT = 16  # new sequences are let in when so great a part of all places, one in 16, is free


class StopScheduler(AsyncScheduler):
    """Ends requests where `end_at` says; the finished ones lie in `finished` for its user to take."""

    running: list[Request]
    max_num_running_reqs: int
    max_num_scheduled_tokens: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._one_group = len(self.kv_cache_config.kv_cache_groups) == 1
        self._batch = max(1, self.max_num_running_reqs // ADMIT)
        self._ended: Callable[[list[int]], bool] = lambda ids: False
        self._watched: frozenset[int] = frozenset()
        self.finished: list[Request] = []

    def end_at(self, ended: Callable[[list[int]], bool], watched: frozenset[int]) -> None:
        """End responses where `ended` says so; only at one of the tokens `watched` can it, or an end id."""
        self._ended, self._watched = ended, watched

    def schedule(self, throttle_prefills: bool = False) -> SchedulerOutput:
        """The next step; vLLM's own way where memory is short or a prompt is spread over steps."""
        blocks = len(self.running) + self.max_num_scheduled_tokens // self.block_size + self._batch
        short = self.kv_cache_manager.block_pool.get_num_free_blocks() < blocks
        if short or self._inflight_prefills or not self._one_group:
            for request in self.running:
                request.update_block_hashes()  # it keeps full blocks by their hashes
            return super().schedule(throttle_prefills)
        held, self.running = self.running, []
        output = self._prompts(len(held))
        self.running = held + self.running
        self._one_more(held, output)
        return output

    def _prompts(self, held: int) -> SchedulerOutput:
        """A step with the prompts of those who are let in now, if any, while `held` sequences stay where they are."""
        free = self.max_num_running_reqs - held
        wanted = min(self._batch, len(self.waiting) + len(self.skipped_waiting))
        places, tokens = self.max_num_running_reqs, self.max_num_scheduled_tokens
        self.max_num_running_reqs = free if free >= wanted else 0
        self.max_num_scheduled_tokens = max(tokens - held, 1)
        try:
            return super().schedule()
        finally:
            self.max_num_running_reqs, self.max_num_scheduled_tokens = places, tokens

    def _one_more(self, held: list[Request], output: SchedulerOutput) -> None:
        """Put one more token of each held sequence into the step; there are free blocks for all of them."""
        cached, scheduled = output.scheduled_cached_reqs, output.num_scheduled_tokens
        before = len(scheduled)
        for request in held:
            done, ahead = request.num_computed_tokens, request.num_output_placeholders
            if ahead > 0 and done + 2 - ahead >= request.num_prompt_tokens + request.max_tokens:
                continue  # its last token is on its way
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

    def update_from_output(
        self, scheduler_output: SchedulerOutput, model_runner_output: Any
    ) -> dict[int, Any]:
        """Take in the tokens of a step; nothing is sent on before a response is whole."""
        rows, sampled = model_runner_output.req_id_to_index, model_runner_output.sampled_token_ids
        done = []
        for name, count in scheduler_output.num_scheduled_tokens.items():
            request = self.requests.get(name)
            if request is None:
                continue  # it ended a step ago, when this step was under way already
            request.num_in_flight_tokens -= count
            tokens = sampled[rows[name]]
            if tokens and self._append(request, tokens[0]):
                done.append(request)
        if done:
            self._finish(done)
        return {}

    def _append(self, request: Request, token: int) -> bool:
        """Add a token to its response; whether that ends it."""
        ids, everything = request._output_token_ids, request._all_token_ids
        ids.append(token)
        everything.append(token)
        request.num_output_placeholders -= 1
        if request.status is RequestStatus.PREEMPTED:
            request.update_block_hashes()  # what it has so far will be scheduled again, as a prompt is
        full = len(ids) >= request.max_tokens or len(everything) >= self.max_model_len
        if not full and token not in self._watched:
            return False
        stopped = check_stop(request, self.max_model_len)
        # A response whose last allowed token completes the text has stopped; it was not cut off.
        if (not stopped or request.status == RequestStatus.FINISHED_LENGTH_CAPPED) and self._ended(
            ids
        ):
            request.status = RequestStatus.FINISHED_STOPPED
            return True
        return stopped

    def _finish(self, done: list[Request]) -> None:
        names = {request.request_id for request in done}
        running = len(self.running)
        self.running = [request for request in self.running if request.request_id not in names]
        if running - len(self.running) < len(done):  # some had been put back for want of memory
            self.waiting.remove_requests(
                [request for request in self.waiting if request.request_id in names]
            )
        for request in done:
            self._free_request(request)
        self.finished += done
