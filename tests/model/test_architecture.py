"""Folders whose weights are not those of their config, and models that we cannot use."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from ei.model import architecture, folder
from ei.model.folder import RECORD, Guard, checked_fingerprint, fingerprint
from ei.stage import UserError
from helpers import DEMO

Tensors = dict[str, torch.Tensor]
LAYER = "model.layers.1.self_attn.k_proj.weight"
EMBEDDING = "model.embed_tokens.weight"
SMALL: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 1,
}
GPT: dict[str, Any] = {"vocab_size": 96, "n_embd": 32, "n_layer": 2, "n_head": 4}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO / "policy", tmp_path / "policy"))


def rewrite(policy: Path, change: Callable[[Tensors], Any]) -> None:
    """Put other tensors into the folder."""
    tensors = load_file(policy / "model.safetensors")
    change(tensors)
    save_file(tensors, policy / "model.safetensors")


def configure(policy: Path, **values: Any) -> None:
    path = policy / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda found: found.pop(LAYER), f"lacks {LAYER}"),
        (lambda found: found.pop("model.norm.weight"), "lacks model.norm.weight"),
        (lambda found: found.pop(EMBEDDING), f"lacks lm_head.weight, {EMBEDDING}"),
        (
            lambda found: found.update({"model.layers.9.mlp.bias": torch.zeros(2)}),
            "unknown to its config, model.layers.9.mlp.bias",
        ),
        (
            lambda found: found.update({LAYER: torch.zeros(2, 3)}),
            f"in shapes other than .* {LAYER}",
        ),
        (
            lambda found: found.update({"lm_head.weight": found[EMBEDDING] + 1}),
            "different values in lm_head.weight and model.embed_tokens.weight, which its config",
        ),
        (
            lambda found: found.update({LAYER: torch.zeros(8, dtype=torch.int32)}),
            f"has weights of the type I32, {LAYER}",
        ),
    ],
)
def test_weights_that_are_not_those_of_the_config_are_refused_by_name(
    policy: Path, change: Callable[[Tensors], Any], sentence: str
) -> None:
    rewrite(policy, change)
    with pytest.raises(UserError, match=sentence):
        architecture.check(policy)


def test_tied_heads_and_what_old_checkpoints_hold_besides_weights_are_no_faults(
    policy: Path,
) -> None:
    def change(found: Tensors) -> None:
        found["lm_head.weight"] = found[EMBEDDING].clone()
        found["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.zeros(4)

    rewrite(policy, change)
    architecture.check(policy)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("GPT2LMHeadModel", transformers.GPT2Config(**GPT)),
        ("MixtralForCausalLM", transformers.MixtralConfig(**SMALL, num_local_experts=4)),
        ("GPTNeoXForCausalLM", transformers.GPTNeoXConfig(**SMALL)),
        ("Gemma2ForCausalLM", transformers.Gemma2Config(**SMALL)),
        ("PhiForCausalLM", transformers.PhiConfig(**SMALL)),
        ("BloomForCausalLM", transformers.BloomConfig(**GPT)),
    ],
)
def test_what_transformers_saves_under_other_names_is_complete(
    tmp_path: Path, name: str, config: Any
) -> None:
    made(tmp_path, name, config)
    architecture.check(tmp_path)


def made(place: Path, name: str, config: Any) -> None:
    """Write a random model of the class `name`, with a tokenizer beside it."""
    getattr(transformers, name)(config).bfloat16().save_pretrained(place)
    shutil.copy(DEMO / "policy/tokenizer.json", place)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_type": "gpt5"}, "the model_type 'gpt5' is unknown to transformers 5"),
        ({"model_type": "mine", "auto_map": {}}, "and its own code \\(auto_map\\) is not run here"),
        ({"model_type": "t5", "layer_types": None}, "is of type t5: an encoder-decoder"),
        ({"model_type": "roberta"}, "is of type roberta: no causal language model"),
        ({"model_type": "vit"}, "is of type vit: no causal language model"),
        ({"quantization_config": {"quant_method": "fp8"}}, "is of type qwen2: quantized"),
        ({"hidden_size": "wide"}, "transformers cannot use its config"),
        ({"num_attention_heads": 0}, "transformers cannot use its config"),
    ],
)
def test_a_model_that_we_cannot_use_is_refused_in_one_sentence(
    policy: Path, changes: dict[str, Any], sentence: str
) -> None:
    configure(policy, **changes)
    with pytest.raises(UserError, match=sentence) as refused:
        architecture.check(policy)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "config",
    [
        transformers.MambaConfig(),
        transformers.RwkvConfig(),
        transformers.Lfm2Config(full_attn_idxs=[0]),
        transformers.Qwen3NextConfig(),
        transformers.FalconH1Config(),
        transformers.JambaConfig(),
    ],
    ids=lambda config: config.model_type,
)
def test_a_model_with_a_recurrent_state_is_refused(policy: Path, config: Any) -> None:
    config.save_pretrained(policy)
    with pytest.raises(UserError, match="a recurrent or hybrid model; only those with attention"):
        architecture.check(policy)


def test_the_context_is_found_under_whatever_name_transformers_knows(
    policy: Path, tmp_path: Path
) -> None:
    assert folder.context(policy) == 512
    for number, config in enumerate(
        [transformers.GPT2Config(n_positions=77), transformers.MptConfig(max_seq_len=77)]
    ):
        config.save_pretrained(tmp_path / str(number))
        assert folder.context(tmp_path / str(number)) == 77
    transformers.BloomConfig().save_pretrained(tmp_path)
    with pytest.raises(UserError, match="does not say how long a sequence may be"):
        folder.context(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_a_single_weight_that_is_not_finite_is_found(
    policy: Path, value: float, kind: torch.dtype
) -> None:
    def change(found: Tensors) -> None:
        found[LAYER] = found[LAYER].to(kind)
        found[LAYER][-1, -1] = value

    checked_fingerprint(policy)
    rewrite(policy, change)
    with pytest.raises(UserError, match=f"not finite .* in {re.escape(LAYER)}"):
        checked_fingerprint(policy)


def test_the_largest_weight_that_there_is_is_finite(policy: Path) -> None:
    rewrite(policy, lambda found: found[LAYER].fill_(torch.finfo(torch.bfloat16).max))
    checked_fingerprint(policy)


def test_a_flipped_bit_in_a_policy_that_was_written_here_is_found(policy: Path) -> None:
    folder.record_fingerprint(policy)
    checked_fingerprint(policy)
    rewrite(policy, lambda found: found[LAYER].neg_())
    with pytest.raises(UserError, match=f"not those that were written there .{RECORD}"):
        checked_fingerprint(policy)


def sharded(policy: Path) -> Path:
    """The same weights in two files with an index."""
    tensors = load_file(policy / "model.safetensors")
    (policy / "model.safetensors").unlink()
    names = sorted(tensors)
    files = {f"model-0000{k + 1}-of-00002.safetensors": names[k::2] for k in (0, 1)}
    for file, part in files.items():
        save_file({name: tensors[name] for name in part}, policy / file)
    index = {"weight_map": {name: file for file, part in files.items() for name in part}}
    (policy / "model.safetensors.index.json").write_text(json.dumps(index))
    return policy


def test_weights_in_several_files_need_all_of_them_and_no_others(policy: Path) -> None:
    architecture.check(sharded(policy))
    extra = policy / "consolidated.safetensors"
    save_file({"a": torch.zeros(1)}, extra)
    with pytest.raises(UserError, match=r"has consolidated\.safetensors beside the weights"):
        architecture.check(policy)
    extra.rename(policy / "model.safetensors")
    with pytest.raises(UserError, match=r"has model\.safetensors beside the weights"):
        architecture.check(policy)
    (policy / "model.safetensors").unlink()
    (policy / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UserError, match=r"lacks model-00002-of-00002\.safeten"):
        architecture.check(policy)


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"weight_map": {"a": "../a.safetensors"}}'])
def test_a_wrong_index_is_refused(policy: Path, index: str) -> None:
    (sharded(policy) / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UserError, match=r"index\.json is (not JSON|damaged)"):
        architecture.check(policy)


def test_weights_that_are_replaced_while_they_are_loaded_are_noticed(policy: Path) -> None:
    guard, loaded = Guard(policy), fingerprint(policy)
    guard.refuse_change(loaded)
    weights = policy / "model.safetensors"
    before, content = weights.stat(), weights.read_bytes()
    time.sleep(0.02)  # or the times would be equal
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UserError, match="was changed while it was read"):
        guard.refuse_change(loaded)


def test_another_link_to_the_weights_is_no_change(policy: Path, tmp_path: Path) -> None:
    """As a step without a correct rollout makes them, while its policy is evaluated."""
    guard, loaded = Guard(policy), fingerprint(policy)
    time.sleep(0.02)  # or the times would be equal
    folder.link_copy(policy, tmp_path / "next")
    guard.refuse_change(loaded)


def test_only_what_is_computed_with_is_part_of_a_model(policy: Path) -> None:
    before = folder.parts(policy)
    for name in ("README.md", "LICENSE.txt", ".gitattributes", "training.log", "pytorch_model.bin"):
        (policy / name).touch()
    (policy / ".cache").mkdir()
    assert folder.parts(policy) == before
    (policy / "chat_template.jinja").touch()
    assert len(folder.parts(policy)) == len(before) + 1
