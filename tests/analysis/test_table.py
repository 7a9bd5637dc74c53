"""The table of a run's steps."""

import json

import polars as pl

import table
from helpers import script
from summaries import evaluation

FILTERED = {
    "rollouts": 2000,
    "kept": 1990,
    "dropped": {"wrong": 10},
    "status": {"correct": 1990, "wrong": 10},
    "solved": {"never": 0, "sometimes": 5, "always": 245},
    "distinct_responses": 2000,
}
TRAINING = {"updates": 60, "tokens": 90, "processes": 1}


def test_the_table_of_an_sft_run_has_its_base_and_its_one_step(tmp_path):
    paths = []
    for step, accuracy in enumerate([0.1, 0.4]):
        paths.append(tmp_path / f"eval{step}.json")
        paths[-1].write_text(json.dumps(evaluation(step, accuracy)))
    (tmp_path / "filtered.json").write_text(json.dumps(FILTERED))
    (tmp_path / "training.json").write_text(json.dumps(TRAINING))
    result = script(
        "table.py", "--evaluations", *paths, "--filters", tmp_path / "filtered.json",
        "--trainings", tmp_path / "training.json", "--output", tmp_path / "steps.csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "1,990 of 2,000" in result.stdout
    assert pl.read_csv(tmp_path / "steps.csv")["accuracy"].to_list() == [0.1, 0.4]


def test_every_line_of_the_table_is_as_long_as_its_header():
    filtered, training = {"rollouts": 8192, "kept": 4000}, {"updates": 120}
    whole = table.row(evaluation(1, 0.4), filtered, training)
    nothing_measured = table.row({"step": 12, "n": 0}, {"rollouts": 16, "kept": 0}, {})
    for step in (whole, nothing_measured):
        assert len(table.line(step)) == len(table.HEADER)
