"""The demo's tokenizer: byte-level BPE tokens, at most 500, behind Qwen2's own pre-tokenization.

transformers 5 opens every folder whose config.json says `qwen2` as a Qwen2Tokenizer, and that class
silently replaces the pre-tokenization saved in tokenizer.json by Qwen2's. A tokenizer trained with
another one would split texts differently in transformers and vLLM than in `tokenizers`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from task import END_OF_TEXT

SIZE = 500  # tokens at most (the corpus gives 454); the model has 512 rows


def train_tokenizer(texts: Iterable[str], folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json; token 0 ends a text and also pads."""
    from transformers import Qwen2Tokenizer  # takes seconds to import, and encoding needs none

    pieces = Qwen2Tokenizer().backend_tokenizer
    trained = Tokenizer(models.BPE())
    trained.normalizer, trained.pre_tokenizer = pieces.normalizer, pieces.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    model = json.loads(trained.to_str())["model"]
    merges: list[Any] = [tuple(merge) for merge in model["merges"]]
    Qwen2Tokenizer(vocab=model["vocab"], merges=merges).save_pretrained(folder)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a policy's folder, without transformers."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
