"""What vLLM is asked for, which needs no vLLM."""

import json

import pytest

from ei.sampling import vllm_engine
from ei.sampling.settings import Machine


@pytest.mark.parametrize(
    ("config", "windows"),
    [
        ({"model_type": "gemma3_text", "sliding_window": 512}, True),
        ({"model_type": "gemma3", "text_config": {"sliding_window": 512}}, True),
        ({"model_type": "llama4_text", "attention_chunk_size": 8192}, True),
        ({"model_type": "mistral", "sliding_window": None}, False),
        ({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}, False),
        ({"model_type": "llama"}, False),
    ],
)
def test_windows_are_found_where_a_config_names_them_and_uses_them(tmp_path, config, windows):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert vllm_engine.has_windows(tmp_path) is windows


def test_the_cache_of_layers_with_windows_is_one_group_with_the_others():
    asked = {w: vllm_engine.arguments(4096, Machine(), windows=w) for w in (True, False)}
    assert asked[True].pop("disable_hybrid_kv_cache_manager") is True
    assert asked[False].pop("disable_hybrid_kv_cache_manager") is None  # as vLLM decides
    assert asked[True] == asked[False]


@pytest.mark.parametrize("sequences", [1, 100, 256, 1024, 2048])
def test_the_largest_batch_has_a_cuda_graph(sequences):
    sizes = vllm_engine.capture_sizes(sequences)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == sequences
