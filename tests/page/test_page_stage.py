"""page.py as a rule calls it."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from page_rows import scored, write

from helpers import script
from summaries import run


def responses(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """A table of (question_id, response, extracted, status), a sample each."""
    names = ("question_id", "response", "extracted", "status")
    alike = {"question": "Q", "answer": "1", "response_ids": [1], "finish_reason": "stop"}
    return scored(
        [dict(zip(names, row, strict=True)) | alike | {"sample": n} for n, row in enumerate(rows)]
    )


def write_run(folder: Path, steps: int = 1, name: str | None = None) -> Path:
    """The run.json of a run in the folder, or of one that says that it lies elsewhere."""
    accuracies = [0.1 * step for step in range(1, steps + 2)]
    path = folder / "run.json"
    path.write_text(json.dumps(run("main", accuracies, run=name or str(folder))))
    return path


def build(folder: Path, *flags: Any) -> str:
    """The page of the run in the folder, which has one step."""
    page = folder / "page.html"
    made = script(
        "page.py", "--runs", write_run(folder), "--browse", folder, "--output", page, *flags
    )
    assert made.returncode == 0, made.stderr
    return page.read_text()


def test_a_page_with_nothing_but_a_run_says_what_it_lacks(tmp_path: Path) -> None:
    shown = " ".join(build(tmp_path).split())
    for lack in (
        "No conclusion was written",
        "There is only one run",
        "No comparisons were made",
        "No plots were made",
        "Training rollouts not shown, as their files are not on disk: step 1.",
        "Validation responses not shown, as their files are not on disk: step 0, 1.",
    ):
        assert lack in shown


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
    ("change", "says"),
    [
        (lambda folder: (folder / "run.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "run.json").unlink(), "does not exist"),
        (lambda folder: write_run(folder, name="elsewhere"), "is none of the runs elsewhere"),
    ],
)
def test_a_bad_run_is_named_and_no_page_is_written(tmp_path: Path, change: Any, says: str) -> None:
    path, page = write_run(tmp_path), tmp_path / "page.html"
    change(tmp_path)
    made = script("page.py", "--runs", path, "--browse", tmp_path, "--output", page)
    assert made.returncode == 1
    assert says in made.stderr
    assert not page.exists()
