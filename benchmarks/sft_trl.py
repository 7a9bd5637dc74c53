"""TRL's SFTTrainer on the sequences of the benchmark in sft.py, and what both are judged by."""

import itertools
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

PEAK = 790e12  # FLOP/s that a large bf16 matrix product reaches on an H200; measured
BATCH = 64  # sequences of an update
WINDOWS = 5
PADDED = {
    "per_device_train_batch_size": 16,
    "gradient_accumulation_steps": BATCH // 16,
    "gradient_checkpointing": False,
    "train_sampling_strategy": "group_by_length",
}
FLEX = {
    "packing": True,
    "per_device_train_batch_size": 1,
    "gradient_checkpointing": False,
    "pad_to_multiple_of": 128,
}
# Without FlashAttention 2 or 3, TRL can pack with flex_attention alone: SDPA would build a mask of
# tokens x tokens.
TRL: dict[str, dict[str, Any]] = {
    "trl_default": {
        "gradient_accumulation_steps": BATCH // 8
    },  # 8 sequences at a time are TRL's default
    "trl_padded": PADDED,
    "trl_padded_compiled": {**PADDED, "torch_compile": True},
    "trl_padded_liger": {**PADDED, "use_liger_kernel": True},
    "trl_flex": FLEX,
    "trl_flex_compiled": {**FLEX, "torch_compile": True},
    "trl_flex_liger": {**FLEX, "use_liger_kernel": True},
}


def versions() -> dict[str, str]:
    """Versions of what was measured."""
    from importlib import metadata

    names = ("torch", "transformers", "trl", "accelerate", "liger-kernel")
    installed = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {name: installed[name] for name in names if name in installed}


def summary(tokens: list[int], seconds: list[float], flop: float) -> dict[str, float]:
    """Tokens/s in `WINDOWS` equal windows of updates: median, smallest, largest.

    `share` is the median's share of `PEAK`; `flop` is the work of a token.
    """
    each = len(tokens) // WINDOWS
    cuts = [slice(each * window, each * (window + 1)) for window in range(WINDOWS)]
    speeds = sorted(sum(tokens[cut]) / sum(seconds[cut]) for cut in cuts)
    median = statistics.median(speeds)
    return {
        "median": median,
        "smallest": speeds[0],
        "largest": speeds[-1],
        "share": median * flop / PEAK,
    }


def work_of(data: Path, config: dict[str, Any]) -> float:
    """FLOP per token of the recorded sequences: 6 for every weight used, and causal attention."""
    from ei.training.sequences import read_sequences

    sequences = read_sequences(data / "filtered.parquet")
    width, depth, heads = (
        config["hidden_size"],
        config["num_hidden_layers"],
        config["num_attention_heads"],
    )
    key_share = config["num_key_value_heads"] / heads
    layer = width * width * (2 + 2 * key_share) + 3 * width * config["intermediate_size"]
    tokens = sum(map(len, sequences))
    attention = 6 * depth * width * sum(len(sequence) ** 2 for sequence in sequences)
    head = 6 * width * config["vocab_size"] * sum(len(sequence.response) for sequence in sequences)
    return (6 * depth * layer * tokens + attention + head) / tokens


def choices(
    part: str, sequences: list[Any], row_tokens: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the trainer, and of loading the model.

    Packed rows hold `BATCH` average sequences an update.
    """
    options = {"max_length": None, **TRL[part]}
    if not options.get("packing"):
        return options, {"attn_implementation": "sdpa"}
    tokens = BATCH * sum(map(len, sequences)) // len(sequences)
    count = -(-tokens // row_tokens)
    packed = {"gradient_accumulation_steps": count, "max_length": tokens // count // 128 * 128}
    return options | packed, {"attn_implementation": "flex_attention"}


def timed_trainer(times: list[float], seen: list[int], **given: Any) -> Any:
    """A trainer that appends the end of every update to `times`, and its real tokens to `seen`."""
    import torch
    from transformers import TrainerCallback
    from trl import SFTTrainer

    class Clock(TrainerCallback):
        def on_step_begin(self, *unused: Any, **also: Any) -> None:
            seen.append(0)

        def on_step_end(self, *unused: Any, **also: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(time.perf_counter())

    class Counting(SFTTrainer):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
            mask = inputs.get("attention_mask")
            seen[-1] += inputs["input_ids"].numel() if mask is None else int(mask.sum())
            return super().training_step(model, inputs, *rest, **more)

    return Counting(**given, callbacks=[Clock()])


def trl(part: str, work: Path, updates: int, row_tokens: int, started: float) -> dict[str, Any]:
    """Updates of TRL's SFTTrainer on the same sequences, with fp32 weights and bf16 autocast."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig

    from ei.training.sequences import read_sequences

    sequences = read_sequences(work / "filtered.parquet")
    random.Random(0).shuffle(sequences)
    rows = [
        {"input_ids": s.prompt + s.response, "labels": [-100] * len(s.prompt) + s.response}
        for s in sequences
    ]
    options, loading = choices(part, sequences, row_tokens)
    config = SFTConfig(
        output_dir=str(work / part), max_steps=updates + 2, learning_rate=1e-6, report_to="none",
        save_strategy="no", disable_tqdm=True, model_init_kwargs=loading, use_cpu=not
        torch.cuda.is_available(), **options,
    )  # fmt: skip
    times: list[float] = []
    seen: list[int] = []
    model = str(work / "model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    given = {
        "model": model,
        "args": config,
        "processing_class": tokenizer,
        "train_dataset": Dataset.from_list(rows),
    }
    trainer = timed_trainer(times, seen, **given)
    trainer.train()
    seconds = [later - earlier for earlier, later in itertools.pairwise(times)]
    start = time.perf_counter()
    trainer.save_model(str(work / part / "saved"))
    return {
        "speed": summary(
            seen[2:], seconds[1:], json.loads((work / "weights.json").read_text())["flop_per_token"]
        ),
        "first_update_s": times[0] - started,
        "save_s": time.perf_counter() - start,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0,
        "settings": {**options, **loading},
    }
