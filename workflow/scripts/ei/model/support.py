"""Which models the pipeline trains exactly; all others are refused before anything runs."""

from pathlib import Path
from typing import Any

from ei.stage import UserError

# Settings of a model's config that would change its attention or its logits, unless None or 1.
UNSUPPORTED = ("attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "logits_scaling")


def refuse_unsupported(folder: Path) -> None:
    """Raise UserError, in one sentence, for a model that could not be trained and written back.

    It reads config.json and the headers of the weights, builds the model without memory for its
    weights, and takes about a second beside importing transformers.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder}: config.json cannot be read: {error}") from None
    check_supported(config, folder)


def check_supported(config: Any, folder: Path) -> None:
    """Raise UserError for what the packed attention and the chunked head would compute wrongly."""
    wrong = [name for name in UNSUPPORTED if getattr(config, name, None) not in (None, 1, 1.0)]
    if any("full" not in kind for kind in getattr(config, "layer_types", None) or []):
        wrong.append("layer_types other than full_attention")
    if wrong:
        raise UserError(f"{folder}: SFT cannot train a model with {', '.join(wrong)}")
