"""Unlike architectures on a GPU: the kernel with windows, uneven heads, padded rows, compiled."""

from pathlib import Path

import pytest
import torch

from ei.model import attention
from ei.model.load import compile_layers, load
from ei.model.packing import build_row
from ei.model.passes import backward
from ei.model.weights import Policy, clear_gradients
from model import architectures
from training import tiny

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
GPU = torch.device("cuda")
# Windows in some layers, in all, a bias of the output matrix, other names, merged experts, keys
# wider than values, capped scores and logits, sinks, distances instead of positions.
KINDS = ("gemma3_text", "mistral", "phi", "gpt_neox", "mixtral", "deepseek_v3",
         "gemma2", "gpt_oss", "bloom")  # fmt: skip


def gradient(policy: Policy) -> torch.Tensor:
    grads = [policy.weights[name].grad for name in sorted(policy.weights)]
    return torch.cat([grad.flatten() for grad in grads if grad is not None])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision_agrees_with_fp32(kind: str, compiled: bool, tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    architectures.model(kind).bfloat16().save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    mixed, exact = load(folder, GPU), load(folder, GPU, mixed=False)
    if compiled:
        compile_layers(mixed)
    for policy in (mixed, exact):
        clear_gradients(policy)
    for count in (3, 12, 7):
        row = build_row(tiny.sequences(count, seed=count), 128, GPU)
        ours, reference = (backward(policy, row, 1 / count) for policy in (mixed, exact))
        torch.testing.assert_close(ours.nll_R.mean(), reference.nll_R.mean(), rtol=2e-2, atol=0)
        torch.testing.assert_close(
            ours.entropy_R.mean(), reference.entropy_R.mean(), rtol=2e-2, atol=0
        )
    likeness = torch.cosine_similarity(gradient(mixed), gradient(exact), dim=0)
    assert float(likeness) > 0.99


@pytest.mark.parametrize("window", [1, 4, 1000])
@pytest.mark.parametrize("widths", [(64, 64), (20, 12)])  # of queries and keys, and of values
def test_the_kernel_sees_the_same_window_as_the_padded_batch(
    window: int, widths: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    row = build_row(tiny.sequences(30), 128, GPU)
    query, key, value = (
        torch.randn(len(row.ids_T), heads, width, device=GPU, dtype=torch.bfloat16)
        for heads, width in ((4, widths[0]), (2, widths[0]), (2, widths[1]))
    )
    kernel = attention.varlen(query, key, value, row.offset_N1, row.longest, None, window)
    exact = attention.padded(query.float(), key.float(), value.float(), row.padded_NL, None, window)
    assert kernel.shape == exact.shape
    assert float((kernel - exact).norm()) < 1e-2 * float(exact.norm())
