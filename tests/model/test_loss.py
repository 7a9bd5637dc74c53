import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from ei.model import attention, head
from ei.model.entropy import response_entropy
from ei.model.packing import Sequence, build_row
from ei.model.passes import backward, measure
from ei.model.weights import Policy, clear_gradients, prepare
from training import tiny

CPU = torch.device("cpu")
NETS = {"tied": lambda: tiny.qwen2(), "untied": lambda: tiny.qwen2(tied=False), "olmo2": tiny.olmo2}


def packed(net: Any, mixed: bool = False) -> Policy:
    net = copy.deepcopy(net)
    policy = prepare(net, mixed)
    clear_gradients(policy)
    return policy


def reference(net: Any, sequence: Sequence) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and entropy of each response token, from the full logits of one sequence alone."""
    logits = net(torch.tensor([sequence.prompt + sequence.response])).logits[
        0, len(sequence.prompt) - 1 : -1
    ]
    distribution = torch.distributions.Categorical(logits=logits)
    return -distribution.log_prob(torch.tensor(sequence.response)), distribution.entropy()


@pytest.mark.parametrize("kind", NETS)
def test_packed_loss_entropy_and_gradients_equal_plain_transformers(kind: str) -> None:
    net = NETS[kind]().double()
    sequences = tiny.sequences(7)
    policy = packed(net)
    scores = backward(policy, build_row(sequences, 16, CPU), scale=0.1)
    nll, entropy = (
        torch.cat(parts) for parts in zip(*[reference(net, s) for s in sequences], strict=True)
    )
    (0.1 * nll.sum()).backward()
    torch.testing.assert_close(scores.nll_R, nll.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(scores.entropy_R, entropy.detach(), rtol=1e-6, atol=0)
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(policy.weights[name].grad, parameter.grad, rtol=1e-6, atol=1e-9)


def test_a_changed_sequence_changes_no_other_sequence_of_its_row() -> None:
    policy = packed(tiny.qwen2().double())
    sequences = tiny.sequences(5)
    before = build_row(sequences, 1, CPU)
    changed = Sequence("q", 0, [3] * len(sequences[2].prompt), [4] * len(sequences[2].response))
    after = build_row([*sequences[:2], changed, *sequences[3:]], 1, CPU)
    same = before.owner_R != 2
    one, two = measure(policy, before), measure(policy, after)
    assert torch.equal(one.nll_R[same], two.nll_R[same])
    assert not torch.equal(one.nll_R[~same], two.nll_R[~same])


def test_a_sequence_has_the_same_loss_wherever_it_lies() -> None:
    policy = packed(tiny.qwen2().double())
    sequences = tiny.sequences(5)
    together, alone = build_row(sequences, 16, CPU), build_row(sequences[3:4], 1, CPU)
    nll_R = measure(policy, together).nll_R[together.owner_R == 3]
    torch.testing.assert_close(nll_R, measure(policy, alone).nll_R, rtol=1e-9, atol=0)


def test_chunks_of_the_vocabulary_product_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    hidden, weight, target = (
        torch.randn(50, 8).double(),
        torch.randn(30, 8).double(),
        torch.randint(30, (50,)),
    )
    one_grad, many_grad = torch.zeros_like(weight), torch.zeros_like(weight)
    one = head.score(hidden, weight, target, one_grad, 0.5)
    monkeypatch.setattr(head, "CHUNK_LOGITS", 30 * 7)
    many = head.score(hidden, weight, target, many_grad, 0.5)
    assert one.grad_RD is not None
    for left, right in (
        (one.nll_R, many.nll_R),
        (one.entropy_R, many.entropy_R),
        (one_grad, many_grad),
    ):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.grad_RD, many.grad_RD, rtol=1e-12, atol=1e-12)


def test_the_entropy_of_equal_logits_is_the_logarithm_of_the_vocabulary() -> None:
    scores = head.score(torch.zeros(3, 4), torch.randn(10, 4), torch.tensor([1, 2, 3]))
    assert scores.entropy_R.tolist() == pytest.approx([2.302585] * 3)


def test_no_response_token_at_all_is_no_error() -> None:
    assert (
        head.score(
            torch.zeros(0, 4), torch.randn(10, 4), torch.zeros(0, dtype=torch.long)
        ).nll_R.tolist()
        == []
    )


def test_bf16_copies_give_nearly_the_gradient_of_fp32() -> None:
    net, row = tiny.qwen2(), build_row(tiny.sequences(20), 1, CPU)
    exact, mixed = packed(net), packed(net, mixed=True)
    scores = [backward(policy, row, 1 / len(row.target_R)) for policy in (exact, mixed)]
    assert float(scores[1].nll_R.mean()) == pytest.approx(float(scores[0].nll_R.mean()), rel=1e-2)
    assert float(scores[1].entropy_R.mean()) == pytest.approx(
        float(scores[0].entropy_R.mean()), rel=1e-2
    )
    flat = [
        torch.cat([policy.weights[name].grad.flatten() for name in exact.weights])
        for policy in (exact, mixed)
    ]  # type: ignore[union-attr]
    assert float(torch.cosine_similarity(flat[0], flat[1], dim=0)) > 0.998
    assert all(
        weight.dtype == weight.grad.dtype == torch.float32 for weight in mixed.weights.values()
    )  # type: ignore[union-attr]
    assert all(copy.grad is None for copy in mixed.copies.values())


def test_response_entropy_is_the_mean_over_each_responses_tokens(tmp_path: Path) -> None:
    folder = tiny.model_folder(tmp_path / "policy")
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    sequences = tiny.sequences(9)
    found = response_entropy(
        folder,
        [s.prompt for s in sequences] + [[5]],
        [s.response for s in sequences] + [[]],
        "cpu",
        row_tokens=50,
    )
    assert found[:-1] == pytest.approx(
        [float(reference(net, s)[1].detach().mean()) for s in sequences], rel=1e-5
    )
    assert found[-1] != found[-1]


@pytest.mark.parametrize("window", [1, 3, 100])
def test_a_window_is_a_token_and_those_before_it(window: int) -> None:
    torch.manual_seed(0)
    row = build_row(tiny.sequences(4), 1, CPU)
    tokens = len(row.ids_T)
    query, key, value = (torch.randn(tokens, heads, 8).double() for heads in (4, 2, 2))
    found = attention.padded(query, key, value, row.padded_NL, 0.3, window)
    owner = torch.bucketize(torch.arange(tokens), row.offset_N1[1:-1], right=True)
    for t in range(tokens):
        seen = [s for s in range(max(0, t - window + 1), t + 1) if owner[s] == owner[t]]
        for head_number in range(4):
            products = key[seen, head_number // 2] @ query[t, head_number]
            expected = (0.3 * products).softmax(0) @ value[seen, head_number // 2]
            torch.testing.assert_close(found[t, head_number], expected)
