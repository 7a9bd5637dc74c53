"""vLLM's scheduler with a stop text that costs a look-up per token.

vLLM finds stop strings by decoding every token of every response as it comes, in the process that also feeds
the engine; that is most of its time. Here the scheduler, which sees every token anyway, asks
`ei.generation.draw.stop_test`, and nothing is decoded before the response is whole.
"""

from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.request import Request, RequestStatus

from ei.generation.draw import stop_test
from ei.policy import load_tokenizer
from ei.stage import die_with_parent


class StopScheduler(AsyncScheduler):
    """Ends a request at the stop text named in `additional_config["stop"]`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        die_with_parent()  # this is the process that holds the GPU
        wanted = self.vllm_config.additional_config["stop"]
        self._stop = wanted["text"]
        self._ended = stop_test(load_tokenizer(wanted["policy"]), self._stop, wanted["min_tokens"])

    def _update_request_with_output(self, request: Request, new_token_ids: list[int]) -> tuple[list[int], bool]:
        new_token_ids, stopped = super()._update_request_with_output(request, new_token_ids)
        # A response whose last allowed token completes the text has stopped; it was not cut off.
        undecided = not stopped or request.status == RequestStatus.FINISHED_LENGTH_CAPPED
        if new_token_ids and undecided and self._ended(request.output_token_ids):
            request.status = RequestStatus.FINISHED_STOPPED
            request.stop_reason = self._stop
            stopped = True
        return new_token_ids, stopped
