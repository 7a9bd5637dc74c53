"""Make the demo policy: corpus, tokenizer, a tiny Qwen2 trained from scratch, and its evaluation.

    python workflow/demo/pretrain.py --documents 1200000 --seconds 120 --device cuda

Takes about three minutes on one H200 and 16 cores.

Shape suffixes: B documents, L tokens of a document.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from corpus import Corpus, make_corpus
from trial import try_policy

HERE = Path(__file__).parent
VOCABULARY = 512  # rows of the embedding; the tokenizer uses 454
IGNORED = -100  # target at padding, which cross_entropy leaves out
STARTED = time.perf_counter()


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to learn."""

    seconds: float  # of training; the cosine ends with them
    batch: int  # documents of an update
    lr: float  # the peak
    warmup: int  # updates
    device: str
    seed: int


def log(message: str) -> None:
    """Print the message after the seconds since the start of the process."""
    print(f"{time.perf_counter() - STARTED:7.1f} s  {message}", flush=True)


def new_model(seed: int) -> Qwen2ForCausalLM:
    """A Qwen2 of 1.7 M parameters with random weights."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=192,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        intermediate_size=512,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config)


def padded(corpus: Corpus) -> tuple[Tensor, Tensor]:
    """Token ids [documents, longest] and lengths [documents], on the CPU."""
    lengths = corpus.lengths
    inside = np.arange(lengths.max()) < lengths[:, None]
    ids = np.zeros(inside.shape, np.int16)
    ids[inside] = corpus.ids
    return torch.from_numpy(ids), torch.from_numpy(lengths)


def batches(lengths: Tensor, batch: int, seed: int) -> Iterator[tuple[Tensor, int]]:
    """Endless epochs of (document indices [B], longest length), each document once an epoch.

    Documents of about equal length come together, which saves padding: they are sorted by length
    plus up to 4 tokens of noise, so that epochs differ, and the batches are then shuffled.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        noise = torch.rand(len(lengths), generator=generator) * 4
        order = torch.argsort(lengths + noise)
        chunks = order.split(batch)
        for i in torch.randperm(len(chunks), generator=generator).tolist():
            width = int(lengths[chunks[i]].max())
            yield chunks[i], width


def learning_rate(recipe: Recipe, update: int, elapsed: float) -> float:
    """Linear warm-up in updates, times a cosine that reaches zero when the seconds are over."""
    cosine = 0.5 * (1 + cos(pi * min(elapsed / recipe.seconds, 1.0)))
    return recipe.lr * min((update + 1) / recipe.warmup, 1.0) * cosine


def next_token_loss(model: Qwen2ForCausalLM, ids_BL: Tensor, lengths_B: Tensor) -> Tensor:
    """Mean nats per token, prompts included.

    Padding is on the right, where no real token attends to it, so no mask is needed.
    """
    logits = model(input_ids=ids_BL[:, :-1], use_cache=False).logits
    position_L = torch.arange(1, ids_BL.shape[1], device=ids_BL.device)
    target_BL = ids_BL[:, 1:].masked_fill(position_L >= lengths_B[:, None], IGNORED)
    return cross_entropy(logits.flatten(0, 1).float(), target_BL.flatten(), ignore_index=IGNORED)


def train(model: Qwen2ForCausalLM, corpus: Corpus, recipe: Recipe) -> None:
    """Train `model` in place until the time is up."""
    device = torch.device(recipe.device)
    ids, lengths = padded(corpus)
    ids_device, lengths_device = ids.to(device), lengths.to(device)
    model.train()
    model.to(device)  # type: ignore[arg-type]
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, lr=recipe.lr, betas=(0.9, 0.95), fused=device.type == "cuda"
    )
    started, tokens, running = time.perf_counter(), 0, torch.zeros((), device=device)
    for update, (chosen, width) in enumerate(batches(lengths, recipe.batch, recipe.seed)):
        elapsed = time.perf_counter() - started
        if elapsed >= recipe.seconds:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, update, elapsed)
        rows_B = chosen.to(device, non_blocking=True)
        ids_BL = ids_device[rows_B, :width].long()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = next_token_loss(model, ids_BL, lengths_device[rows_B])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        running += loss.detach()
        tokens += int(lengths[chosen].sum())
        if (update + 1) % 500 == 0:  # seldom, because reading the loss waits for the device
            speed = tokens / elapsed / 1e6
            log(f"update {update + 1}: loss {running.item() / 500:.4f}, {speed:.2f} Mtok/s")
            running.zero_()
    log(f"trained: {update} updates, {tokens / 1e6:.1f} M tokens")


def save(model: Qwen2ForCausalLM, folder: Path) -> None:
    """Write config.json, generation_config.json and model.safetensors, in bf16."""
    model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=0)
    model.bfloat16().save_pretrained(folder)


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--documents", type=int, default=1_200_000, help="of the corpus")
    add("--seconds", type=float, default=120, help="of training only")
    add("--processes", type=int, default=os.cpu_count(), help="that make the corpus")
    add("--batch", type=int, default=512, help="documents of an update")
    add("--lr", type=float, default=2e-3, help="peak learning rate")
    add("--warmup", type=int, default=100, help="updates")
    add("--seed", type=int, default=0, help="of corpus, weights and batches")
    add("--device", default="cuda", help="cuda or cpu")
    add("--prompt", type=Path, default=HERE.parent / "prompts" / "demo.txt", help="template")
    add("--questions", type=Path, default=HERE / "validation.jsonl", help="to evaluate on")
    add("--samples", type=int, default=8, help="responses to each of these questions")
    add("--limit", type=int, help="evaluate on only so many questions")
    add("--policy", type=Path, default=HERE / "policy", help="folder to write")
    return parser.parse_args()


def main() -> None:
    """Make corpus and tokenizer, train, save, and evaluate."""
    options = parse()
    template = options.prompt.read_text(encoding="utf-8")
    options.policy.mkdir(parents=True, exist_ok=True)
    processes = options.processes
    log(f"imported; {processes} processes make {options.documents} documents")
    corpus = make_corpus(template, options.seed, options.policy, options.documents, processes, log)
    mean, longest = corpus.lengths.mean(), corpus.lengths.max()
    log(f"corpus: {len(corpus.ids) / 1e6:.1f} M tokens, {mean:.1f} a document, at most {longest}")
    recipe = Recipe(
        options.seconds, options.batch, options.lr, options.warmup, options.device, options.seed
    )
    model = new_model(options.seed)
    train(model, corpus, recipe)
    save(model, options.policy)
    log("saved")
    try_policy(
        options.policy, options.questions, template, options.samples, options.device, options.limit
    )
    log("done")


if __name__ == "__main__":
    main()
