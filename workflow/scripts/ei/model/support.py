"""Which models are trained exactly, and how their rows are computed; all others are refused.

`models.tsv` has every causal language model of transformers, and is measured: a test builds each of
them and compares loss, entropy and gradients with its own forward pass (docs/models.md).
"""

import csv
import functools
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("models.tsv")
PACKED, PADDED, REFUSED = "packed", "padded", "refused"
KERNEL_LAYERS = {"full_attention", "sliding_attention"}
# Their attention is not told of the window that is in their mask.
WINDOW_UNTOLD = {"phimoe", "qwen2_moe"}


@functools.cache
def models() -> dict[str, tuple[str, str]]:
    """How each model type's rows are computed, and why not as packed rows.

    Packed rows go through the model as they are, with its attention replaced; otherwise a row
    becomes a padded batch for the model's own attention, which is as exact, and slower.
    """
    with TABLE.open(newline="") as file:
        return {
            row["model_type"]: (row["rows"], row["why"])
            for row in csv.DictReader(file, delimiter="\t")
        }


def refusal(config: Any) -> str | None:
    """Why models of this config's type are not trained, or None if they are."""
    rows, why = models().get(config.model_type, (REFUSED, "not tested"))
    return why if rows == REFUSED else None


def packs(config: Any) -> bool:
    """Whether a model of this config computes packed rows, rather than padded batches."""
    text = config.get_text_config(decoder=True)
    kinds = set(getattr(text, "layer_types", None) or [])
    windows = getattr(text, "use_sliding_window", True)
    window = getattr(text, "sliding_window", None) if windows else None
    untold = text.model_type in WINDOW_UNTOLD and window is not None
    packed = models().get(config.model_type, (REFUSED, ""))[0] == PACKED
    return packed and kinds <= KERNEL_LAYERS and not untold and not caps_attention(text)


def caps_attention(text: Any) -> bool:
    """Whether attention scores are soft-capped, which only transformers' eager attention does."""
    return getattr(text, "attn_logit_softcapping", None) is not None


def own_attention(config: Any) -> str | None:
    """The attention that transformers must be told to use, or None if its choice is right.

    Its default would drop the soft cap of Gemma 2 without a word.
    """
    return "eager" if caps_attention(config.get_text_config(decoder=True)) else None
