"""Exact entropy of a policy on given responses: one definition for training, sampling and evaluation.

The Shannon entropy, in nats, of the next-token distribution at temperature 1 over the whole vocabulary, at every
response position.
"""

from pathlib import Path

import torch

from ei.training import model, packing
from ei.training.model import Policy
from ei.training.packing import Sequence


def response_entropy(
    folder: Path, prompts: list[list[int]], responses: list[list[int]], device: str, row_tokens: int
) -> list[float]:
    """The mean entropy of each response's tokens, in nats, under the policy in `folder`; NaN for an empty response.

    `device` is "cpu" (fp32) or "cuda" (bf16). A row grows past `row_tokens` where one sequence alone needs it.
    """
    policy = model.load(folder, torch.device(device))
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
    """The summed entropy of each sequence's response tokens, in nats, in the order of `sequences`."""
    if not sequences:
        return []
    lengths = [len(sequence) for sequence in sequences]
    multiple = 128 if policy.device.type == "cuda" else 1
    totals = [0.0] * len(sequences)
    for bin in packing.first_fit_decreasing(lengths, max(row_tokens, *lengths)):
        row = packing.build_row([sequences[item] for item in bin], multiple, policy.device)
        entropy_R = model.measure(policy, row).entropy_R
        sums = torch.zeros(len(bin), dtype=torch.float64, device=policy.device)
        sums.index_add_(0, row.owner_R, entropy_R.double())
        for item, total in zip(bin, sums.tolist(), strict=True):
            totals[item] = total
    return totals
