"""Every causal language model of transformers: trained exactly, or refused in one sentence."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from ei.model import attention, folder, support
from ei.model.load import load
from ei.model.names import to_write
from ei.model.packing import build_row
from ei.model.passes import backward
from ei.model.selfcheck import TOLERANCE, TOLERANCE_MIXED, difference
from ei.model.weights import clear_gradients, prepare, use_bf16
from ei.sampling import transformers_engine
from ei.sampling.requests import Request
from ei.sampling.settings import Sampling
from ei.training.loop import train
from ei.training.processes import World
from ei.training.recipe import Recipe
from model import architectures

CPU = torch.device("cpu")
EXACT = [kind for kind, (rows, _) in support.models().items() if rows != support.REFUSED]
REFUSED = [kind for kind in support.models() if kind not in EXACT]
# In fp64 its causal mask is beyond what its own code can write.
SINGLE = {"xglm"}


def reference(net: Any) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Loss and entropy of each response token, and gradients of 0.1 x the summed loss.

    By transformers and autograd alone, for one sequence at a time.
    """
    nll, entropy = [], []
    for sequence in architectures.sequences():
        ids = torch.tensor([sequence.prompt + sequence.response])
        logits = net(ids, use_cache=False).logits[0, len(sequence.prompt) - 1 : -1]
        distribution = torch.distributions.Categorical(logits=logits)
        nll.append(-distribution.log_prob(torch.tensor(sequence.response)))
        entropy.append(distribution.entropy())
    (0.1 * torch.cat(nll).sum()).backward()
    grads = {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad.clone()
        for name, weight in net.named_parameters()
    }
    net.zero_grad()
    return torch.cat(nll).detach(), torch.cat(entropy).detach(), grads


def precise(kind: str) -> Any:
    """The tiny model in fp64, where its attention is the one that knows all it asks for.

    The fast product of experts has no fp64.
    """
    net = architectures.model(kind)
    net = net if kind in SINGLE else net.double()
    if net._can_set_experts_implementation():
        net.set_experts_implementation("eager")
    own = support.own_attention(net.config)
    if own:
        attention.use(net, own)
    return net


@pytest.mark.parametrize("kind", EXACT)
def test_loss_entropy_and_gradients_are_those_of_the_model_itself(kind: str) -> None:
    net = precise(kind)
    nll_R, entropy_R, grads = reference(net)
    policy = prepare(net, mixed=False)
    assert policy.packed == (support.models()[kind][0] == support.PACKED)
    clear_gradients(policy)
    scores = backward(policy, build_row(architectures.sequences(), 1, CPU), scale=0.1)
    # Some classes compute norms and rotations in fp32 whatever they are given.
    close = 1e-4 if kind in SINGLE else 2e-6
    torch.testing.assert_close(scores.nll_R, nll_R, rtol=close, atol=0)
    torch.testing.assert_close(scores.entropy_R, entropy_R, rtol=close, atol=0)
    for name, weight in policy.weights.items():
        largest = max(float(grads[name].abs().max()), 1e-3)
        torch.testing.assert_close(weight.grad, grads[name], rtol=0, atol=10 * close * largest)


@pytest.mark.parametrize("kind", EXACT)
def test_the_check_at_load_finds_little_of_what_it_allows_and_bf16_copies_learn(kind: str) -> None:
    net = architectures.model(kind)
    own = support.own_attention(net.config)
    if own:
        attention.use(net, own)
    policy = prepare(net, mixed=False)
    assert difference(policy) < 0.01 * TOLERANCE
    use_bf16(policy)
    assert difference(policy) < 0.1 * TOLERANCE_MIXED
    clear_gradients(policy)
    backward(policy, build_row(architectures.sequences(), 1, CPU), scale=0.1)
    assert all(bool(weight.grad.isfinite().all()) for weight in policy.weights.values())
    assert policy.copies


@pytest.mark.parametrize("kind", EXACT)
def test_a_folder_written_after_an_update_has_the_tensors_of_the_base_and_loads_again(
    kind: str, tmp_path: Path
) -> None:
    base, out = tmp_path / "base", tmp_path / "policy"
    save(kind, base)
    policy = load(base, CPU)
    recipe = Recipe(epochs=1, lr=1e-2, batch=8, min_updates=1, row_tokens=100)
    train(policy, architectures.sequences(), recipe, World(CPU))
    folder.write(to_write(policy, folder.tensor_names(base)), base, out)
    assert folder.tensor_names(out) == folder.tensor_names(base)
    own = support.own_attention(policy.model.config)
    again = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation=own)
    before = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        for weight in policy.weights.values():
            weight.copy_(weight.bfloat16())
    attention.use(policy.model, policy.own_attention)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
    expected, found, old = (
        net(ids, use_cache=False).logits.detach() for net in (policy.model, again.eval(), before)
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, old, atol=1e-2)


def save(kind: str, base: Path) -> None:
    """A complete folder of the tiny model, in bf16."""
    architectures.model(kind).bfloat16().save_pretrained(base)
    (base / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize("kind", EXACT)
@torch.inference_mode()
def test_the_transformers_engine_draws_from_the_model_itself(kind: str) -> None:
    net = architectures.model(kind)
    own = support.own_attention(net.config)
    if own:
        attention.use(net, own)
    greedy = Sampling(temperature=0.0, max_tokens=8, min_tokens=1)
    prompts = [[7, 8, 9], [10, 11, 12, 13, 14, 15]]  # the first one is padded on the left
    batch = [Request(f"q{number}", ids, 0, range(1)) for number, ids in enumerate(prompts)]
    drawn = transformers_engine._draw_batch(net, batch, greedy, lambda response: False, [])
    for prompt, rollout in zip(prompts, drawn, strict=True):
        logits = net(torch.tensor([prompt + rollout.ids]), use_cache=False).logits[0]
        token_RV = logits[len(prompt) - 1 : -1]
        chosen_R = token_RV.gather(1, torch.tensor(rollout.ids)[:, None])[:, 0]
        torch.testing.assert_close(chosen_R, token_RV.amax(dim=1), rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_exact_is_refused_by_its_type_with_the_reason(kind: str) -> None:
    assert support.refusal(type("Config", (), {"model_type": kind})()) == support.models()[kind][1]
    assert support.models()[kind][1]


def test_the_table_has_every_type_that_transformers_calls_a_causal_language_model() -> None:
    assert sorted(support.models()) == sorted(architectures.TYPES)
    assert len(EXACT) == 106
