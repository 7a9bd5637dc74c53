"""The stage: files in, files out, the same bytes every time."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from checker.judging import ROOT
from ei.checker import Settings, score, score_pairs

SCRIPT = ROOT / "workflow" / "scripts" / "score.py"
FORM = "so </think> <answer> {} </answer>"
ROWS = [
    ("5", "5"),
    ("5", "6"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    ("5", r"\boxed{5}"),
    ("5", "5"),
    ("no form", ""),
]


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    path = tmp_path / "rollouts.parquet"
    texts = [FORM.format(a) for _, a in ROWS[:-1]] + ["</think> 5"]
    frame = {
        "question_id": list("abcdef"),
        "answer": [r for r, _ in ROWS],
        "response": texts,
        "sample": range(6),
    }
    pl.DataFrame(frame).write_parquet(path)
    return path


def run(*flags: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, flags)], capture_output=True, text=True, check=False
    )


def test_a_scored_table_is_the_rollouts_with_a_verdict_for_each(rollouts: Path) -> None:
    before = pl.read_parquet(rollouts)
    scored = score(before, Settings(), 1)
    assert scored[:, : before.width].equals(before)
    assert scored.columns[before.width :] == [
        "extracted", "format_ok", "format_reward", "answer_reward", "reward", "status", "rule",
    ]  # fmt: skip
    assert scored["status"].to_list() == [
        "correct",
        "wrong",
        "correct",
        "correct",
        "correct",
        "no_format",
    ]
    assert scored["reward"].to_list() == [1, 0, 1, 1, 1, 0]
    assert scored["extracted"].to_list() == ["5", "6", r"2\sqrt{2}", "5", "5", None]
    assert scored["format_ok"].to_list() == [True] * 5 + [False]
    assert scored["reward"].dtype == scored["format_reward"].dtype == pl.Float32


def test_two_runs_give_the_same_bytes_with_and_without_a_memo(
    rollouts: Path, tmp_path: Path
) -> None:
    outputs = [tmp_path / name / "scored.parquet" for name in "abc"]
    memo = ["--memo", outputs[0].with_suffix(".pairs.parquet")]
    for output, extra in zip(outputs, ([], memo, [*memo, "--workers", 2]), strict=True):
        done = run("--rollouts", rollouts, "--output", output, "--lineage", "abc", *extra)
        assert done.returncode == 0, done.stderr
    assert len({output.read_bytes() for output in outputs}) == 1
    assert "0 judged, 4 from the memo" in done.stderr
    assert pq.read_schema(outputs[0]).metadata[b"lineage"] == b"abc"


def test_the_report_counts_and_lists_what_strings_alone_would_miss(
    rollouts: Path, tmp_path: Path
) -> None:
    done = run("--rollouts", rollouts, "--output", tmp_path / "scored.parquet", "--lineage", "abc")
    report = json.loads((tmp_path / "scored.json").read_text())
    assert report["status"] == {"correct": 4, "no_format": 1, "wrong": 1}
    assert [pair["reference"] for pair in report["most_frequent_disagreements"]] == [r"\sqrt{8}"]
    times = [pair["milliseconds"] for pair in report["slowest"]]
    assert times == sorted(times, reverse=True)
    assert len(times) == 4
    assert report["lineage"] == "abc"
    assert "6 responses: 4 correct" in done.stderr
    pairs = pl.read_parquet(tmp_path / "scored.pairs.parquet")
    assert pairs.height == 4
    assert pairs["rows"].to_list() == [2, 1, 1, 1]


def test_each_distinct_pair_is_compared_once() -> None:
    table = pl.DataFrame(
        {"answer": ["5"] * 100, "response": [FORM.format(i % 4) for i in range(100)]}
    )
    assert score_pairs(table, Settings(), 1)[1].height == 4


def test_integers_and_fractions_need_neither_sympy_nor_mpmath() -> None:
    pairs = [("5", "5"), ("5", "-5"), (r"\frac{1}{2}", "1/2"), ("3/4", "0.75"), ("7", "seven")]
    code = (
        "import sys; from ei.checker.compare.rules import exact_rules\n"
        "from ei.checker import Settings\n"
        f"assert all(exact_rules(a, b, Settings()) for a, b in {pairs!r})\n"
        "assert not {'sympy', 'mpmath', 'polars', 'torch', 'math_verify'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_empty_table_is_scored() -> None:
    empty = pl.DataFrame(schema={"answer": pl.String, "response": pl.String})
    assert score(empty, Settings(), 1).height == 0


def test_a_missing_response_is_no_format() -> None:
    table = pl.DataFrame(
        {"answer": ["5"], "response": [None]}, schema={"answer": pl.String, "response": pl.String}
    )
    assert score(table, Settings(), 1)["status"].to_list() == ["no_format"]


@pytest.mark.parametrize("content", [b"PAR1 broken", b"", None])
def test_a_damaged_or_missing_memo_costs_time_only(
    content: bytes | None, rollouts: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memo = tmp_path / "memo.parquet"
    if content is not None:
        memo.write_bytes(content)
    scored = score(pl.read_parquet(rollouts), Settings(), 1, memo)
    assert scored["status"].to_list().count("correct") == 4
    assert "cannot be used as a memo" in caplog.text


def test_a_memo_of_other_columns_is_set_aside(rollouts: Path, tmp_path: Path) -> None:
    sources = score_pairs(pl.read_parquet(rollouts), Settings(), 1, rollouts)[1]["source"]
    assert set(sources) == {"worker"}


def test_another_setting_does_not_use_the_verdicts_of_this_one(
    rollouts: Path, tmp_path: Path
) -> None:
    run("--rollouts", rollouts, "--output", tmp_path / "scored.parquet")
    memo, table = tmp_path / "scored.pairs.parquet", pl.read_parquet(rollouts)
    for settings, source in ((Settings(), "memo"), (Settings(list_order="same"), "worker")):
        assert set(score_pairs(table, settings, 1, memo)[1]["source"]) == {source}


def test_rows_of_the_development_split_go_to_a_file_of_their_own(
    rollouts: Path, tmp_path: Path
) -> None:
    table = pl.read_parquet(rollouts)
    splits = ["validation", "development", "validation", "validation", "development", "validation"]
    shards = [tmp_path / f"{k}.parquet" for k in range(2)]
    whole = table.with_columns(pl.Series("split", splits))
    whole[3:].write_parquet(shards[0])
    whole[:3].write_parquet(shards[1])
    outputs = [tmp_path / "responses.parquet", tmp_path / "development.parquet"]
    done = run("--rollouts", *shards, "--output", outputs[0], "--development", outputs[1])
    assert done.returncode == 0, done.stderr
    ids = [pl.read_parquet(path)["question_id"].to_list() for path in outputs]
    assert ids == [["a", "c", "d", "f"], ["b", "e"]]
    assert (tmp_path / "development.json").exists()
    assert (tmp_path / "development.pairs.parquet").exists()


def test_explain_prints_the_way_to_the_verdict() -> None:
    done = run(
        "--explain",
        r"\frac{1}{2}",
        r"half. </think> <answer> The answer is $\boxed{0.5}$. </answer>",
    )
    assert done.returncode == 0
    assert "'2'                      number" in done.stdout
    assert "answer, read from:    0.5" in done.stdout
    assert done.stdout.strip().endswith("correct (value: arithmetic), reward 1")
    bare = run("--explain", "3", "4")
    assert "no_format" in bare.stdout
    assert "wrong" in bare.stdout


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ("--rollouts", "absent.parquet", "--output", "x.parquet"),
            "absent.parquet does not exist",
        ),
        (("--output", "x.parquet"), "needs --rollouts and --output"),
        (("--explain", "1", "1", "--timeout_s", "0"), "must be positive"),
        (("--explain", "1", "1", "--memory_mb", "10"), "at least 400"),
    ],
)
def test_an_error_is_one_clear_sentence(flags: tuple[str, ...], words: str) -> None:
    done = run(*flags)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_without_answers_names_the_column(tmp_path: Path) -> None:
    pl.DataFrame({"response": ["x"]}).write_parquet(tmp_path / "r.parquet")
    done = run("--rollouts", tmp_path / "r.parquet", "--output", tmp_path / "s.parquet")
    assert "has no column answer" in done.stderr
    assert not (tmp_path / "s.parquet").exists()
