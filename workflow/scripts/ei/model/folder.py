"""What a policy's folder is: a complete Hugging Face model folder with safetensors.

torch is imported only to write one, so that stages that start an engine need not wait for it.
"""

import errno
import hashlib
import json
import os
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ei.stage import UserError

if TYPE_CHECKING:
    from torch import Tensor

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
# Everything in a model folder except its weights: configuration, tokenizer in all its forms, chat
# template, licence.
COPIED = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".py"}


def check(folder: Path) -> None:
    """Raise UserError unless the folder has a config, weights in safetensors and a tokenizer."""
    if not folder.is_dir():
        raise UserError(f"the policy {folder} is not a folder")
    if not (folder / "config.json").is_file():
        raise UserError(f"the policy {folder} has no config.json")
    if not weight_files(folder):
        raise UserError(f"the policy {folder} has no weights (*.safetensors)")
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise UserError(
            f"the policy {folder} has no tokenizer (one of {', '.join(TOKENIZER_FILES)})"
        )


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that an engine loads, by name."""
    return sorted(folder.glob("*.safetensors"))


def fingerprint(folder: Path) -> str:
    """The SHA-256 (hex) over the policy's safetensors: each file's name and bytes, by name."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def context(folder: Path) -> int:
    """The longest sequence that the model accepts, prompt and response together, in tokens."""
    return int(json.loads((folder / "config.json").read_text())["max_position_embeddings"])


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer; the same object encodes every prompt and decodes every response."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def end_ids(folder: Path, tokenizer: Any = None) -> list[int]:
    """The ids that end a text, the model's own first: a text is written to end with that one.

    They are those of config.json, of generation_config.json (a chat model's end of turn among them)
    and of the tokenizer, where one is given. Sampling stops at any of them.
    """
    found: list[int | None] = []
    for name in ("config.json", "generation_config.json"):
        path = folder / name
        listed = json.loads(path.read_text()).get("eos_token_id") if path.is_file() else None
        found += listed if isinstance(listed, list) else [listed]
    found.append(getattr(tokenizer, "eos_token_id", None))
    return [token for token in dict.fromkeys(found) if token is not None]


def tensor_names(folder: Path) -> list[str]:
    """The names of all tensors in the folder's safetensors files, sorted, read from their headers.

    A safetensors file starts with the length of its header, 8 bytes, little-endian; then comes the
    header, a JSON object.
    """
    files = weight_files(folder)
    if not files:
        raise UserError(f"{folder} is not a policy: it has no *.safetensors")
    names = []
    for file in files:
        with file.open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            names += [name for name in json.loads(stream.read(size)) if name != "__metadata__"]
    return sorted(names)


def write(tensors: "dict[str, Tensor]", base: Path, folder: Path) -> None:
    """Write a new policy folder: these weights, and the base model's other files byte for byte.

    They are copied from the base model because transformers changes a tokenizer that it saves
    again.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    for file in sorted(base.iterdir()):
        if file.is_file() and _is_copied(file.name):
            shutil.copyfile(file, folder / file.name)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # save_file makes it readable by its owner only


def _is_copied(name: str) -> bool:
    """Whether a file of a model folder goes with the weights; an index of shards does not.

    A trained policy has one shard, and hidden files are Snakemake's or the hub's.
    """
    if name.startswith(".") or name.endswith(".index.json"):
        return False
    return Path(name).suffix in COPIED or name.startswith(("LICENSE", "NOTICE"))


def link_copy(policy: Path, folder: Path) -> None:
    """Make `folder` the same policy, of hard links where the file system allows them."""
    folder.mkdir(parents=True)
    for file in sorted(policy.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            _link(file.resolve(), folder / file.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        # Another file system, one without hard links, or too many links to one file.
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copyfile(source, target)
