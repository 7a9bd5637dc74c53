"""Token sequences laid end to end in rows, so that hardly any position of a row is padding.

Shape suffixes: T tokens of a row, R response tokens of a row, N sequences of a row, L longest
sequence of a row.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

# Rows on a GPU end at a multiple of this many tokens, a block of the attention kernel.
KERNEL_TOKENS = 128


@dataclass(frozen=True)
class Sequence:
    """One prompt with its response, as token ids.

    `age` is the number of steps since it was sampled: 0 unless earlier steps are trained on again.
    """

    question_id: str
    sample: int
    prompt: list[int]
    response: list[int]
    age: int = 0

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


@dataclass(frozen=True)
class Row:
    """Sequences end to end; padding tokens at the end, if any, are a sequence of their own."""

    sequences: list[Sequence]
    ids_T: Tensor
    position_T: Tensor  # starts again at 0 with every sequence
    offset_N1: Tensor  # int32: where each sequence begins, and T at the end
    longest: int  # tokens of the longest sequence
    padded_NL: Tensor  # positions of each sequence's tokens in the row; T where it has ended
    predicts_R: Tensor  # positions whose next token is a response token
    target_R: Tensor  # that next token
    owner_R: Tensor  # the number of the sequence it belongs to


def first_fit_decreasing(lengths: list[int], capacity: int) -> list[list[int]]:
    """The bins, as lists of item numbers: longest item first, each in the first bin with room."""
    bins: list[list[int]] = []
    room: list[int] = []
    for item in sorted(range(len(lengths)), key=lambda item: -lengths[item]):
        bin = next((bin for bin, left in enumerate(room) if left >= lengths[item]), len(bins))
        if bin == len(bins):
            bins.append([])
            room.append(capacity)
        bins[bin].append(item)
        room[bin] -= lengths[item]
    return bins


def level_rows(lengths: list[int], row_tokens: int, processes: int = 1) -> list[list[int]]:
    """As few rows of at most `row_tokens` as first-fit-decreasing needs, of about equal length.

    Their number is a multiple of `processes` where there are enough sequences, so that all
    processes have equal work. Equal rows also need less memory than some full rows and a short one.
    """
    wanted = len(first_fit_decreasing(lengths, row_tokens))
    wanted = min(len(lengths), -(-wanted // processes) * processes)
    lowest = max(max(lengths), -(-sum(lengths) // wanted))
    step = max(1, row_tokens // 256)  # finer steps would level by less than half a percent
    for capacity in range(lowest, row_tokens, step):
        rows = first_fit_decreasing(lengths, capacity)
        if len(rows) <= wanted:
            return rows
    return first_fit_decreasing(lengths, row_tokens)


def row_multiple(device: torch.device) -> int:
    """The number of tokens of which a row's length is a multiple on this device."""
    return KERNEL_TOKENS if device.type == "cuda" else 1


def build_row(sequences: list[Sequence], multiple: int, device: torch.device) -> Row:
    """The row of these sequences on `device`, padded to a multiple of `multiple` tokens."""
    lengths = [len(sequence) for sequence in sequences]
    padding = -sum(lengths) % multiple
    lengths += [padding] if padding else []
    length_N = torch.tensor(lengths)
    offset_N1 = torch.cat([torch.zeros(1, dtype=torch.long), length_N.cumsum(0)])
    start_N, total = offset_N1[:-1], int(offset_N1[-1])
    ids = [token for sequence in sequences for token in sequence.prompt + sequence.response]
    ids_T = torch.tensor(ids + [0] * padding)
    within_NL = torch.arange(int(length_N.max())).expand(len(lengths), -1)
    padded_NL = torch.where(within_NL < length_N[:, None], within_NL + start_N[:, None], total)
    position_T = torch.arange(total) - start_N.repeat_interleave(length_N)
    owner_R, at_R = _response_tokens(sequences, start_N)
    return Row(
        sequences=sequences,
        ids_T=ids_T.to(device),
        position_T=position_T.to(device),
        offset_N1=offset_N1.to(torch.int32).to(device),
        longest=max(lengths),
        padded_NL=padded_NL.to(device),
        predicts_R=(at_R - 1).to(device),
        target_R=ids_T[at_R].to(device),
        owner_R=owner_R.to(device),
    )


def _response_tokens(sequences: list[Sequence], start_N: Tensor) -> tuple[Tensor, Tensor]:
    """For each response token, the number of its sequence, and its position in the row."""
    prompt_N = torch.tensor([len(sequence.prompt) for sequence in sequences])
    response_N = torch.tensor([len(sequence.response) for sequence in sequences])
    owner_R = torch.arange(len(sequences)).repeat_interleave(response_N)
    before_N = response_N.cumsum(0) - response_N  # response tokens of the sequences before
    within_R = torch.arange(len(owner_R)) - before_N[owner_R]
    return owner_R, (start_N[: len(sequences)] + prompt_N)[owner_R] + within_R
