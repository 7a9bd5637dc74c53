"""A policy is a Hugging Face model folder: its tokenizer, its context, and the hash of its weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ei.stage import UserError

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")


def check(folder: Path) -> None:
    """Raise UserError unless the folder has a config, weights in safetensors and a tokenizer."""
    if not folder.is_dir():
        raise UserError(f"the policy {folder} is not a folder")
    if not (folder / "config.json").is_file():
        raise UserError(f"the policy {folder} has no config.json")
    if not weights(folder):
        raise UserError(f"the policy {folder} has no weights (*.safetensors)")
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise UserError(
            f"the policy {folder} has no tokenizer (one of {', '.join(TOKENIZER_FILES)})"
        )


def weights(folder: Path) -> list[Path]:
    """The safetensors files that an engine loads, by name."""
    return sorted(folder.glob("*.safetensors"))


def fingerprint(folder: Path) -> str:
    """The SHA-256 (hex) over the policy's safetensors: each file's name and bytes, by name."""
    digest = hashlib.sha256()
    for path in weights(folder):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def context(folder: Path) -> int:
    """The longest sequence, prompt and response together, that the model takes, in tokens."""
    return int(json.loads((folder / "config.json").read_text())["max_position_embeddings"])


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer; the same object encodes every prompt and decodes every response."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def end_ids(folder: Path, tokenizer: Any) -> list[int]:
    """The ids that end a text: the tokenizer's and those of generation_config.json."""
    path = folder / "generation_config.json"
    listed = json.loads(path.read_text()).get("eos_token_id") if path.is_file() else None
    ids = {tokenizer.eos_token_id, *(listed if isinstance(listed, list) else [listed])}
    return sorted(found for found in ids if found is not None)
