"""Policy folders on disk: complete Hugging Face model folders, written whole or not at all."""

import errno
import json
import os
import shutil
import struct
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ei.stage import UserError
from ei.training.model import Policy

# Everything of a model folder but its weights: configuration, tokenizer in all its forms, chat template, licence.
COPIED = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".py"}


def tensor_names(folder: Path) -> list[str]:
    """The names of all tensors in the folder's safetensors files, from their headers."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UserError(f"{folder} is not a policy: it has no *.safetensors")
    names = []
    for file in files:
        with file.open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            names += [name for name in json.loads(stream.read(size)) if name != "__metadata__"]
    return sorted(names)


def write_policy(policy: Policy, names: list[str], base: Path, folder: Path) -> None:
    """Write the weights `names` in bf16, and the base model's other files byte for byte, to a new `folder`.

    `names` are those of the folder that training started from, so a policy holds what its predecessor held.
    """
    folder.mkdir(parents=True)
    for file in sorted(base.iterdir()):
        copied = file.suffix in COPIED or file.name.startswith(("LICENSE", "NOTICE"))
        if (
            file.is_file()
            and copied
            and not file.name.startswith(".")
            and not file.name.endswith(".index.json")
        ):
            shutil.copyfile(file, folder / file.name)
    save_file(_weights(policy, names), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # save_file leaves it to its owner alone


def _weights(policy: Policy, names: list[str]) -> dict[str, Tensor]:
    """The trained weights in bf16 on the CPU; names of tied tensors lead to the one that is trained."""
    trained = {id(parameter): name for name, parameter in policy.model.named_parameters()}
    aliases = {
        name: trained[id(tensor)]
        for name, tensor in policy.model.named_parameters(remove_duplicate=False)
    }
    missing = [name for name in names if name not in aliases]
    if missing:
        raise UserError(
            f"transformers loads {missing[0]} under another name, so the policy cannot be written back"
        )
    return {
        name: policy.weights[aliases[name]].detach().to(torch.bfloat16).cpu().contiguous()
        for name in names
    }


def hand_on(policy: Path, folder: Path) -> None:
    """Make `folder` the same policy, without a second copy of its bytes where the file system can link them."""
    folder.mkdir(parents=True)
    for file in sorted(policy.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            _link(file.resolve(), folder / file.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copyfile(source, target)
