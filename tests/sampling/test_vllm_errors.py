"""What ends a vLLM engine is said with the setting that helps and its next value, without a GPU."""

import errno

import pytest

from ei.sampling.settings import Machine
from ei.sampling.vllm_errors import died, in_words

TAKEN = (
    "Free memory on device cuda:0 (12.18/23.56 GiB) on startup is less than desired GPU memory"
    " utilization (0.9, 21.2 GiB). Decrease GPU memory utilization or reduce GPU memory used by"
    " other processes."
)
SHORT = (
    "To serve at least one request with the model's max seq len (131072), (14.00 GiB KV cache is"
    " needed, which is larger than the available KV cache memory (6.20 GiB). Based on the available"
    " memory, the estimated maximum model length is 58032. Try increasing"
    " `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine."
)
CHANGED = (
    "Error in memory profiling. Initial free memory 61.0 GiB, current free memory 70.1 GiB. This"
    " happens when other processes sharing the same container release GPU memory while vLLM is"
    " profiling during initialization."
)
NONE = "No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"
SAMPLER = (
    "CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try"
    " lowering `max_num_seqs` or `gpu_memory_utilization` when initializing the engine."
)


class OutOfMemoryError(RuntimeError):
    """Named like torch's own."""


@pytest.mark.parametrize(
    ("error", "sequences", "percent", "wanted"),
    [
        (ValueError(TAKEN), 1024, 90, "lower vllm.memory_percent from 90 to 49"),
        (AssertionError(CHANGED), 1024, 90, "start it again"),
        (ValueError(NONE), 1024, 90, "raise vllm.memory_percent from 90 to 95"),
        (ValueError(NONE), 1024, 95, "lower vllm.sequences from 1024 to 512"),
        (ValueError(NONE), 64, 95, "this model needs a GPU with more memory"),
        (ValueError(SHORT), 1024, 90, "raise vllm.memory_percent from 90 to 95"),
        (RuntimeError(SAMPLER), 1024, 90, "lower vllm.sequences from 1024 to 512"),
        (OutOfMemoryError("CUDA out"), 256, 90, "lower vllm.sequences from 256 to 128"),
        (OutOfMemoryError("CUDA out"), 64, 90, "lower vllm.memory_percent from 90 to 80"),
    ],
)
def test_short_memory_names_a_setting_and_its_next_value(error, sequences, percent, wanted):
    said = in_words(error, Machine(sequences, percent))
    assert said.endswith(wanted)
    assert "\n" not in said


def test_a_context_that_does_not_fit_says_what_would():
    assert "6.20 GiB for the KV cache" in in_words(ValueError(SHORT), Machine())
    assert "58032 fits" in in_words(ValueError(SHORT), Machine())


def test_what_led_to_another_error_is_found():
    error = RuntimeError("Engine core initialization failed")
    error.__cause__ = OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    assert "lower vllm.sequences from 1024 to 512" in in_words(error, Machine())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG])
def test_a_cache_that_cannot_be_written_is_one_sentence_with_its_file(number):
    raised = OSError(number, "whatever", "/cache/inductor/x.py")
    for error in (raised, RuntimeError(f"InductorError: OSError: {raised}")):
        said = in_words(error, Machine())
        assert said.startswith("vLLM: /cache/inductor/x.py cannot be written: ")


def test_another_error_keeps_its_name_and_last_line():
    assert in_words(ValueError("first\nlast"), Machine()) == "vLLM: ValueError: last"


def test_an_engine_that_was_killed_says_what_to_try():
    assert died(-9, Machine()).endswith("lower vllm.sequences from 1024 to 512")
