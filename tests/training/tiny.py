"""Small random models and sequences."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import torch
from safetensors.torch import load_file
from transformers import Olmo2Config, Olmo2ForCausalLM, Qwen2Config, Qwen2ForCausalLM

from ei.model.folder import fingerprint
from ei.model.packing import Sequence
from ei.training.job import Job
from ei.training.recipe import Options, Recipe
from helpers import DEMO

VOCABULARY = 96
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,  # large enough for distributions that are far from uniform
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


def qwen2(seed: int = 0, tied: bool = True) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    net = Qwen2ForCausalLM(Qwen2Config(**SHAPE, tie_word_embeddings=tied))
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    return net


def olmo2(seed: int = 0) -> Olmo2ForCausalLM:
    torch.manual_seed(seed)
    return Olmo2ForCausalLM(Olmo2Config(**SHAPE))


def model_folder(folder: Path, seed: int = 0, tied: bool = True) -> Path:
    """A complete model folder in bf16, whose config.json transformers would write otherwise."""
    qwen2(seed, tied).bfloat16().save_pretrained(folder)
    config = folder / "config.json"
    config.write_text(config.read_text() + "\n\n")
    shutil.copy(DEMO / "policy/tokenizer.json", folder)
    (folder / ".snakemake_timestamp").touch()
    return folder


def sequences(count: int, seed: int = 0, longest: int = 40) -> list[Sequence]:
    draw = random.Random(seed)

    def ids(least: int) -> list[int]:
        return [draw.randrange(2, VOCABULARY) for _ in range(draw.randint(least, longest // 2))]

    return [Sequence(f"q{number % 5}", number // 5, ids(1), ids(2)) for number in range(count)]


def table(items: list[Sequence], path: Path, policy: str = "") -> Path:
    """A filtered.parquet or rollouts.parquet of the sequences, drawn from the weights `policy`."""
    ids = pl.List(pl.Int32)
    schema = pl.Schema(
        {"question_id": pl.String(), "sample": pl.Int32(), "prompt_ids": ids, "response_ids": ids}
    )
    rows = [(item.question_id, item.sample, item.prompt, item.response) for item in items]
    drawn = pl.DataFrame(rows, schema=schema, orient="row")
    drawn.with_columns(policy=pl.lit(policy)).write_parquet(path)
    return path


def step_folder(folder: Path) -> Path:
    """A folder with everything that the stage reads."""
    model_folder(folder / "base", seed=0)
    policy = fingerprint(model_folder(folder / "policy0", seed=1))
    table(sequences(20), folder / "filtered.parquet", policy)
    table(sequences(60, seed=1), folder / "rollouts.parquet", policy)
    table([], folder / "empty.parquet")
    return folder


def job(step: Path, name: str = "step1", **changes: Any) -> Job:
    paths = {"policy": "policy0", "init": "policy0", "base": "base", "filtered": "filtered.parquet"}
    paths |= {
        "rollouts": "rollouts.parquet",
        "output": f"{name}/policy",
        "training": f"{name}/training.parquet",
    }
    replayed = changes.pop("replayed", [])
    paths |= {key: changes.pop(key) for key in list(changes) if key in paths}
    recipe = Recipe(
        **{"lr": 1e-2, "batch": 8, "row_tokens": 100, "seed": "0/1", **changes.pop("recipe", {})}
    )
    options = Options(**{"entropy_rollouts": 16, "gpus": 0, **changes})
    files: dict[str, Any] = {key: step / path for key, path in paths.items()}
    return Job(
        **files,
        lineage="abc",
        step=1,
        replayed=[step / path for path in replayed],
        recipe=recipe,
        options=options,
        settings={"lr": 1e-2},
    )


def results(work: Job) -> tuple[dict[str, torch.Tensor], pl.DataFrame, dict[str, Any]]:
    summary = json.loads(work.training.with_suffix(".json").read_text())
    return load_file(work.output / "model.safetensors"), pl.read_parquet(work.training), summary
