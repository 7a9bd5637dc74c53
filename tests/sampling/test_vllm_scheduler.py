"""The sampling stage's scheduler ends every response where vLLM's own does, without a GPU.

A mock GPU answers each step with a token that depends only on the response and the position.
"""

import random
from collections import deque

import pytest

from ei.sampling.stop import stop_test
from helpers import DEMO

pytest.importorskip("vllm", reason="vLLM is installed where there is a GPU")

BLOCK, SEQUENCES, END = 16, 64, 7


def scheduler(kind, blocks, monkeypatch):
    """A scheduler of the kind for the demo policy, with so many blocks of KV cache."""
    monkeypatch.setenv(
        "VLLM_USE_V2_MODEL_RUNNER", "0"
    )  # the other asks for Triton, which asks for a GPU
    import torch
    from vllm.config import CacheConfig, DeviceConfig, ModelConfig, SchedulerConfig, VllmConfig
    from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
    from vllm.v1.structured_output import StructuredOutputManager

    cache = CacheConfig(block_size=BLOCK, enable_prefix_caching=True)
    cache.num_gpu_blocks = blocks
    config = VllmConfig(
        model_config=ModelConfig(
            model=str(DEMO / "policy"), dtype="float32", skip_tokenizer_init=True
        ),
        scheduler_config=SchedulerConfig(
            max_num_seqs=SEQUENCES, max_num_batched_tokens=512, max_model_len=512,
            is_encoder_decoder=False, async_scheduling=True,
        ),
        cache_config=cache,
        device_config=DeviceConfig("cpu"),
    )  # fmt: skip
    spec = FullAttentionSpec(block_size=BLOCK, num_kv_heads=2, head_size=32, dtype=torch.float32)
    made = kind(
        vllm_config=config,
        kv_cache_config=KVCacheConfig(
            blocks, kv_cache_tensors=[], kv_cache_groups=[KVCacheGroupSpec(["l"], spec)]
        ),
        structured_output_manager=StructuredOutputManager(config),
        block_size=BLOCK,
        hash_block_size=BLOCK,
        log_stats=False,
    )
    made.use_v2_model_runner = True
    return made


def requests(count):
    """{name: vLLM request}: groups of four with a prompt in common, of many lengths."""
    from vllm import SamplingParams
    from vllm.utils.hashing import sha256
    from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
    from vllm.v1.request import Request

    init_none_hash(sha256)
    hasher = get_request_block_hasher(BLOCK, sha256)
    draw = random.Random(0)
    prompts = [
        [draw.randrange(1000) for _ in range(draw.randrange(5, 90))] for _ in range(count // 4)
    ]
    return {
        str(k): Request(
            request_id=str(k), prompt_token_ids=list(prompts[k // 4]), pooling_params=None,
            block_hasher=hasher, arrival_time=0.0,
            sampling_params=SamplingParams(
                max_tokens=draw.randrange(5, 200), min_tokens=4, stop_token_ids=[END]
            ),
        )
        for k in range(count)
    }  # fmt: skip


class Gpu:
    """What a worker keeps of each sequence: the tokens computed, and those of its prompt."""

    def __init__(self):
        self.computed, self.prompt = {}, {}

    def step(self, output, requests):
        from vllm.v1.outputs import ModelRunnerOutput

        for new in output.scheduled_new_reqs:
            self.computed[new.req_id] = new.num_computed_tokens
            self.prompt[new.req_id] = len(requests[new.req_id]._all_token_ids)
        cached = output.scheduled_cached_reqs
        self.computed |= dict(zip(cached.req_ids, cached.num_computed_tokens, strict=True))
        tokens = []
        for name, count in output.num_scheduled_tokens.items():
            self.computed[name] += count
            position = self.computed[name] - requests[name].num_prompt_tokens
            drawn = (int(name) * 1000003 + position * 7919) % 499
            tokens.append(
                [END if drawn == 5 else 100 + drawn]
                if self.computed[name] >= self.prompt[name]
                else []
            )
        names = list(output.num_scheduled_tokens)
        rows = {name: row for row, name in enumerate(names)}
        return ModelRunnerOutput(
            names, rows, tokens, logprobs=None, prompt_logprobs_dict={}, pooler_output=[]
        )


def responses(made, count):
    """{name: (ids, why it ended)} of a run with two steps under way, as vLLM schedules them."""
    asked, gpu, under_way, found = requests(count), Gpu(), deque(), {}
    for request in asked.values():
        made.add_request(request)
    while len(found) < count:
        output = made.schedule()
        if output.total_num_scheduled_tokens:
            under_way.append((output, gpu.step(output, asked)))
            if len(under_way) < 2:
                continue
        made.update_from_output(*under_way.popleft())
        for name, request in asked.items():
            if request.is_finished() and name not in found:
                found[name] = (list(request._output_token_ids), str(request.get_finished_reason()))
    return found


@pytest.mark.parametrize(
    "blocks", [4000, 300], ids=["memory enough", "memory short, sequences are put back"]
)
def test_every_response_ends_where_vllms_own_scheduler_ends_it(blocks, monkeypatch):
    from vllm.v1.core.sched.async_scheduler import AsyncScheduler

    from ei.sampling.vllm_scheduler import StopScheduler

    ours = scheduler(StopScheduler, blocks, monkeypatch)
    ours.end_at(lambda ids: False, frozenset([END]))
    ended = responses(ours, 256)
    assert ended == responses(scheduler(AsyncScheduler, blocks, monkeypatch), 256)
    assert {reason for _, reason in ended.values()} == {"stop", "length"}
    assert len(ours.finished) == 256


def test_a_stop_text_ends_a_response_also_at_its_last_allowed_token(monkeypatch):
    from ei.sampling.vllm_scheduler import StopScheduler

    class Pieces:
        def decode(self, ids, skip_special_tokens):
            return "".join("</answer>" if token == 200 else "x" for token in ids)

    ours = scheduler(StopScheduler, 4000, monkeypatch)
    ours.end_at(stop_test(Pieces(), "</answer>", 4, frozenset([200])), frozenset([200, END]))
    for ids, reason in responses(ours, 256).values():
        assert 200 not in ids[4:-1]
        assert reason == "stop" or ids[-1] not in (200, END)
