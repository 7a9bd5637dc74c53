"""A damaged chunk of an interrupted sampling is discarded, with a line in the log, and redone."""

import shutil

import polars as pl
import pytest

from ei import schema
from ei.files import write_table
from ei.sampling import resumable
from ei.sampling.requests import Request
from stages.damages import PARQUET, but

ASKED = [Request(f"q{k}", [1, 2], 0, range(2)) for k in range(6)]


def chunk_of(*names):
    """Both rollouts of these questions, in the columns of rollouts.parquet."""
    row = {
        "question": "1+1?", "answer": "2", "seed": 0, "prompt_ids": [1, 2], "response": "x",
        "response_ids": [3], "finish_reason": "stop", "step": 1, "policy": "p",
    }  # fmt: skip
    rows = [{"question_id": name, "sample": k, **row} for name in names for k in (0, 1)]
    return pl.DataFrame(rows, schema=schema.ROLLOUTS)


@pytest.fixture(scope="module")
def chunks(tmp_path_factory):
    """Three chunks of two questions each."""
    folder = tmp_path_factory.mktemp("chunks")
    for k in (0, 2, 4):
        write_table(chunk_of(f"q{k}", f"q{k + 1}"), folder / f"q{k}.parquet", {})
    return folder


@pytest.fixture
def scratch(chunks, tmp_path):
    return shutil.copytree(chunks, tmp_path / "scratch")


def names_in(found):
    return sorted({name for chunk in found for name in chunk["question_id"]})


def test_whole_chunks_are_all_used(scratch):
    assert names_in(resumable.read_chunks(scratch, ASKED)) == [f"q{k}" for k in range(6)]


@pytest.mark.parametrize("damage", but(PARQUET, "absent"))
def test_a_damaged_chunk_is_discarded_and_the_others_stay(scratch, caplog, damage):
    PARQUET[damage](scratch / "q2.parquet")
    found = resumable.read_chunks(scratch, ASKED)
    # A flipped bit may lie where nothing is written, and then harms nothing.
    harmless = "flipped" in damage and len(found) == 3
    assert harmless or names_in(found) == ["q0", "q1", "q4", "q5"]
    assert harmless or not (scratch / "q2.parquet").exists()
    assert harmless or "q2.parquet is discarded, and drawn again: " in caplog.text
    for chunk in found:
        assert dict(chunk.schema) == schema.ROLLOUTS


@pytest.mark.parametrize(
    "rows",
    [
        chunk_of("q2", "q3").head(3),  # half of a question
        chunk_of("q2", "other"),  # a question that nobody asks
        chunk_of("q2", "q2"),  # twice the same
        chunk_of("q0", "q2"),  # one that another chunk has
        chunk_of().with_columns(pl.lit(1).alias("more")),
        chunk_of("q2", "q3").drop("level"),
    ],
)
def test_a_chunk_of_other_rollouts_than_those_asked_for_is_discarded(scratch, rows):
    write_table(rows, scratch / "q2.parquet", {})
    assert names_in(resumable.read_chunks(scratch, ASKED)) == ["q0", "q1", "q4", "q5"]


def test_a_file_in_the_place_of_the_scratch_folder_is_discarded(tmp_path, caplog):
    output = tmp_path / "0-of-1.parquet"
    resumable.scratch_for(output, "weights").write_text("")
    assert not resumable.scratch_for(output, "weights").exists()
    assert "is discarded" in caplog.text
