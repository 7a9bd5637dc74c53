"""page.py as a rule calls it."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from page_literals import run_json

from ei.files import stamp, write_table
from helpers import script


def responses(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """A table of (question_id, response, extracted, status), a sample each."""
    names = ("question_id", "response", "extracted", "status")
    more = {
        "question": "Q",
        "answer": "1",
        "response_ids": [1],
        "finish_reason": "stop",
        "level": None,
        "subject": None,
    }
    return pl.DataFrame(
        [dict(zip(names, row, strict=True)) | more | {"sample": n} for n, row in enumerate(rows)]
    )


def write(table: pl.DataFrame, path: Path) -> None:
    write_table(table, path, stamp("test", {}))


def build(folder: Path, *flags: Any) -> str:
    """The page of the run in the folder, which has one step."""
    (folder / "run.json").write_text(json.dumps(run_json(str(folder), steps=1)))
    made = script(
        "page.py",
        "--runs",
        folder / "run.json",
        "--browse",
        folder,
        "--output",
        folder / "page.html",
        *flags,
    )
    assert made.returncode == 0, made.stderr
    return (folder / "page.html").read_text()


def test_a_page_of_a_lone_run_without_anything_else_says_what_it_has_not(tmp_path: Path) -> None:
    shown = build(tmp_path)
    for said in (
        "No conclusion was written",
        "There is one run",
        "nothing to compare",
        "No plots were made",
    ):
        assert said in shown
    assert "Training rollouts of step 1 are not on disk" in shown
    assert "Validation responses of step 0, 1 are not on disk" in shown


def test_a_hostile_text_is_nowhere_in_the_page_as_it_is(tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    write(responses(("a", hostile, hostile, "wrong")), tmp_path / "step1/responses.parquet")
    (tmp_path / "discussion.md").write_text(hostile)
    shown = build(tmp_path, "--discussion", tmp_path / "discussion.md")
    assert "<img src=x" not in shown
    assert "&lt;/script&gt;&lt;img" in shown  # the discussion, as text


def test_the_page_asks_for_nothing_outside_itself(tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "accuracy.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    shown = build(tmp_path, "--plots", plots)
    assert "default-src 'none'" in shown
    assert re.findall(r'(?:src|href)="(?!#|data:)', shown) == []
    assert "95 % Wilson interval" in shown  # the caption


def test_equal_inputs_give_equal_pages(tmp_path: Path) -> None:
    write(
        responses(("a", "x", "1", "correct"), ("a", "y", "2", "wrong")),
        tmp_path / "step0/responses.parquet",
    )
    assert build(tmp_path) == build(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "run.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "run.json").unlink(), "does not exist"),
        (
            lambda folder: (folder / "run.json").write_text(json.dumps(run_json("elsewhere"))),
            "is none of the runs",
        ),
    ],
)
def test_a_bad_run_is_named_and_no_page_is_written(tmp_path: Path, change: Any, said: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(run_json(str(tmp_path))))
    change(tmp_path)
    run, page = tmp_path / "run.json", tmp_path / "page.html"
    made = script("page.py", "--runs", run, "--browse", tmp_path, "--output", page)
    assert made.returncode == 1
    assert said in made.stderr
    assert not page.exists()
