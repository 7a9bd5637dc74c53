"""What a policy's folder is: a complete Hugging Face model folder with safetensors.

torch is imported only to write one, so that stages that start an engine need not wait for it.
"""

import errno
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ei.contents import hash_of, state_of
from ei.disk import sync
from ei.files import load_json
from ei.model.tensors import not_finite, stored_tensors, weight_files
from ei.stage import UserError

if TYPE_CHECKING:
    from torch import Tensor

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
# Everything in a model folder except its weights: configuration, tokenizer in all its forms, chat
# template, licence.
COPIED = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".py"}
# How configs call the longest sequence; transformers knows further names of the first.
CONTEXT_NAMES = ("max_position_embeddings", "max_seq_len", "seq_length")
SAYS_NOTHING = ("LICENSE", "NOTICE", "README")  # of what is computed; models are the same without
RECORD = "weights.sha256"  # the fingerprint of the weights as they were written


def check(folder: Path) -> None:
    """Raise UserError unless the folder has a config, whole weights and a tokenizer.

    Only headers are read. `ei.model.architecture` says whether the weights are those of the config.
    """
    if not folder.is_dir():
        raise UserError(f"the policy {folder} is not a folder")
    read_config_json(folder)
    stored_tensors(folder)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise UserError(
            f"the policy {folder} has no tokenizer (one of {', '.join(TOKENIZER_FILES)})"
        )


def read_config_json(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """The object in a JSON file of the folder."""
    path = folder / name
    if not path.is_file():
        raise UserError(f"{folder} is not a model folder: it has no {name}")
    found = load_json(path)
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no JSON object")
    return found


def parts(folder: Path) -> list[Path]:
    """The files that are computed with: weights, configuration, tokenizer, chat template."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in COPIED | {".safetensors"}
        and not path.name.startswith((".", *SAYS_NOTHING))
        and path.is_file()
    )


def fingerprint(folder: Path) -> str:
    """The SHA-256 (hex) over the policy's safetensors: each file's name and bytes, by name."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        digest.update(path.name.encode())
        digest.update(bytes.fromhex(hash_of(path)))
    return digest.hexdigest()


def checked_fingerprint(folder: Path) -> str:
    """The fingerprint, after a look at every weight.

    Raises UserError if one is not finite, or if the weights are not those that were written here.
    2.6 s for 3.1 GB on one core.
    """
    bad = not_finite(folder)
    if bad:
        raise UserError(
            f"the policy {folder} has weights that are not finite (NaN or infinity), the first of"
            f" them in {bad}: nothing can be computed with it"
        )
    found, record = fingerprint(folder), folder / RECORD
    if record.is_file() and record.read_text(errors="replace").strip() != found:
        raise UserError(
            f"the weights in {folder} are not those that were written there ({RECORD}): they are"
            " damaged or replaced. Make the policy again; or, if this is meant, delete that file"
        )
    return found


def record_fingerprint(folder: Path) -> None:
    """Write down the fingerprint, so that later damage is noticed."""
    (folder / RECORD).write_text(fingerprint(folder) + "\n")


@dataclass
class Guard:
    """A look at a folder before it is loaded, to tell afterwards what was loaded from it."""

    folder: Path
    state: list[Any] = field(init=False)
    others: list[str] = field(init=False)  # hashes of all parts but the weights

    def __post_init__(self) -> None:
        self.state, self.others = self._look()

    def _look(self) -> tuple[list[Any], list[str]]:
        files = parts(self.folder)
        small = [hash_of(path) for path in files if path.suffix != ".safetensors"]
        return [state_of(path) for path in files], small

    def refuse_change(self, loaded: str) -> None:
        """Raise UserError unless the folder is as it was, with weights of the fingerprint `loaded`.

        A hard link to a file changes its times as well, so bytes are compared where these differ.
        """
        if [state_of(path) for path in parts(self.folder)] == self.state:
            return
        state, others = self._look()
        if others != self.others or fingerprint(self.folder) != loaded:
            raise UserError(f"{self.folder} was changed while it was read: start this stage again")
        self.state = state


def refuse_other_policy(policies: set[str | None], loaded: str, table: Path, folder: Path) -> None:
    """Raise UserError if a table's column `policy` names other weights than those in the folder."""
    others = policies - {loaded}
    if others:
        raise UserError(
            f"{table} was drawn from other weights than those in {folder}"
            f" ({str(others.pop())[:12]}, not {loaded[:12]}): sample this step again"
        )


def context(folder: Path) -> int:
    """The longest sequence that the model accepts, prompt and response together, in tokens.

    Only for a config that names it otherwise (GPT-2, MPT), or in a part of it, is transformers
    imported, which takes seconds.
    """
    found = read_config_json(folder).get(CONTEXT_NAMES[0])
    if found is None:
        from ei.model.architecture import read_config

        config = read_config(folder).get_text_config()
        named = (getattr(config, name, None) for name in CONTEXT_NAMES)
        found = next((value for value in named if value is not None), None)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise UserError(
            f"{folder / 'config.json'} does not say how long a sequence may be: give it a"
            " max_position_embeddings, in tokens"
        )
    return found


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer; the same object encodes every prompt and decodes every response."""
    from transformers import AutoTokenizer

    from ei.model.architecture import understood

    with understood(folder, "the tokenizer"):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def end_ids(folder: Path, tokenizer: Any = None) -> list[int]:
    """The ids that end a text, the model's own first: a text is written to end with that one.

    They are those of config.json, of generation_config.json (a chat model's end of turn among them)
    and of the tokenizer, where one is given. Sampling stops at any of them.
    """
    found: list[Any] = []
    for name in ("config.json", "generation_config.json"):
        if (folder / name).is_file():
            listed = read_config_json(folder, name).get("eos_token_id")
            found += listed if isinstance(listed, list) else [listed]
    found.append(getattr(tokenizer, "eos_token_id", None))
    found = [token for token in found if token is not None]
    if wrong := [token for token in found if type(token) is not int or token < 0]:
        raise UserError(f"{folder}: {wrong[0]!r} is no eos_token_id")
    return list(dict.fromkeys(found))


def tensor_names(folder: Path) -> list[str]:
    """The names of all tensors in the folder's safetensors files, sorted."""
    return sorted(stored_tensors(folder))


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
    weights = folder / "model.safetensors"
    save_file(tensors, weights, metadata={"format": "pt"})
    weights.chmod(0o644)  # save_file makes it readable by its owner only
    with ThreadPoolExecutor(1) as side:
        on_disk = side.submit(sync, weights)  # else it would have to be waited for after the hash
        record_fingerprint(folder)
        on_disk.result()


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
