"""The hash of a file's content, and when it is found again without reading."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from ei import contents
from ei.contents import content_hash


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is old enough for its times to be trusted."""
    path = tmp_path / "train.jsonl"
    path.write_text("one")
    time.sleep(0.05)
    return path


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    monkeypatch.setattr(contents, "SETTLED", 0.04)


def counted(monkeypatch) -> list[Path]:
    """Where every file that is read will be noted."""
    read: list[Path] = []
    hash_of = contents.hash_of
    monkeypatch.setattr(
        contents, "hash_of", lambda path, *files: (read.append(path), hash_of(path, *files))[1]
    )
    return read


def test_an_unchanged_file_is_read_once(file, tmp_path, monkeypatch):
    read = counted(monkeypatch)
    found = {content_hash(file, tmp_path / "cache") for _ in range(3)}
    assert found == {hashlib.sha256(b"one").hexdigest()}
    assert len(read) == 1


def test_new_content_of_equal_size_and_old_time_is_noticed(file, tmp_path):
    """As `cp -p` and `rsync -t` leave it."""
    before, stat = content_hash(file, tmp_path / "cache"), file.stat()
    file.write_text("two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert content_hash(file, tmp_path / "cache") != before


def test_a_file_that_was_just_written_is_read_again(file, tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "SETTLED", 60)
    read = counted(monkeypatch)
    for _ in range(2):
        content_hash(file, tmp_path / "cache")
    assert len(read) == 2


def test_a_deleted_file_has_the_hash_that_it_had(file, tmp_path):
    before = content_hash(file, tmp_path / "cache")
    file.unlink()
    assert content_hash(file, tmp_path / "cache") == before
    assert content_hash(file, tmp_path / "another cache") is None


def test_a_damaged_or_unwritable_cache_costs_time_only(file, tmp_path):
    before = content_hash(file, tmp_path / "cache")
    for entry in (tmp_path / "cache").iterdir():
        entry.write_text("{")
    assert content_hash(file, tmp_path / "cache") == before
    (tmp_path / "no folder").write_text("")
    assert content_hash(file, tmp_path / "no folder") == before


def test_a_folder_has_the_hash_of_its_files_and_their_names(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a").write_text("one")
    first = content_hash(folder, tmp_path / "cache")
    (folder / "a").rename(folder / "b")
    assert content_hash(folder, tmp_path / "cache") != first


def test_of_a_folder_only_the_files_that_count_are_read_and_their_size_is_told_once(tmp_path):
    folder, cache = tmp_path / "set", tmp_path / "cache"
    folder.mkdir()
    (folder / "a").write_text("one")
    told: list[int] = []

    def found() -> str | None:
        return content_hash(folder, cache, lambda path: [path / "a"], told.append)

    time.sleep(0.05)
    before = found()
    (folder / "README").write_text("two")
    assert found() == before
    assert told == [3]
    (folder / "a").write_text("three")
    assert found() != before
    assert told == [3, 5]
