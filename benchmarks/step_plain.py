#!/usr/bin/env python3
"""One step of expert iteration as scripts for it are usually written, timed part by part.

    python benchmarks/step_plain.py --model models/qwen --train results/data/train.parquet \\
        --validation results/data/validation.parquet --output step_plain.json
    python benchmarks/step_plain.py … --trainers plain trl --output both.json
    python benchmarks/step_plain.py … --tiny  (a rehearsal on the CPU, without vLLM)

One process on one GPU. A vLLM engine with its default settings stays up beside the policy, in
`--share` of the memory; SFT pads micro-batches, accumulates their gradients, checkpoints its
activations and computes loss and entropy from all logits; the engine's weights are then
overwritten, and the policy is evaluated. Questions, prompts, rewards, batch, learning rate, epochs
and clip are those of config.yaml. With `--filtered` it trains on that table instead of on what it
kept, so that two programs can be timed on the same sequences. The trainer `trl` is the SFTTrainer:
batches of like lengths, no checkpointing, its own loss and entropy. Two trainers train on the same
rollouts, each from the same policy, which is then evaluated and saved. What is known is written
after each part.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import torch
import yaml

sys.path.append(str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from ei.checker import Settings, score
from ei.prompt import fill, read_template

ROOT = Path(__file__).resolve().parents[1]
MICRO = 4  # sequences of a micro-batch: with 8 the fp32 logits alone would take 10 GB
TRL_MICRO = 8  # TRL's default; its logits and the engine have to fit beside each other
STOP = "</answer>"


@contextlib.contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds of the block to `seconds`, work on the GPU included."""
    begun = time.perf_counter()
    yield
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begun
    print(f"{name}: {seconds[name]:.1f} s", flush=True)


class Engine:
    """vLLM as it comes; in a rehearsal, answers made up."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.tiny = flags.tiny
        if not self.tiny:
            os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # else its weights are out of reach
            from vllm import LLM

            self.llm = LLM(
                model=str(flags.model), dtype="bfloat16", gpu_memory_utilization=flags.share
            )

    def draw(self, prompts: list[str], samples: int, most: int) -> list[tuple[int, str]]:
        """(number of the prompt, response) of so many responses to each prompt."""
        if self.tiny:
            made = f" 1 + 1 = 2 </think> <answer>2{STOP}"
            return [(number, made) for number in range(len(prompts)) for _ in range(samples)]
        from vllm import SamplingParams

        params = SamplingParams(
            n=samples, temperature=1.0, top_p=1.0, max_tokens=most, min_tokens=4, stop=[STOP],
            include_stop_str_in_output=True, seed=0,
        )  # fmt: skip
        outputs = self.llm.generate(prompts, params)
        return [(n, one.text) for n, output in enumerate(outputs) for one in output.outputs]

    def load(self, policy: Any) -> None:
        """Overwrite the weights, and forget the prefixes that the old ones computed."""
        if not self.tiny:
            runner = self.llm.llm_engine.model_executor.driver_worker.worker.model_runner
            runner.model.load_weights(policy.state_dict().items())
            self.llm.reset_prefix_cache()


def train(
    policy: Any, tokenizer: Any, pairs: list[tuple[str, str]], sft: dict[str, Any]
) -> list[dict[str, float]]:
    """Loss, entropy and tokens of every update; micro-batches are padded on the right."""
    device = next(policy.parameters()).device
    optimizer = torch.optim.AdamW(policy.parameters(), lr=sft["lr"], weight_decay=0.0)
    records = []
    for epoch in range(sft["epochs"]):
        random.Random(epoch).shuffle(pairs)
        for start in range(0, len(pairs), sft["batch"]):
            batch = pairs[start : start + sft["batch"]]
            sums = torch.zeros(3, device=device)
            for micro in range(0, len(batch), MICRO):
                share = len(batch[micro : micro + MICRO]) / len(batch)
                sums += one_batch(policy, tokenizer, batch[micro : micro + MICRO], share, device)
            torch.nn.utils.clip_grad_norm_(policy.parameters(), sft["clip"])
            optimizer.step()
            optimizer.zero_grad()
            loss, entropy, tokens = sums.tolist()
            records.append({"loss": loss, "entropy": entropy, "tokens": tokens})
    return records


def train_with_trl(
    policy: Any, tokenizer: Any, pairs: list[tuple[str, str]], flags: argparse.Namespace
) -> list[dict[str, float]]:
    """The same by TRL; what its log says of every update."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    sft = yaml.safe_load((ROOT / "config.yaml").read_text())["sft"]
    rows = []
    for prompt, response in pairs:
        asked, answered = tokenizer(prompt).input_ids, tokenizer(response).input_ids
        rows.append({"input_ids": asked + answered, "labels": [-100] * len(asked) + answered})
    config = SFTConfig(
        output_dir=str(flags.output.with_suffix(".of_trl")),
        num_train_epochs=sft["epochs"],
        learning_rate=sft["lr"],
        max_grad_norm=sft["clip"],
        per_device_train_batch_size=TRL_MICRO,
        gradient_accumulation_steps=sft["batch"] // TRL_MICRO,
        gradient_checkpointing=False,
        train_sampling_strategy="group_by_length",
        max_length=None,
        bf16=not flags.tiny,
        use_cpu=flags.tiny,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    policy.gradient_checkpointing_disable()
    trainer = SFTTrainer(
        model=policy, args=config, processing_class=tokenizer, train_dataset=Dataset.from_list(rows)
    )
    trainer.train()
    return [line for line in trainer.state.log_history if "loss" in line]


def one_batch(
    policy: Any, tokenizer: Any, pairs: list[tuple[str, str]], share: float, device: Any
) -> torch.Tensor:
    """Loss and entropy (nats a response token, times `share`) and tokens; gradients are added."""
    ids = [
        (tokenizer(prompt).input_ids, tokenizer(response).input_ids) for prompt, response in pairs
    ]
    longest = max(len(prompt) + len(response) for prompt, response in ids)
    rows = torch.full((len(ids), longest), tokenizer.pad_token_id or 0, device=device)
    mask, attend = torch.zeros_like(rows), torch.zeros_like(rows)
    for row, (prompt, response) in enumerate(ids):
        both = torch.tensor(prompt + response, device=device)
        rows[row, : len(both)], attend[row, : len(both)] = both, 1
        mask[row, len(prompt) : len(both)] = 1
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        logits = policy(input_ids=rows, attention_mask=attend, use_cache=False).logits[:, :-1]
    logp = logits.float().log_softmax(-1)
    weight = mask[:, 1:] / mask.sum()
    loss = -(logp.gather(2, rows[:, 1:, None]).squeeze(2) * weight).sum() * share
    with torch.no_grad():
        entropy = (-(logp.exp() * logp).sum(-1) * weight).sum() * share
    loss.backward()
    return torch.stack([loss.detach(), entropy, attend.sum().float()])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=Path, required=True)
    add("--train", type=Path, required=True)
    add("--validation", type=Path, required=True)
    add("--filtered", type=Path)
    add("--prompt", type=Path, default=ROOT / "workflow/prompts/r1_zero.txt")
    add("--share", type=float, default=0.35)
    add("--trainers", choices=["plain", "trl"], nargs="+", default=["plain"])
    add("--output", type=Path, required=True)
    add("--tiny", action="store_true")
    flags = parser.parse_args()
    found = step(flags)
    print(json.dumps({key: found[key] for key in ("card", "seconds", "kept", "trainers")}))


def graded(drawn: list[tuple[int, str]], questions: pl.DataFrame) -> list[bool]:
    """Whether each response is correct, by this project's checker, so that both keep the same."""
    rows = [{"response": text, "answer": questions["answer"][n]} for n, text in drawn]
    return [reward == 1 for reward in score(pl.DataFrame(rows), Settings(), workers=2)["reward"]]


def step(flags: argparse.Namespace) -> dict[str, Any]:
    """The whole step: seconds of its parts, what it kept, and what each trainer made of it."""
    from transformers import AutoTokenizer

    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    seconds: dict[str, float] = {}
    template, tokenizer = read_template(flags.prompt), AutoTokenizer.from_pretrained(flags.model)
    data = pl.read_parquet(flags.train).sample(
        8 if flags.tiny else config["sample"]["questions"], seed=0
    )
    held_out = pl.read_parquet(flags.validation)
    held_out = held_out.head(8) if flags.tiny else held_out
    asked, tested = ([fill(template, q) for q in table["question"]] for table in (data, held_out))
    policy = loaded(flags, seconds)
    with timed(seconds, "engine"):
        engine = Engine(flags)
    with timed(seconds, "sample"):
        drawn = engine.draw(asked, config["sample"]["rollouts"], config["sample"]["max_tokens"])
    with timed(seconds, "score"):
        correct = graded(drawn, data)
    kept = [(asked[n], text) for (n, text), right in zip(drawn, correct, strict=True) if right]
    if flags.filtered:
        table = pl.read_parquet(flags.filtered, columns=["question", "response"])
        kept = [(fill(template, question), response) for question, response in table.rows()]
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    found: dict[str, Any] = {"card": name, "seconds": seconds, "kept": len(kept), "trainers": {}}
    for trainer in flags.trainers:
        policy = policy or loaded(flags, {})
        made = found["trainers"][trainer] = {"seconds": {}}
        with timed(made["seconds"], "sft"):
            if trainer == "trl":
                made["updates"] = train_with_trl(policy, tokenizer, kept, flags)
            else:
                made["updates"] = train(policy, tokenizer, kept, config["sft"])
        write(flags, found)
        evaluate(engine, policy, tested, held_out, made, config["eval"]["max_tokens"])
        with timed(made["seconds"], "save"):
            policy.bfloat16().save_pretrained(flags.output.with_suffix(f".{trainer}"))
        policy = None
        write(flags, found)
    return found


def loaded(flags: argparse.Namespace, seconds: dict[str, float]) -> Any:
    """The policy to train, in fp32."""
    from transformers import AutoModelForCausalLM

    with timed(seconds, "load"):
        policy = AutoModelForCausalLM.from_pretrained(flags.model, dtype=torch.float32)
        policy.to("cpu" if flags.tiny else "cuda").train()
        policy.gradient_checkpointing_enable()
    return policy


def evaluate(
    engine: Engine,
    policy: Any,
    tested: list[str],
    held_out: pl.DataFrame,
    made: dict[str, Any],
    most: int,
) -> None:
    """Put the policy into the engine and add its accuracy to what the trainer `made`."""
    with timed(made["seconds"], "overwrite"):
        engine.load(policy)
    with timed(made["seconds"], "evaluate"):
        answers = engine.draw(tested, 1, most)
    with timed(made["seconds"], "grade"):
        right = graded(answers, held_out)
    made["accuracy"] = sum(right) / len(right)


def write(flags: argparse.Namespace, found: dict[str, Any]) -> None:
    """Write what is known so far."""
    flags.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
