"""Damaged checkpoints, and disks that are full: a training ends well, or in one sentence."""

import contextlib
import dataclasses
import errno
import os
import queue
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ei.stage import UserError
from ei.training import checkpoint, processes
from ei.training.job import run_job
from ei.training.loop import Record, train
from ei.training.processes import World
from ei.training.recipe import Recipe
from ei.training.report import reporting
from stages.damages import ANYTHING, but, flipped
from training import tiny
from training.test_sft_train import policy, weights

ALONE = World(torch.device("cpu"))
RECIPE = Recipe(epochs=2, lr=1e-2, batch=8, min_updates=1, row_tokens=100, clip=1e9)
DAMAGES = {
    **but(ANYTHING, "absent"),
    **{f"a flipped bit, {seed}": flipped(seed) for seed in range(6)},
    "another archive": lambda path: torch.save({"key": "other"}, path),
    "a list": lambda path: torch.save([1], path),
}


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses to write more than `size` bytes into a file: EFBIG, as ulimit -f does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.Tensor, bytes]:
    """The trained weights, and the checkpoint after the first epoch."""
    torch.set_num_threads(1)
    keep = tmp_path_factory.mktemp("kept") / "checkpoint.pt"
    trained = policy()
    train(trained, tiny.sequences(20), RECIPE, ALONE, keep)
    return weights(trained), keep.read_bytes()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_discarded_and_the_training_starts_over(
    undisturbed: tuple[torch.Tensor, bytes],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    keep = tmp_path / "checkpoint.pt"
    keep.write_bytes(undisturbed[1])
    DAMAGES[damage](keep)
    again = policy()
    key = checkpoint.key_of(again, tiny.sequences(20), RECIPE)
    saved = checkpoint.restore(again, torch.optim.AdamW(again.weights.values()), key, keep)
    # A flipped bit may lie in an archive's dates or padding, and then harms nothing.
    if not ("flipped" in damage and saved):
        assert saved == []
        assert "checkpoint.pt is discarded, and training starts over: " in caplog.text
        assert not keep.exists()
        assert torch.equal(weights(again), weights(policy()))
    trained = policy()
    train(trained, tiny.sequences(20), RECIPE, ALONE, keep)
    assert torch.equal(weights(trained), undisturbed[0])


def test_a_flipped_bit_in_a_checkpoints_weights_is_seen(
    undisturbed: tuple[torch.Tensor, bytes], tmp_path: Path
) -> None:
    keep = tmp_path / "checkpoint.pt"
    content = bytearray(undisturbed[1])
    content[len(content) // 2] ^= 1  # the archive is mostly tensors
    keep.write_bytes(content)
    again = policy()
    key = checkpoint.key_of(again, tiny.sequences(20), RECIPE)
    with pytest.raises(ValueError, match="checksum"):
        checkpoint.intact(keep, key)


def test_where_a_checkpoint_cannot_be_written_training_goes_on_and_says_so(
    undisturbed: tuple[torch.Tensor, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep, trained = tmp_path / "checkpoint.pt", policy()
    with largest_file(20_000):
        train(trained, tiny.sequences(20), RECIPE, ALONE, keep)
    assert torch.equal(weights(trained), undisturbed[0])
    assert "checkpoint.pt cannot be written: the file would be larger" in caplog.text
    assert "Training goes on without this checkpoint" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_policy_that_cannot_be_written_is_one_sentence_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    work = tiny.job(tiny.step_folder(tmp_path))
    with (
        pytest.raises(UserError, match=r"step1/policy cannot be written: the file would be larger"),
        largest_file(20_000),
    ):
        run_job(work, time.perf_counter(), ALONE)
    assert not work.output.exists()
    assert not work.training.exists()


def test_a_full_disk_under_a_compilers_cache_is_a_sentence_of_that_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compile_something(_: World) -> None:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x/cache.py")
        raise RuntimeError("the compiler failed") from full

    monkeypatch.setattr(processes, "_join", lambda work, *_: work(ALONE))
    errors: queue.SimpleQueue[str] = queue.SimpleQueue()
    with pytest.raises(SystemExit):
        processes._spawned(0, compile_something, "cpu", 2, "", errors)
    assert errors.get().startswith("x/cache.py cannot be written: the disk is full")


def test_tensorboard_events_that_cannot_be_written_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Record(1, 1, 1.0, 1.0, 1.0, 1.0, 1, 1, 1, 1, 1.0, 1.0)
    with (
        pytest.raises(UserError, match="tensorboard cannot be written: the file would be larger"),
        largest_file(2_000),
        reporting(1000, tmp_path / "tensorboard") as show,
    ):
        for number in range(1000):
            show(dataclasses.replace(record, update=number))
    assert "Traceback" not in capsys.readouterr().err
