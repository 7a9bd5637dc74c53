"""The demo's tokenizer reads the same everywhere, and its policy opens in transformers."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from corpus import encode, fill, text
from task import END_OF_TEXT
from vocabulary import load_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def folder(demo: Path, template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policy, or before there is one a folder with a freshly trained tokenizer."""
    if (demo / "policy" / "tokenizer.json").exists():
        return demo / "policy"
    made = tmp_path_factory.mktemp("policy")
    train_tokenizer((text(template, 0, index) for index in range(3000)), made)
    (made / "config.json").write_text('{"model_type": "qwen2"}', encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


def test_transformers_and_the_plain_file_give_equal_ids(
    demo: Path, template: str, folder: Path, tokenizer: Tokenizer
) -> None:
    from transformers import AutoTokenizer

    lines = [
        line
        for name in ("train", "validation")
        for line in (demo / f"{name}.jsonl").read_text().splitlines()
    ]
    texts = [fill(template, json.loads(line)["question"]) for line in lines]
    texts += [text(template, 0, index) + END_OF_TEXT for index in range(3000)]
    automatic = AutoTokenizer.from_pretrained(folder)
    assert automatic(texts)["input_ids"] == [
        encoding.ids for encoding in tokenizer.encode_batch(texts)
    ]
    assert automatic.decode(automatic(texts[0])["input_ids"]) == texts[0]
    assert (
        automatic.eos_token_id == automatic.pad_token_id == tokenizer.token_to_id(END_OF_TEXT) == 0
    )


def test_tokens_of_a_prompt_and_of_a_response_join_to_those_of_the_document(
    template: str, tokenizer: Tokenizer
) -> None:
    for index in range(1000):
        whole = text(template, 0, index)
        cut = whole.index("<think>") + len("<think>")
        ids = tokenizer.encode(whole[:cut]).ids + tokenizer.encode(whole[cut:]).ids
        assert ids == tokenizer.encode(whole).ids


def test_documents_are_short_and_fit_the_model(
    folder: Path, template: str, tokenizer: Tokenizer
) -> None:
    ids, lengths = encode(template, 0, folder, 0, 3000)
    assert 48 < np.mean(lengths) < 56
    assert max(lengths) <= 512
    assert ids.max() < tokenizer.get_vocab_size() <= 512


def test_the_policy_opens_in_transformers_and_prefers_its_corpus(demo: Path, template: str) -> None:
    if not (demo / "policy" / "model.safetensors").exists():
        pytest.skip("no weights yet")
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(demo / "policy", dtype=torch.float32)
    assert sum(weight.numel() for weight in model.parameters()) < 2_000_000
    assert model.generation_config.eos_token_id == model.generation_config.pad_token_id == 0
    encoder = load_tokenizer(demo / "policy")
    losses = []
    for index in range(10_000_000, 10_000_020):  # beyond every corpus: unseen documents
        ids = torch.tensor([encoder.encode(text(template, 0, index) + END_OF_TEXT).ids])
        losses.append(model(input_ids=ids, labels=ids).loss.item())
    assert np.mean(losses) < 1.5  # nats per token; 6.2 before training
