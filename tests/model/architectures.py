"""A tiny model of every causal language model that transformers knows, from its own config class.

A config's sizes are replaced by small ones of the same name, and so are those of the configs in it.
`CHANGES` has what a class needs besides, and turns on what its default leaves off: windows narrower
than the sequences, scaled and capped logits.
"""

import random
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from ei.model.packing import Sequence

TYPES = list(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
VOCABULARY = 96


def _named(size: int, names: str) -> dict[str, int]:
    return dict.fromkeys(names.split(), size)


SIZES: dict[str, int] = (
    _named(VOCABULARY, "vocab_size text_vocab_size vocab_size_per_layer_input")
    | _named(VOCABULARY, "pronunciation_vocab_size shape_vocab_size")
    | _named(32, "hidden_size d_model n_embd dim_model embedding_size word_embed_proj_dim")
    | _named(32, "token_embedding_size linear_d_inner input_hidden_size nemo_conv_channels")
    | _named(48, "intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim n_inner dim_ff dff")
    | _named(48, "ffn_hidden_size feed_forward_size intermediate_size_mlp")
    | _named(16, "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size")
    | _named(16, "expert_ffn_hidden_size q_lora_rank kv_lora_rank o_lora_rank")
    | _named(2, "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers")
    | _named(2, "num_decoder_layers num_encoder_layers num_key_value_heads swa_num_key_value_heads")
    | _named(2, "num_experts_per_tok moe_topk moe_top_k num_experts_per_token top_k_experts moe_k")
    | _named(4, "num_attention_heads n_head n_heads num_heads swa_num_attention_heads dim_head")
    | _named(4, "decoder_attention_heads encoder_attention_heads attention_heads")
    | _named(4, "num_encoder_attention_heads num_decoder_attention_heads")
    | _named(4, "num_experts num_local_experts n_routed_experts moe_num_experts")
    | _named(4, "qk_rope_head_dim rotary_dim")
    | _named(4, "sliding_window window_size attention_window_size sliding_window_size")
    | _named(4, "attention_chunk_size")
    | _named(8, "head_dim kv_channels v_head_dim qk_nope_head_dim swa_head_dim swa_v_head_dim")
    | _named(8, "global_head_dim hidden_size_per_layer_input laurel_rank index_head_dim index_topk")
    | _named(64, "max_position_embeddings n_positions n_ctx max_seq_len max_target_positions")
    | _named(1, "n_group topk_group num_expert_group n_shared_experts moe_num_shared_experts")
    | _named(1, "num_blocks first_k_dense_replace eos_token_id sep_token_id eod_token_id")
    | _named(0, "pad_token_id dropout")
    | _named(2, "bos_token_id decoder_start_token_id index_n_heads")
)
SOME_WINDOWS = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}
LATENT = {"head_dim": 4, "num_key_value_heads": 4}  # of the rotated part alone
EIGHT = {"head_dim": 8}
DECODER = {"is_decoder": True}
CHANGES: dict[str, dict[str, Any]] = {
    "axk1": LATENT,
    "bert": DECODER,
    "bert-generation": DECODER,
    "cohere": {"logit_scale": 0.25},
    "deepseek_v2": LATENT | {"num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
    "deepseek_v3": LATENT,
    "dots1": {"sliding_window": 4, "n_routed_experts": 4, "n_shared_experts": 1}
    | {"n_group": 1, "topk_group": 1, "num_experts_per_tok": 2},
    "electra": DECODER,
    "ernie": DECODER,
    "glm4_moe_lite": LATENT,
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granite": {"logits_scaling": 4.0},
    "granitemoe": {"logits_scaling": 4.0},
    "granitemoeshared": {"logits_scaling": 4.0},
    "hunyuan_v1_dense": EIGHT,
    "hunyuan_v1_moe": EIGHT,
    "longcat_flash": LATENT | {"zero_expert_num": 2, "num_layers": 1},
    "ministral": EIGHT,
    "nemotron": {"num_key_value_heads": 2},
    "phi3": {"sliding_window": 4},
    "qwen2": SOME_WINDOWS,
    "qwen2_moe": {"norm_topk_prob": True},
    "qwen3": SOME_WINDOWS,
    "qwen3_moe": SOME_WINDOWS,
    "roc_bert": DECODER,
    "smollm3": SOME_WINDOWS,
    "starcoder2": {"sliding_window": 4},
    "youtu": LATENT,
    "gemma3n_text": {"num_kv_shared_layers": 0, "num_hidden_layers": 5, "intermediate_size": 48},
}


def config(kind: str, **more: Any) -> Any:
    """The small config of a model type."""
    default = AutoConfig.for_model(kind).to_dict()
    return AutoConfig.for_model(kind, **_small(default) | CHANGES.get(kind, {}) | more)


def _small(values: dict[str, Any]) -> dict[str, Any]:
    """The sizes in a config's values, each in small; only those that it has, and inner configs."""
    small: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and name.endswith("_config"):
            small[name] = _small(value)
        elif name in SIZES and isinstance(value, int | float):
            small[name] = SIZES[name]
    heads = values.get("num_attention_heads")
    if heads is not None and values.get("num_key_value_heads") == heads:
        small["num_key_value_heads"] = 4
    return small


def model(kind: str, **more: Any) -> Any:
    """The tiny model of a type, in fp32, every tensor of it far from its initial value.

    Otherwise norms would be ones and biases zeros, and an error in them could not be seen.
    """
    torch.manual_seed(0)
    net = AutoModelForCausalLM.from_config(config(kind, **more)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return net


def sequences() -> list[Sequence]:
    """Three sequences of unlike lengths, longer than the windows and chunks."""
    draw = random.Random(0)

    def ids(count: int) -> list[int]:
        return [draw.randrange(5, VOCABULARY) for _ in range(count)]

    lengths = ((2, 3), (4, 7), (1, 12))
    return [
        Sequence(f"q{number}", 0, ids(prompt), ids(response))
        for number, (prompt, response) in enumerate(lengths)
    ]
