import random

import pytest
import torch
from ei.training.packing import Sequence, build_row, first_fit_decreasing, level_rows

from ei.stage import UserError
from ei.training import data, packing, schedule
from ei.training.schedule import Recipe
from training import tiny

CPU = torch.device("cpu")


def recorded(count: int, seed: int) -> list[int]:
    """Lengths like those of recorded rollouts: prompts around 180 tokens, responses of median 129 and mean 191."""
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


def test_a_sequence_longer_than_a_row_is_an_error_not_a_truncation() -> None:
    with pytest.raises(
        UserError,
        match=r"question q7, sample 2 has 6 tokens, more than a row of 5: raise sft.row_to",
    ):
        data.check([Sequence("q7", 2, [1, 2, 3], [4, 5, 6])], 5, vocabulary=10)


def test_ids_beyond_the_vocabulary_and_empty_responses_are_errors() -> None:
    with pytest.raises(UserError, match="token id beyond the model's vocabulary of 6"):
        data.check([Sequence("q", 0, [1], [6])], 9, vocabulary=6)
    with pytest.raises(UserError, match="empty response"):
        data.check([Sequence("q", 0, [1], [])], 9, vocabulary=6)


def test_an_end_is_appended_once() -> None:
    ended = data.with_end([Sequence("a", 0, [3], [4]), Sequence("b", 0, [3], [4, 1])], 1)
    assert [sequence.response for sequence in ended] == [[4, 1], [4, 1]]


@pytest.mark.parametrize(
    ("count", "batch", "min_updates", "epochs", "each"),
    [
        (1000, 64, 8, 2, 16),
        (64, 64, 8, 2, 4),
        (20, 64, 8, 2, 4),
        (3, 64, 8, 2, 3),
        (65, 64, 1, 1, 2),
        (64, 64, 1, 1, 1),
    ],
)
def test_a_small_set_shrinks_the_batch(
    count: int, batch: int, min_updates: int, epochs: int, each: int
) -> None:
    recipe = Recipe(epochs=epochs, batch=batch, min_updates=min_updates)
    updates = schedule.plan([Sequence(str(number), 0, [1], [1]) for number in range(count)], recipe)
    assert len(updates) == each * epochs
    sizes = [len(update.sequences) for update in updates]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch


def test_every_epoch_has_every_sequence_once_in_an_order_of_its_own() -> None:
    sequences = tiny.sequences(30)
    updates = schedule.plan(sequences, Recipe(batch=7, min_updates=1))
    epochs = [
        [id(s) for update in updates if update.epoch == epoch for s in update.sequences]
        for epoch in (1, 2)
    ]
    assert all(sorted(epoch) == sorted(map(id, sequences)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_the_order_depends_on_seed_and_identity_not_on_the_file() -> None:
    sequences = tiny.sequences(30)
    assert schedule.plan(sequences, Recipe(seed="3/1")) == schedule.plan(
        sequences[::-1], Recipe(seed="3/1")
    )
    assert schedule.plan(sequences, Recipe(seed="3/1")) != schedule.plan(
        sequences, Recipe(seed="3/2")
    )


def test_the_learning_rate_warms_up_and_decays_to_a_tenth() -> None:
    rates = [
        schedule.learning_rate(number, 13, Recipe(lr=1.0, warmup=0.2)) for number in range(1, 14)
    ]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)


def test_packing_does_not_change_with_sequences_of_equal_length() -> None:
    assert packing.level_rows([5, 5, 5], 10) == [[0, 1], [2]]
