import pytest

from ei.model.packing import Sequence
from ei.stage import UserError
from ei.training import schedule
from ei.training.recipe import Recipe
from ei.training.sequences import check, identity, union, with_end
from training import tiny


def test_a_sequence_longer_than_a_row_is_an_error_not_a_truncation() -> None:
    with pytest.raises(
        UserError,
        match=r"question q7, sample 2 has 6 tokens, more than a row of 5: raise sft.row_to",
    ):
        check([Sequence("q7", 2, [1, 2, 3], [4, 5, 6])], 5, vocabulary=10)


def test_ids_beyond_the_vocabulary_and_empty_responses_are_errors() -> None:
    with pytest.raises(UserError, match="token id beyond the model's vocabulary of 6"):
        check([Sequence("q", 0, [1], [6])], 9, vocabulary=6)
    with pytest.raises(UserError, match="empty response"):
        check([Sequence("q", 0, [1], [])], 9, vocabulary=6)


def test_an_end_is_appended_once() -> None:
    ended = with_end([Sequence("a", 0, [3], [4]), Sequence("b", 0, [3], [4, 1])], 1)
    assert [sequence.response for sequence in ended] == [[4, 1], [4, 1]]


def test_a_union_of_steps_has_each_response_once_and_the_newest_within_its_cap() -> None:
    new = [Sequence("a", 0, [3], [4]), Sequence("b", 0, [3], [5])]
    old = [Sequence("a", 0, [3], [5], 1), Sequence("b", 0, [3], [5], 1)]
    oldest = [Sequence("a", 1, [3], [6], 2)]
    assert union([new, old, oldest], None) == [*new, old[0], *oldest]
    assert union([new, old, oldest], 2) == [*new, old[0]]
    assert union([[], old], 1) == old


def test_equal_samples_of_two_steps_are_two_sequences_with_places_of_their_own() -> None:
    both = [Sequence("a", 0, [3], [4 + age], age) for age in range(40)]
    assert len({identity(sequence) for sequence in both}) == 40
    order = [sequence.age for sequence in schedule.shuffled(both, "0/1")]
    assert order != sorted(order)
    assert order == [one.age for one in schedule.shuffled(both[::-1], "0/1")]


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
