"""Exact entropy of a policy on given responses: one definition for training and evaluation.

The Shannon entropy, in nats, of the next-token distribution at temperature 1 over the whole
vocabulary, at every response position.
"""

from pathlib import Path

import torch

from ei.model import packing
from ei.model.load import load
from ei.model.packing import Sequence
from ei.model.passes import measure
from ei.model.weights import Policy


def response_entropy(
    folder: Path, prompts: list[list[int]], responses: list[list[int]], device: str, row_tokens: int
) -> list[float]:
    """The mean entropy of each response's tokens, in nats, under the policy in `folder`.

    NaN for an empty response. `device` is "cpu" (fp32) or "cuda" (bf16). A row grows past
    `row_tokens` only for a single sequence that is longer.
    """
    policy = load(folder, torch.device(device), frozen=True)
    sequences = [
        Sequence(str(number), 0, prompt, response)
        for number, (prompt, response) in enumerate(zip(prompts, responses, strict=True))
    ]
    totals = entropy_sums(policy, sequences, row_tokens)
    return [
        total / len(response) if response else float("nan")
        for total, response in zip(totals, responses, strict=True)
    ]


def entropy_sums(policy: Policy, sequences: list[Sequence], row_tokens: int) -> list[float]:
    """The summed entropy of each sequence's response tokens, in nats, in order."""
    if not sequences:
        return []
    lengths = [len(sequence) for sequence in sequences]
    multiple = packing.row_multiple(policy.device)
    totals = [0.0] * len(sequences)
    for bin in packing.first_fit_decreasing(lengths, max(row_tokens, *lengths)):
        row = packing.build_row([sequences[item] for item in bin], multiple, policy.device)
        entropy_R = measure(policy, row).entropy_R
        # In fp64, so that a long response's sum is as precise as its fp32 terms.
        sums = torch.zeros(len(bin), dtype=torch.float64, device=policy.device)
        sums.index_add_(0, row.owner_R, entropy_R.double())
        for item, total in zip(bin, sums.tolist(), strict=True):
            totals[item] = total
    return totals
