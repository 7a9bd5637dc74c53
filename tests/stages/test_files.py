"""Files that cannot be written, or are not what they should be."""

import errno
import os
import random
from pathlib import Path

import polars as pl
import pytest

from ei import disk, stage
from ei.checks import mismatch
from ei.files import (
    read_columns,
    read_evaluation,
    read_table,
    stacked,
    stamp,
    whole,
    write_json,
    write_table,
)
from ei.schema import Evaluation, RunSummary
from ei.stage import UserError
from summaries import run

NUMBERS = pl.DataFrame({"sample": list(range(100_000))})


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_table(NUMBERS, path, stamp("", {})),
        lambda path: write_json({"text": "x" * 100_000}, path, stamp("", {})),
    ],
)
def test_a_full_disk_is_one_sentence_with_the_file_and_a_remedy(tmp_path, write):
    path = tmp_path / "rollouts.parquet"
    disk.sibling(path).symlink_to("/dev/full")
    with pytest.raises(
        UserError, match=r"rollouts\.parquet cannot be written: the disk is full.*--dir"
    ):
        write(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EDQUOT, errno.EACCES, errno.ENOSPC])
def test_what_the_system_refuses_to_write_has_a_remedy(tmp_path, number):
    refused = pytest.raises(UserError, match=r"x\.json cannot be written: .*snakemake --directory")
    with refused, whole(tmp_path / "x.json"):
        raise OSError(number, os.strerror(number))


def test_the_number_of_an_error_is_found_in_the_words_of_libraries_in_rust(tmp_path):
    told = 'Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "..." })'
    with pytest.raises(UserError, match="the disk is full"), whole(tmp_path / "policy"):
        raise RuntimeError(told)


def test_a_full_disk_is_a_sentence_whatever_it_has_led_to(capsys):
    def main():
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "cache/x.py")
        raise RuntimeError("the compiler failed") from full

    with pytest.raises(SystemExit):
        stage.run(main)
    said = capsys.readouterr().err
    assert said.startswith("error: cache/x.py cannot be written: the disk is full: free some space")
    assert said.count("\n") == 1


def test_an_error_about_another_file_is_not_blamed_on_the_output(tmp_path):
    other = OSError(errno.EACCES, "Permission denied", str(tmp_path / "elsewhere/input"))
    with pytest.raises(PermissionError), whole(tmp_path / "x.json"):
        raise other


def test_a_file_in_the_place_of_the_outputs_folder_is_named(tmp_path):
    (tmp_path / "step1").write_text("")
    with pytest.raises(UserError, match="a file is in the place of its folder"):
        write_json({}, tmp_path / "step1/eval.json", stamp("", {}))


def test_bytes_are_on_the_disk_before_the_name_and_then_the_name_is(tmp_path, monkeypatch):
    """A rename alone can survive a power cut that the bytes do not."""
    synced = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda f: (synced.append(os.readlink(f"/proc/self/fd/{f}")), fsync(f))
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (synced.append("renamed"), replace(a, b)))
    with whole(tmp_path / "policy") as partial:
        partial.mkdir()
        (partial / "weights").write_text("1")
    names = [Path(name).name.split(f".{os.getpid()}")[0] for name in synced]
    assert names == ["weights", ".policy", "renamed", tmp_path.name]


def test_a_flipped_bit_is_an_error_or_harmless_and_never_another_text(tmp_path):
    """Harmless where it is in the statistics, which nobody reads."""
    path = tmp_path / "t.parquet"
    text = random.Random(0).randbytes(100).hex()  # which does not compress
    write_table(pl.DataFrame({"response": [text]}), path, stamp("", {}))
    content = path.read_bytes()
    errors = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            assert read_table(path, ["response"])["response"].to_list() == [text]
        except UserError:
            errors += 1
    assert errors > 100


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"sample": ["0"]}, "the column sample holds String, where Int32 is needed"),
        ({"sample": [2**40]}, "the column sample has values beyond Int32"),
        ({"reward": ["1"]}, "the column reward holds String, where Float32 is needed"),
        ({"reward": [float("nan")]}, "the column reward has no finite number in row 1"),
        ({"status": ["wrong", None]}, "the column status is null in row 2"),
        (
            {"response_ids": [[1], [2, -1]]},
            "the column response_ids has a negative token id in row 2",
        ),
        ({"response_ids": [[1, None]]}, "response_ids has a null among its token ids in row 1"),
        ({"prompt_ids": [["1"]]}, r"the column prompt_ids holds List\(String\)"),
    ],
)
def test_a_column_of_another_type_or_with_impossible_values_is_named(tmp_path, columns, sentence):
    table = pl.DataFrame(columns)
    table.write_parquet(tmp_path / "t.parquet")
    for read in (
        lambda path: read_table(path, table.columns),
        lambda path: read_columns(path, *columns),
    ):
        with pytest.raises(UserError, match=rf"t\.parquet: .*{sentence}"):
            read(tmp_path / "t.parquet")


def test_wider_numbers_and_columns_of_nulls_are_taken_in_the_schemas_types(tmp_path):
    pl.DataFrame({"sample": [1], "reward": [1], "level": [None]}).write_parquet(tmp_path / "t")
    table = read_table(tmp_path / "t", ["sample", "reward", "level"])
    assert table.dtypes == [pl.Int32, pl.Float32, pl.String]


def test_tables_of_different_columns_are_not_joined():
    with pytest.raises(UserError, match="do not have the same columns"):
        stacked([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]})])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, None),
        ({"seed": "0"}, "seed is '0', of type str"),
        ({"seed": True}, "seed is 'True', of type bool"),
        ({"kind": "rl"}, "kind is 'rl'"),
        ({"steps": [{"step": 1}]}, "it has no steps[0].rollouts"),
        (
            {"skipped_too_long": {"train": None}},
            "skipped_too_long.train is 'None', of type NoneType",
        ),
    ],
)
def test_the_first_field_that_differs_from_the_schema_is_named(change, sentence):
    assert mismatch(run("main", [0.1, 0.2]) | change, RunSummary) == sentence


def test_an_interval_has_two_ends():
    evaluated = run("main", [0.1])["evaluations"][0]
    assert "1 numbers" in str(mismatch(evaluated | {"accuracy_ci95": [0.1]}, Evaluation))


def test_an_evaluation_of_no_questions_has_no_measures():
    assert mismatch({"step": 1, "n": 0}, Evaluation) is None


@pytest.mark.parametrize("text", ['{"loss": NaN}', '{"loss": Infinity}', "[]", "{", "9" * 5000])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json"):
        read_evaluation(tmp_path / "x.json")
