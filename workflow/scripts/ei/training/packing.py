"""Token sequences laid end to end in rows, so that next to no position of a row is padding.

Shape suffixes: T tokens of a row, R response tokens of a row, N sequences of a row, L longest sequence of a row.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sequence:
    """One prompt with its response, as token ids."""

    question_id: str
    sample: int
    prompt: list[int]
    response: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


@dataclass(frozen=True)
class Row:
    """Sequences end to end, then fewer than `multiple` padding tokens, which are a sequence of their own."""

    sequences: list[Sequence]
    ids_T: Tensor
    position_T: Tensor  # starts again at 0 with every sequence
    offset_N1: Tensor  # int32: where each sequence begins, and T at the end
    longest: int  # tokens of the longest sequence
    padded_NL: (
        Tensor  # for each sequence, the positions of its tokens in the row; T where it has ended
    )
    predicts_R: Tensor  # positions whose next token is a response token
    target_R: Tensor  # that next token
    owner_R: Tensor  # the number of the sequence it belongs to


def first_fit_decreasing(lengths: list[int], capacity: int) -> list[list[int]]:
    """The bins, as lists of item numbers: longest item first, each into the first bin that has room."""
    bins: list[list[int]] = []
    room: list[int] = []
    for item in sorted(range(len(lengths)), key=lambda item: -lengths[item]):
        place = next((bin for bin, left in enumerate(room) if left >= lengths[item]), len(bins))
        if place == len(bins):
            bins.append([])
            room.append(capacity)
        bins[place].append(item)
        room[place] -= lengths[item]
    return bins


def level_rows(lengths: list[int], row_tokens: int, processes: int = 1) -> list[list[int]]:
    """As few rows of at most `row_tokens` as first-fit-decreasing needs, of about equal length.

    Their number is a multiple of `processes` where there are sequences enough, so that all processes have
    equal work. Equal rows also need less memory than some full rows and a short one.
    """
    wanted = len(first_fit_decreasing(lengths, row_tokens))
    wanted = min(len(lengths), -(-wanted // processes) * processes)
    lowest = max(max(lengths), -(-sum(lengths) // wanted))
    for capacity in range(lowest, row_tokens, max(1, row_tokens // 256)):
        rows = first_fit_decreasing(lengths, capacity)
        if len(rows) <= wanted:
            return rows
    return first_fit_decreasing(lengths, row_tokens)


def build_row(sequences: list[Sequence], multiple: int, device: torch.device) -> Row:
    """The row of these sequences on `device`, its length rounded up to a multiple of `multiple` tokens."""
    lengths = [len(sequence) for sequence in sequences]
    padding = -sum(lengths) % multiple
    lengths += [padding] if padding else []
    length_N = torch.tensor(lengths)
    offset_N1 = torch.cat([torch.zeros(1, dtype=torch.long), length_N.cumsum(0)])
    total = int(offset_N1[-1])
    within_NL = torch.arange(int(length_N.max())).expand(len(lengths), -1)
    padded_NL = torch.where(within_NL < length_N[:, None], within_NL + offset_N1[:-1, None], total)
    ids_T = torch.tensor(
        [token for sequence in sequences for token in sequence.prompt + sequence.response]
        + [0] * padding
    )
    position_T = torch.arange(total) - offset_N1[:-1].repeat_interleave(length_N)
    answers_N = torch.tensor([len(sequence.response) for sequence in sequences])
    owner_R = torch.arange(len(sequences)).repeat_interleave(answers_N)
    within_R = torch.arange(len(owner_R)) - (answers_N.cumsum(0) - answers_N)[owner_R]
    target_at_R = (
        offset_N1[:-1] + torch.tensor([len(s.prompt) for s in sequences] + [0] * bool(padding))
    )[owner_R] + within_R
    return Row(
        sequences=sequences,
        ids_T=ids_T.to(device),
        position_T=position_T.to(device),
        offset_N1=offset_N1.to(torch.int32).to(device),
        longest=max(lengths),
        padded_NL=padded_NL.to(device),
        predicts_R=(target_at_R - 1).to(device),
        target_R=ids_T[target_at_R].to(device),
        owner_R=owner_R.to(device),
    )
