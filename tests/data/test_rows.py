"""Files of rows as people have them: compressed, with a mark, in other encodings, damaged."""

import gzip
import json

import polars as pl
import pytest

from ei import questions
from ei.rows import read_rows, unit
from ei.stage import UserError

ROW = {"question": "Wie groß ist ½ + ½?", "answer": "1"}
LINE = json.dumps(ROW, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINE.encode()),
        ("a.jsonl.gz", gzip.compress(LINE.encode())),
        ("compressed.jsonl", gzip.compress(LINE.encode("utf-8-sig"))),
        ("a mark.jsonl", LINE.encode("utf-8-sig")),
        ("windows.jsonl", LINE.replace("\n", "\r\n").encode("utf-16")),
        ("big-endian.jsonl", b"\xfe\xff" + LINE.encode("utf-16-be")),
    ],
)
def test_a_row_is_read_however_its_text_is_packed(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert list(read_rows(tmp_path / name)) == [(1, ROW)]


def test_a_table_is_one_by_its_first_bytes_whatever_its_name(tmp_path):
    pl.DataFrame([ROW]).write_parquet(tmp_path / "a.jsonl")
    assert list(read_rows(tmp_path / "a.jsonl")) == [(1, ROW)]
    assert unit(tmp_path / "a.jsonl") == "row"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (LINE.encode("latin-1", "replace"), r"line 2: not UTF-8 text \(byte 0xdf\); save the file"),
        ("{}".encode("utf-16-le"), "line 2: not UTF-8 text .NUL bytes, as in UTF-16"),
        (rb'{"question": "\ud800", "answer": "1"}', "line 2: .*'question' has half of a surrogate"),
        (
            b'{"question": "a", "answer": ' + b"9" * 5000 + b"}",
            "line 2: a number has too many digits",
        ),
        (b"[" * 100_000, "line 2: not JSON that can be read: it is nested too deep"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_with_it(tmp_path, content, sentence):
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE.encode() + content)
    with pytest.raises(UserError, match=rf"a\.jsonl, {sentence}"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl.gz", gzip.compress(LINE.encode() * 99)[:-20], "the gzip file is incomplete"),
        ("a.parquet", b"", "is not a Parquet file"),
        ("a.parquet", LINE.encode(), "is not a Parquet file"),
        ("a.parquet", b"PAR1" + bytes(40) + b"PAR1", "is not a Parquet file"),
        ("n" * 300, None, "cannot be read: File name too long"),
        ("absent.jsonl", None, "does not exist"),
        (".", None, "cannot be read: Is a directory"),
    ],
)
def test_a_bad_file_is_named(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_no_reference_answer(tmp_path, value):
    rows = [{"question": "a", "answer": 1.5}, {"question": "b", "answer": value}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    for name, place in (("a.jsonl", "line 2"), ("a.parquet", "row 2")):
        path = tmp_path / name
        with pytest.raises(UserError, match=rf"{name}, {place}: 'answer' is .*no finite number"):
            questions.table(read_rows(path), str(path), unit(path))


def test_a_missing_level_that_pandas_wrote_as_nan_is_missing():
    row = questions.normalise({"question": "a", "answer": "1", "level": float("nan")})
    assert row["level"] is None
