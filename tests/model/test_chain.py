"""The stages on tiny models of unlike architectures: sampled, scored, trained, evaluated."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from ei.files import stamp, write_table
from ei.model.folder import TOKENIZER_FILES
from ei.model.support import own_attention
from helpers import DEMO, ROOT
from model import architectures
from stages import small_run
from stages.small_run import must

# Windows in some layers, in all, a bias of the output matrix, windows and norms of heads, other
# names in the folder, merged experts, capped scores and logits, distances instead of positions.
KINDS = ("gemma3_text", "mistral", "phi", "qwen3", "gpt_neox", "mixtral", "gemma2", "bloom")
ENGINE = ["--engine", "transformers", "--device", "cpu", "--seed", 0, "--max_tokens", 12,
          "--prompt", ROOT / "workflow/prompts/demo.txt"]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    small_run.write_questions(folder)
    must("data", "--train", folder / "train.jsonl", "--validation", folder / "validation.jsonl",
         "--output", folder / "data")  # fmt: skip
    train = pl.read_parquet(folder / "data/train.parquet")
    write_table(train.clear(), folder / "data/nothing.parquet", stamp("", {}))
    return folder / "data"


def write_policy(kind: str, folder: Path) -> None:
    """A tiny model with the tokenizer of the demo's policy."""
    sizes = {"vocab_size": 512, "max_position_embeddings": 512, "eos_token_id": 0}
    architectures.model(kind, **sizes).bfloat16().save_pretrained(folder)
    for name in (*TOKENIZER_FILES, "tokenizer_config.json"):
        if (DEMO / "policy" / name).is_file():
            (folder / name).write_bytes((DEMO / "policy" / name).read_bytes())


def alone(folder: Path) -> Any:
    """The model as transformers loads it by itself, in fp32."""
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    own = own_attention(net.config)
    if own:
        net.set_attn_implementation(own)
    return net.eval()


def scores(net: Any, table: pl.DataFrame) -> tuple[float, float]:
    """Mean loss and entropy of the table's response tokens."""
    nll, entropy = [], []
    for prompt, response in table.select("prompt_ids", "response_ids").iter_rows():
        with torch.no_grad():
            logits = net(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
        distribution = torch.distributions.Categorical(logits=logits)
        nll.append(-distribution.log_prob(torch.tensor(response)))
        entropy.append(distribution.entropy())
    return float(torch.cat(nll).mean()), float(torch.cat(entropy).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_measures_the_losses_and_entropies_that_transformers_has(
    kind: str, data: Path, tmp_path: Path
) -> None:
    policy, step = tmp_path / "base", tmp_path / "step1"
    write_policy(kind, policy)
    must("sample", *ENGINE, "--policy", policy, "--data", data / "train.parquet", "--step", 1,
         "--questions", 4, "--rollouts", 2, "--output", step / "rollouts.parquet")  # fmt: skip
    must("score", "--rollouts", step / "rollouts.parquet", "--output", step / "scored.parquet")
    drawn = pl.read_parquet(step / "rollouts.parquet")
    must("sft", "--policy", policy, "--init", policy, "--base", policy, "--step", 1, "--seed", 0,
         "--rollouts", step / "rollouts.parquet", "--filtered", step / "scored.parquet",
         "--gpus", 0, "--epochs", 1, "--min_updates", 1, "--lr", 0.01, "--output", step / "policy",
         "--training", step / "training.parquet")  # fmt: skip
    update = pl.read_parquet(step / "training.parquet").row(0, named=True)
    measured = json.loads((step / "training.json").read_text())
    nll, entropy = scores(alone(policy), drawn)
    assert (update["loss"], update["entropy"]) == pytest.approx((nll, entropy), rel=1e-5)
    assert measured["sampling_entropy"] == pytest.approx(entropy, rel=1e-5)
    trained = alone(step / "policy")
    assert scores(trained, drawn)[0] < nll
    must("eval", *ENGINE, "--policy", step / "policy", "--data", data / "validation.parquet",
         "--development", data / "nothing.parquet", "--step", 1, "--questions", 4,
         "--output", step / "responses.parquet")  # fmt: skip
    answers = pl.read_parquet(step / "responses.parquet")
    for response in answers.iter_slices(1):
        expected = scores(trained, response)[1]
        assert response["entropy"][0] == pytest.approx(expected, rel=1e-4)
