"""TRL's SFTTrainer on the sequences of sft.py's benchmark, and the figures that both are judged by."""

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
FLEX = {"packing": True, "per_device_train_batch_size": 1, "gradient_checkpointing": False, "pad_to_multiple_of": 128}
# Without FlashAttention 2 or 3, TRL can pack with flex_attention alone: SDPA would build a mask of tokens x tokens.
TRL: dict[str, dict[str, Any]] = {
    "trl_default": {"gradient_accumulation_steps": BATCH // 8},  # 8 sequences at a time are TRL's default
    "trl_padded": PADDED,
    "trl_padded_compiled": {**PADDED, "torch_compile": True},
    "trl_padded_liger": {**PADDED, "use_liger_kernel": True},
    "trl_flex": FLEX,
    "trl_flex_compiled": {**FLEX, "torch_compile": True},
    "trl_flex_liger": {**FLEX, "use_liger_kernel": True},
}


def summary(tokens: list[int], seconds: list[float], flop: float) -> dict[str, float]:
    """Median, smallest and largest tokens/s of `WINDOWS` equal windows of updates, and the median's share of `PEAK`."""
    each = len(tokens) // WINDOWS
    cuts = [slice(each * window, each * (window + 1)) for window in range(WINDOWS)]
    speeds = sorted(sum(tokens[cut]) / sum(seconds[cut]) for cut in cuts)
    median = statistics.median(speeds)
    return {"median": median, "smallest": speeds[0], "largest": speeds[-1], "share": median * flop / PEAK}


def work_of(data: Path, config: dict[str, Any]) -> float:
    """FLOP that a token of the recorded sequences takes: 6 for every weight it meets, and causal attention."""
    from ei.training.data import read_sequences

    sequences = read_sequences(data / "filtered.parquet")
    width, depth, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    key_share = config["num_key_value_heads"] / heads
    layer = width * width * (2 + 2 * key_share) + 3 * width * config["intermediate_size"]
    tokens = sum(map(len, sequences))
    attention = 6 * depth * width * sum(len(sequence) ** 2 for sequence in sequences)
    head = 6 * width * config["vocab_size"] * sum(len(sequence.response) for sequence in sequences)
    return (6 * depth * layer * tokens + attention + head) / tokens


def trl(part: str, work: Path, updates: int, row_tokens: int, started: float) -> dict[str, Any]:
    """Updates of TRL's SFTTrainer on the same sequences, in fp32 weights with bf16 autocast as well."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from ei.training import data

    sequences = data.read_sequences(work / "filtered.parquet")
    random.Random(0).shuffle(sequences)
    rows = [{"input_ids": s.prompt + s.response, "labels": [-100] * len(s.prompt) + s.response} for s in sequences]
    options, loading = dict(TRL[part]), {"attn_implementation": "sdpa"}
    if options.get("packing"):
        tokens = BATCH * sum(map(len, sequences)) // len(sequences)  # of an average update
        count = -(-tokens // row_tokens)
        options |= {"gradient_accumulation_steps": count, "max_length": tokens // count // 128 * 128}
        loading = {"attn_implementation": "flex_attention"}
    times: list[float] = []
    seen: list[int] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *unused: Any, **also: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(time.perf_counter())
            seen.append(0)

    class Counting(SFTTrainer):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
            mask = inputs.get("attention_mask")
            seen[-1] += inputs["input_ids"].numel() if mask is None else int(mask.sum())
            return super().training_step(model, inputs, *rest, **more)

    seen.append(0)
    config = SFTConfig(
        output_dir=str(work / part), max_steps=updates + 2, learning_rate=1e-6, report_to="none",
        save_strategy="no", disable_tqdm=True, model_init_kwargs=loading, use_cpu=not torch.cuda.is_available(),
        **{"max_length": None, **options},
    )  # fmt: skip
    model = str(work / "model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    trainer = Counting(
        model, config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer, callbacks=[Clock()]
    )
    trainer.train()
    flop = json.loads((work / "weights.json").read_text())["flop_per_token"]
    seconds = [later - earlier for earlier, later in itertools.pairwise(times)]
    start = time.perf_counter()
    trainer.save_model(str(work / part / "saved"))
    saved = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
    speed = summary(seen[2 : 2 + updates], seconds[1:], flop)
    return {
        "speed": speed,
        "first_update_s": times[0] - started,
        "peak_gib": peak,
        "save_s": saved,
        "settings": {**options, **loading},
    }
