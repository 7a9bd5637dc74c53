import random

import pytest
import torch

from ei.model import packing
from ei.model.packing import Sequence, build_row, first_fit_decreasing, level_rows

CPU = torch.device("cpu")


def recorded(count: int, seed: int) -> list[int]:
    """Lengths like those of recorded rollouts: prompts of about 190 tokens, responses of 191."""
    draw = random.Random(seed)
    return [
        draw.randint(130, 250) + min(1024, round(draw.lognormvariate(4.86, 0.85)))
        for _ in range(count)
    ]


def test_the_longest_sequence_goes_first_and_each_into_the_first_row_with_room() -> None:
    assert first_fit_decreasing([3, 9, 4, 6, 1], 10) == [[1, 4], [3, 2], [0]]


def test_at_least_95_percent_of_row_tokens_are_real() -> None:
    lengths = recorded(3000, seed=0)
    rows = first_fit_decreasing(lengths, 16384)
    assert sum(lengths) / (16384 * len(rows)) > 0.95


def test_rows_of_an_update_are_about_equal_and_no_longer_than_allowed() -> None:
    lengths = recorded(64, seed=1)
    rows = [sum(lengths[item] for item in row) for row in level_rows(lengths, 16384)]
    assert len(rows) == -(-sum(lengths) // 16384)
    assert max(rows) <= 16384
    assert min(rows) > 0.97 * max(rows)


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_processes_get_equally_many_rows(processes: int) -> None:
    lengths = recorded(64, seed=2)
    rows = level_rows(lengths, 16384, processes)
    assert len(rows) % processes == 0
    assert sorted(item for row in rows for item in row) == list(range(64))


def test_positions_start_again_with_every_sequence_and_only_response_tokens_are_predicted() -> None:
    row = build_row([Sequence("a", 0, [5, 6], [7, 8]), Sequence("b", 0, [9], [10])], 8, CPU)
    assert row.ids_T.tolist() == [5, 6, 7, 8, 9, 10, 0, 0]
    assert row.position_T.tolist() == [0, 1, 2, 3, 0, 1, 0, 1]
    assert row.offset_N1.tolist() == [0, 4, 6, 8]
    assert row.padded_NL.tolist() == [[0, 1, 2, 3], [4, 5, 8, 8], [6, 7, 8, 8]]
    assert row.predicts_R.tolist() == [1, 2, 4]
    assert row.target_R.tolist() == [7, 8, 10]
    assert row.owner_R.tolist() == [0, 0, 1]


def test_packing_does_not_change_with_sequences_of_equal_length() -> None:
    assert packing.level_rows([5, 5, 5], 10) == [[0, 1], [2]]
