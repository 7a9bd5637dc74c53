"""Whether a model folder's weights are those of its config, and whether we can use such a model.

Nothing is loaded: the model is built without memory (torch's meta device) and the tensors in the
files' headers are matched with it as transformers matches them when it loads.
"""

import contextlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ei.model import folder as folders
from ei.model import support
from ei.model.names import BUFFERS, as_in_folder, refuse_lost
from ei.model.tensors import Stored, same_bytes, stored_tensors
from ei.stage import UserError

FLOATS = {"BF16", "F16", "F32", "F64"}
NAMED = 3  # tensors that an error lists
REASON = 250  # characters of another library's message that an error quotes


@contextlib.contextmanager
def understood(folder: Path, what: str) -> Iterator[None]:
    """Turn what transformers raises about a folder's files into a UserError of one sentence.

    Any exception: a config of wrong values fails wherever one of them is first used.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:REASON]
        raise UserError(f"{folder}: transformers cannot use {what} ({reason})") from None


def check(folder: Path) -> None:
    """Raise UserError unless the folder has all tensors of a model that we can use, and no others.

    0.1 s of a core for 1.5 billion parameters, once torch and transformers are imported.
    """
    folders.check(folder)
    config = read_config(folder)
    read_generation_config(folder)
    tensors = stored_tensors(folder)
    refuse_types(tensors, folder)
    with understood(folder, "its config"):
        model = without_memory(usable_class(config, folder), config)
        missing, unexpected, misshapen = match(model, tensors)
    refuse_untied(model, tensors, folder)
    for names, what in (
        (missing, "lacks"),
        (misshapen, "has, in shapes other than its config says,"),
        (unexpected, "has, unknown to its config,"),
    ):
        if names:
            raise UserError(f"the policy {folder} {what} {listed(names)}")
    refuse_lost(tensors, as_in_folder(model, model.state_dict()))


def read_config(folder: Path) -> Any:
    """The folder's config as transformers reads it; code that the folder brings is never run."""
    from transformers import CONFIG_MAPPING, AutoConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)  # what it logs is said here, in one sentence
    found = folders.read_config_json(folder)
    kind = found.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        own_code = " and its own code (auto_map) is not run here" if "auto_map" in found else ""
        version = importlib.metadata.version("transformers")
        raise UserError(
            f"{folder / 'config.json'}: the model_type {kind!r} is unknown to transformers"
            f" {version}{',' if own_code else ''}{own_code}"
        )
    with understood(folder, "its config"):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def read_generation_config(folder: Path) -> None:
    """Raise UserError if there is a generation_config.json that transformers cannot load."""
    from transformers import GenerationConfig

    name = "generation_config.json"
    if (folder / name).is_file():
        folders.read_config_json(folder, name)
        with understood(folder, f"its {name}"):
            GenerationConfig.from_pretrained(folder)


def vocabulary(folder: Path) -> int:
    """How many tokens the model of the folder has embeddings of."""
    with understood(folder, "its config"):
        return int(read_config(folder).get_text_config().vocab_size)


def usable_class(config: Any, folder: Path) -> Any:
    """The transformers class of a decoder whose memory is a cache of keys and values.

    Raises UserError for all others: encoders, recurrent and hybrid models, quantized weights.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    kind = type(config)
    encodes = kind in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    model: Any = MODEL_FOR_CAUSAL_LM_MAPPING.get(kind, None)
    layers = getattr(config.get_text_config(), "layer_types", None) or []
    why = None
    if getattr(config, "is_encoder_decoder", False):
        why = "an encoder-decoder"
    elif model is None or encodes:
        why = "no causal language model"
    elif model._is_stateful or any(is_recurrent(layer) for layer in layers):
        why = "a recurrent or hybrid model; only those with attention in every layer are supported"
    elif getattr(config, "quantization_config", None):
        why = "quantized, and quantized weights cannot be trained"
    else:
        why = support.refusal(config)
    if why:
        raise UserError(f"the policy {folder} is of type {config.model_type}: {why}")
    return model


def is_recurrent(layer: str) -> bool:
    """Whether a layer of this name in a config keeps a state instead of keys and values."""
    return "attention" not in layer or "linear" in layer


def refuse_types(tensors: dict[str, Stored], folder: Path) -> None:
    """Raise UserError for tensors that are no plain floats, as those of quantized weights."""
    names = [
        name
        for name, tensor in tensors.items()
        if tensor.kind not in FLOATS and not name.endswith(BUFFERS)
    ]
    if names:
        kind = tensors[names[0]].kind
        raise UserError(
            f"the policy {folder} has weights of the type {kind}, {listed(names)}; only"
            f" {', '.join(sorted(FLOATS))} can be trained"
        )


def refuse_untied(model: Any, tensors: dict[str, Stored], folder: Path) -> None:
    """Raise UserError where the config ties two tensors that the files hold with other values.

    transformers would then compute with both, and vLLM with one of them.
    """
    for one, other in model.all_tied_weights_keys.items():
        both = [tensors[name] for name in (one, other) if name in tensors]
        if len(both) == 2 and not same_bytes(*both):
            raise UserError(
                f"the policy {folder} has different values in {one} and {other}, which its config"
                " ties: set tie_word_embeddings to false in config.json, or remove one of them"
            )


def without_memory(kind: Any, config: Any) -> Any:
    """A model of this class whose tensors have names and shapes, and no values."""
    import torch

    with torch.device("meta"):
        return kind(config)


def match(model: Any, tensors: dict[str, Stored]) -> tuple[set[str], set[str], set[str]]:
    """The names that the model has and the files lack, the reverse, and those of other shapes.

    Tied tensors, renamed or merged ones, and buffers of old checkpoints are as in transformers'
    `from_pretrained`, of which these are the parts that read no values.
    """
    import torch
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.modeling_utils import LoadStateDictConfig

    meta = torch.device("meta")
    empty = {
        name: torch.empty(tensor.shape, dtype=model.dtype, device=meta)
        for name, tensor in tensors.items()
    }
    how = LoadStateDictConfig(
        device_map={"": meta},
        dtype=model.dtype,
        ignore_mismatched_sizes=True,
        weight_mapping=get_model_conversion_mapping(model),  # type: ignore[arg-type]  # theirs
    )
    found, _ = model._load_pretrained_model(model, empty, None, how)
    model.mark_tied_weights_as_initialized(found)
    model.tie_weights(missing_keys=found.missing_keys, recompute_mapping=False)
    model._adjust_missing_and_unexpected_keys(found)
    unexpected = {name for name in found.unexpected_keys if not name.endswith(BUFFERS)}
    misshapen = {name for name, *_ in found.mismatched_keys}
    return found.missing_keys, unexpected, misshapen


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = sorted(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
