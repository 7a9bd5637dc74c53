"""Decoder layers of unlike models as one graph each, as `compile_layers` wants them on a GPU.

Only tracing is tested: what is traced runs as it is, without a compiler.
"""

import pytest
import torch

from ei.model.packing import build_row
from ei.model.passes import measure
from ei.model.weights import prepare
from model import architectures

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", ["gemma3_text", "mixtral"])
def test_layers_with_windows_and_with_merged_experts_are_traced_whole(kind: str) -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    policy = prepare(architectures.model(kind), mixed=False)
    rows = [build_row(architectures.sequences()[:count], 1, CPU) for count in (3, 2)]
    expected = [measure(policy, row).nll_R for row in rows]
    for layer in policy.layers:
        layer.forward = torch.compile(layer.forward, fullgraph=True, dynamic=True, backend="eager")
    for row, nll_R in zip(rows, expected, strict=True):
        torch.testing.assert_close(measure(policy, row).nll_R, nll_R)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert 1 <= graphs <= len(policy.layers), "rows of another length are traced again"
