"""The demo's tokenizer reads the same everywhere, and its policy opens in transformers."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from corpus import TOKENIZER_DOCUMENTS, encode, fill, text
from task import END_OF_TEXT
from vocabulary import load_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def folder(demo: Path) -> Path:
    """The shipped policy."""
    return demo / "policy"


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    """The shipped tokenizer, opened without transformers."""
    return load_tokenizer(folder)


def test_transformers_and_the_tokenizers_library_give_equal_ids(
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


def test_the_tokens_of_prompt_and_response_concatenate_to_those_of_the_document(
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


def test_the_policy_opens_in_transformers_and_predicts_unseen_documents(
    demo: Path, template: str
) -> None:
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


def test_training_the_tokenizer_anew_gives_the_shipped_one(
    folder: Path, template: str, tmp_path: Path
) -> None:
    documents = (text(template, 0, index) for index in range(TOKENIZER_DOCUMENTS))
    train_tokenizer(documents, tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
