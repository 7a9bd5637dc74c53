"""vLLM's scheduler for one purpose: draw many responses, and hand over each when it is complete.

vLLM's own scheduler can do much more (speculation, adapters, streams to many clients) and checks
for each of these in every step, for every sequence, in Python; with a thousand sequences of a small
model the GPU waits for it. The following is cheaper here, and changes nothing about what is
sampled:

- A response ends by a look at its newest token (`ei.sampling.stop`), without decoding all of it.
- "One more token" for every sequence whose prompt is computed is put together from a few counters.
- New sequences are admitted in batches: a step with a prompt in it cannot run as one CUDA graph.
- The KV cache of responses is not kept for reuse. Samples of a question share that of its prompt.
"""

from collections.abc import Callable
from typing import Any

from ei.sampling.vllm_private import OpenScheduler, Request, SchedulerOutput

ADMIT = 16  # new sequences are admitted when one in 16 of all slots is free


class StopScheduler(OpenScheduler):
    """Ends requests where `end_at` says so; `finished` collects them for its user to take."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batch = max(1, self.max_num_running_reqs // ADMIT)
        self._ended: Callable[[list[int]], bool] = lambda ids: False
        self._watched: frozenset[int] = frozenset()
        self.finished: list[Request] = []

    def end_at(self, ended: Callable[[list[int]], bool], watched: frozenset[int]) -> None:
        """End responses where `ended` says so, which it can only at one of the tokens `watched`.

        The ids that end a text must be among them; vLLM's own rule decides about those.
        """
        self._ended, self._watched = ended, watched

    def wants_more(self) -> bool:
        """Whether the queue is shorter than what could run at the same time."""
        return len(self.waiting) < self.max_num_running_reqs

    def take_finished(self) -> list[Request]:
        """The requests that have finished since the last call."""
        done, self.finished = self.finished, []
        return done

    def schedule(self, throttle_prefills: bool = False) -> SchedulerOutput:
        """The next step; vLLM's own where memory is short or a prompt is spread over steps."""
        if not self.only_decodes(self._batch):
            return self.full_step(throttle_prefills)
        held, self.running = self.running, []
        free = self.max_num_running_reqs - len(held)
        admits = free >= min(self._batch, self.queued())
        tokens = max(self.max_num_scheduled_tokens - len(held), 1)
        output = self.prompt_step(free if admits else 0, tokens)
        self.running = held + self.running
        self.add_decodes(held, output)
        return output

    def update_from_output(
        self, scheduler_output: SchedulerOutput, model_runner_output: Any
    ) -> dict[int, Any]:
        """Take in the tokens of a step; nothing is handed over before a response is complete."""
        index, sampled = model_runner_output.req_id_to_index, model_runner_output.sampled_token_ids
        done = []
        for name, count in scheduler_output.num_scheduled_tokens.items():
            request = self.requests.get(name)
            if request is None:
                continue  # it ended a step ago, when this step was under way already
            request.num_in_flight_tokens -= count
            tokens = sampled[index[name]]
            if tokens:  # none while its prompt is being computed
                full = self.append(request, tokens[0])
                if (full or tokens[0] in self._watched) and self._ends(request):
                    done.append(request)
        if done:
            self.release(done)
            self.finished += done
        return {}

    def _ends(self, request: Request) -> bool:
        """Whether the newest token ends the response, which the request's status then says."""
        ended = self.ended_by_vllm(request)
        if ended and not self.cut_off(request):
            return True
        # One whose last allowed token completes the stop text has stopped; it was not cut off.
        if self._ended(self.response_ids(request)):
            self.mark_stopped(request)
            return True
        return ended
