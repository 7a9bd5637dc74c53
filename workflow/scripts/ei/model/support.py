"""Which models are trained exactly, and how their rows are computed; all others are refused.

What stands here is measured: a test builds every causal language model of transformers and compares
loss, entropy and gradients with its own forward pass (docs/models.md has the table).
"""

from pathlib import Path
from typing import Any

from ei.model import head
from ei.stage import UserError

# The model types whose attention is replaced by the packed one, for layers with full attention and
# with sliding windows. Rows of all other models become padded batches for their own attention.
PACKED = frozenset(
    """
    apertus arcee aria_text bert bert-generation biogpt bitnet cohere cohere2 cohere2_moe ctrl
    cwm diffllama dots1 electra emu3 ernie ernie4_5 ernie4_5_moe exaone4 exaone_moe flex_olmo
    fuyu gemma gemma3 gemma3_text gemma3n_text gemma4 gemma4_text gemma4_unified
    gemma4_unified_text glm glm4 glm4_moe glm4_moe_lite gpt-sw3 gpt2 gpt_bigcode gpt_neox
    granite granitemoe granitemoeshared helium hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3
    hyperclovax jais2 jetmoe laguna lfm2 llama mellum minimax_m2 minimax_m3_vl_text ministral
    ministral3 mistral mixtral mllama modernbert-decoder nanochat olmo olmo2 olmo3 opt persimmon
    phi phi3 phi4_multimodal qwen2 qwen3 qwen3_moe roc_bert seed_oss smollm3 solar_open
    starcoder2 whisper
    """.split()
)
KERNEL_LAYERS = {"full_attention", "sliding_attention"}
# Settings by which configs scale all logits, by which they divide them, and cap them.
FACTORS = ("logit_scale", "lm_head_multiplier")
DIVISORS = ("logits_scaling",)
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
# Here it is the hidden states, before the output matrix, that are divided by `logits_scaling`.
SCALED_BEFORE = {"minicpm3"}


def refuse_unsupported(folder: Path) -> None:
    """Raise UserError, in one sentence, for a model that could not be trained and written back.

    It reads config.json and the headers of the weights, builds the model without memory for its
    weights, and takes about a second beside importing transformers.
    """
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder}: config.json cannot be read: {error}") from None


def packs(config: Any) -> bool:
    """Whether a model of this config computes packed rows, rather than padded batches."""
    text = config.get_text_config(decoder=True)
    kinds = set(getattr(text, "layer_types", None) or [])
    return config.model_type in PACKED and kinds <= KERNEL_LAYERS and not caps_attention(text)


def caps_attention(text: Any) -> bool:
    """Whether attention scores are soft-capped, which only transformers' eager attention does."""
    return getattr(text, "attn_logit_softcapping", None) is not None


def own_attention(config: Any) -> str | None:
    """The attention that transformers must be told to use, or None if its choice is right.

    Its default would drop the soft cap of Gemma 2 without a word.
    """
    return "eager" if caps_attention(config.get_text_config(decoder=True)) else None


def form_of(model: Any) -> head.Form:
    """How the model turns the product of hidden states and output matrix into logits."""
    text = model.config.get_text_config(decoder=True)

    def number(name: str) -> float | None:
        value = getattr(text, name, None)
        return float(value) if isinstance(value, int | float) else None

    scale = 1.0
    if text.model_type not in SCALED_BEFORE:
        for name in FACTORS:
            scale *= number(name) or 1.0
        for name in DIVISORS:
            scale /= number(name) or 1.0
    cap = next((number(name) for name in CAPS if number(name)), None)
    return head.Form(model.get_output_embeddings().bias, scale, cap)
