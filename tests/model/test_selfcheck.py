"""The check at load finds what would be computed wrongly, and wrong types are refused before it."""

import dataclasses
from pathlib import Path

import pytest

from ei.model import architecture, attention, selfcheck, support
from ei.model.selfcheck import refuse_difference
from ei.model.weights import prepare
from ei.stage import UserError
from model import architectures

HERE = Path("policy")


def test_the_models_themselves_pass() -> None:
    for kind in ("phi", "gemma3_text", "gpt_oss"):
        refuse_difference(prepare(architectures.model(kind), mixed=False), HERE)


def test_a_forgotten_bias_of_the_output_matrix_is_refused() -> None:
    policy = prepare(architectures.model("phi"), mixed=False)
    policy.form = dataclasses.replace(policy.form, bias_V=None)
    with pytest.raises(UserError, match="policy: SFT would compute other losses than PhiForCausal"):
        refuse_difference(policy, HERE)


def test_a_scale_of_the_logits_that_nobody_knows_of_is_refused() -> None:
    policy = prepare(architectures.model("cohere"), mixed=False)
    policy.form = dataclasses.replace(policy.form, scale=1.0)
    with pytest.raises(UserError, match="other losses"):
        refuse_difference(policy, HERE)


def test_a_model_whose_tokens_see_later_ones_is_refused() -> None:
    policy = prepare(architectures.model("bert", is_decoder=False), mixed=False)
    policy.packed = False
    attention.use(policy.model, policy.own_attention)
    with pytest.raises(UserError, match="other losses"):
        refuse_difference(policy, HERE)


def test_a_window_that_the_attention_is_not_told_of_is_refused_however_wide_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(support, "WINDOW_UNTOLD", set())
    windows = {"use_sliding_window": True, "sliding_window": 60, "max_window_layers": 1}
    policy = prepare(architectures.model("qwen2_moe", **windows), mixed=False)
    assert policy.packed
    with pytest.raises(UserError, match="its mask has a window of 60 tokens, and its attention"):
        refuse_difference(policy, HERE)


def test_such_a_model_computes_padded_batches_instead() -> None:
    windows = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}
    policy = prepare(architectures.model("qwen2_moe", **windows), mixed=False)
    assert not policy.packed
    assert selfcheck.difference(policy) < 1e-5


def test_a_model_that_cannot_compute_at_all_is_refused_with_its_error() -> None:
    policy = prepare(architectures.model("llama"), mixed=False)
    del policy.model.model.norm
    with pytest.raises(UserError, match=r"LlamaForCausalLM cannot compute a few tokens .*norm"):
        refuse_difference(policy, HERE)


@pytest.mark.parametrize("kind", ["doge", "deepseek_v32", "roberta"])
def test_a_type_that_is_not_exact_is_refused_before_its_weights_are_loaded(
    kind: str, tmp_path: Path
) -> None:
    more = {"is_decoder": True} if kind == "roberta" else {}
    architectures.model(kind, **more).bfloat16().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=f"is of type {kind}: {support.models()[kind][1][:20]}"):
        architecture.check(tmp_path)
