"""Every input of every stage that needs no model, damaged in ten ways and more.

Never a traceback, never an output beside an error, never success with another result. A flipped
bit in JSON is not among the damages: nothing tells 1 from 2 there. In a Parquet file, whose pages
have checksums, it is.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import small_run
from damages import ANYTHING, JSON, LINES, PARQUET, TOKENS, Damage, but, listed
from small_run import grading, in_place_of, measuring, plotting, reporting, run_stage, summarizing

import compare


def data(folder: Path, kind: str) -> list[Any]:
    return ["--train", folder / f"train.{kind}", "--validation", folder / f"validation.{kind}"]


def shards(folder: Path) -> list[Path]:
    return [folder / f"run/step1/rollouts/{k}-of-2.parquet" for k in (0, 1)]


# Stage, its flags given the folder, its outputs by flag, and {input: damages}. What a stage takes
# by design is left out: a file that may be absent, a column that it does not read.
Case = tuple[str, Callable[[Path], Any], dict[str, str], dict[str, dict[str, Damage]]]
CASES: dict[str, Case] = {
    "data": (
        "data",
        lambda f: data(f, "jsonl"),
        {"--output": "data"},
        {"train.jsonl": LINES, "validation.jsonl": LINES},
    ),
    "data as Parquet": (
        "data",
        lambda f: data(f, "parquet"),
        {"--output": "data"},
        {"train.parquet": but(PARQUET, "columns of numbers", "columns of texts")},
    ),
    "gather": (
        "gather",
        lambda f: ["--shards", *shards(f)],
        {"--output": "rollouts.parquet"},
        {"run/step1/rollouts/1-of-2.parquet": PARQUET | TOKENS},
    ),
    "score": (
        "score",
        lambda f: ["--rollouts", f / "run/step1/rollouts.parquet"],
        {"--output": "scored.parquet"},
        {"run/step1/rollouts.parquet": but(PARQUET, "columns of nulls", "columns of texts")},
    ),
    "score, with an earlier step's verdicts": (
        "score",
        lambda f: [
            "--rollouts", f / "run/step1/rollouts.parquet",
            "--memo", f / "run/step1/scored.pairs.parquet",
        ],
        {"--output": "scored.parquet"},
        {"run/step1/scored.pairs.parquet": PARQUET},
    ),
    "score of answers": (
        "score",
        lambda f: grading(f / "run/step1"),
        {"--output": "responses.parquet", "--development": "development_responses.parquet"},
        {"run/step1/answers/0-of-1.parquet": but(PARQUET, "columns of nulls", "columns of texts")},
    ),
    "filter": (
        "filter",
        lambda f: ["--scored", f / "run/step1/scored.parquet", "--lineage", "x"],
        {"--output": "filtered.parquet"},
        {"run/step1/scored.parquet": PARQUET | TOKENS},
    ),
    "metrics": (
        "metrics",
        lambda f: measuring(f / "run/step1", 1),
        {"--output": "eval.json", "--development": "development.json"},
        {
            "run/step1/responses.parquet": PARQUET | TOKENS,
            "run/step1/development_responses.parquet": PARQUET | TOKENS,
        },
    ),
    "table": (
        "table",
        lambda f: [
            "--evaluations", f / "run/step0/eval.json", f / "run/step1/eval.json",
            "--filters", f / "run/step1/filtered.json",
            "--trainings", f / "run/step1/training.json",
        ],
        {"--output": "steps.csv"},
        {
            "run/step1/eval.json": JSON,
            "run/step1/filtered.json": JSON,
            "run/step1/training.json": JSON,
        },
    ),
    "summarize": (
        "summarize",
        lambda f: summarizing(f / "run"),
        {"--output": "run.json"},
        {
            "run/data/train.parquet": but(
                PARQUET, "absent", "columns of nulls", "columns of texts", "columns of numbers"
            ),
            "run/step1/eval.json": JSON,
            "run/step0/development.json": JSON,
            "run/step1/scored.parquet": PARQUET,
            "run/step1/filtered.json": JSON,
            "run/step1/training.json": JSON,
            "run/step1/training.parquet": but(PARQUET, "bytes that are no text"),  # it has no text
            "run/step1/benchmarks/sft.jsonl": JSON,
        },
    ),
    "compare": (
        "compare",
        lambda f: ["--runs", f / "run/run.json"],
        {"--output": "comparisons.json"},
        {"run/run.json": JSON, "run/step1/responses.parquet": PARQUET},
    ),
    "discuss": (
        "discuss",
        reporting,
        {"--output": "discussion.md"},
        {"run/run.json": JSON, "report/comparisons.json": JSON},
    ),
    "plots": (
        "plots", lambda f: plotting(f / "run"), {"--output": "plots"}, {"run/run.json": JSON},
    ),
    "page": (
        "page",
        lambda f: [
            *reporting(f), "--discussion", f / "report/discussion.md",
            "--plots", f / "report/plots", "--browse", f / "run",
        ],
        {"--output": "index.html"},
        {
            "run/run.json": JSON,
            "report/comparisons.json": JSON,
            "report/discussion.md": {"other text": ANYTHING["other text"]},
            "report/plots/entropy.svg": but(ANYTHING, "absent"),
            "run/step1/responses.parquet": but(PARQUET, "absent"),
            "run/step1/scored.parquet": but(PARQUET, "absent"),
            "run/step1/filtered.parquet": but(PARQUET, "absent"),
        },
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run.make(tmp_path_factory.mktemp("small"))


def results(folder: Path) -> dict[str, Any]:
    """What is in every file below the folder: of a table its rows, without the metadata."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (
            pl.read_parquet(path).to_dicts() if path.suffix == ".parquet" else path.read_bytes()
        )
        for path in files
    }


def run_case(case: str, folder: Path, outputs: Path) -> int:
    """Run the stage into an empty folder."""
    name, flags, made, _ = CASES[case]
    shutil.rmtree(outputs, ignore_errors=True)
    compare.shares.cache_clear()
    paths = [part for flag, leaf in made.items() for part in (flag, outputs / leaf)]
    return run_stage(name, *flags(folder), *paths)


def undamaged(case: str, folder: Path, outputs: Path) -> dict[str, Any]:
    assert run_case(case, folder, outputs) == 0
    return without_times(results(outputs))


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """The results without the checker's sidecars, in which milliseconds are."""
    of_checker = ("scored.json", "responses.json", "pairs.parquet")
    return {name: content for name, content in found.items() if not name.endswith(of_checker)}


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_input_is_refused_in_a_sentence_or_changes_nothing(
    case: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    right = undamaged(case, folder, outputs)
    wrong = []
    for name, kind, damage in listed(CASES[case][3]):
        capsys.readouterr()
        with in_place_of(folder / name, damage):
            try:
                status = run_case(case, folder, outputs)
            except BaseException as error:
                wrong.append(f"{name}, {kind}: {type(error).__name__}: {error}"[:300])
                continue
        said = capsys.readouterr().err
        if status == 0 and without_times(results(outputs)) != right:
            wrong.append(f"{name}, {kind}: success with another result")
        if status and (said.count("error:") != 1 or len(said.splitlines()) > 2):
            wrong.append(f"{name}, {kind}: {said}")
        if status and outputs.exists() and results(outputs):
            wrong.append(f"{name}, {kind}: left {list(results(outputs))}")
    assert not wrong, "\n".join(wrong)
