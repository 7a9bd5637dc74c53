"""A probe of a policy: no development questions, no entropy, and no chat without a template."""

import json

import polars as pl
import pytest

from ei.schema import RESPONSES
from helpers import DEMO, ROOT, script


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    rows = [("a", "What is 1/2 + 1/3?", "5/6"), ("b", "What is 1/4 + 1/4?", "1/2")]
    table = pl.DataFrame(rows, schema=["question_id", "question", "answer"], orient="row")
    path = tmp_path_factory.mktemp("questions") / "validation.parquet"
    nothing = {"level": None, "subject": None, "solution": None}
    table.with_columns(pl.lit(v, pl.String).alias(k) for k, v in nothing.items()).write_parquet(
        path
    )
    return path


def probe(folder, questions, prompt):
    """The rows that eval.py draws for a probe, and what it said."""
    result = script(
        "eval.py", "--policy", DEMO / "policy", "--data", questions, "--development",
        "--prompt", ROOT / "workflow/prompts" / prompt, "--step", 0, "--seed", 0, "--engine",
        "transformers", "--device", "cpu", "--max_tokens", 8, "--entropy_rollouts", 0, "--if_chat",
        "--samples", 2, "--output", folder / "answers.parquet",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return pl.read_parquet(folder / "answers.parquet"), result.stderr


def test_a_probe_draws_validation_questions_only_and_measures_no_entropy(tmp_path, questions):
    rows, _ = probe(tmp_path, questions, "question.txt")
    assert rows["question_id"].to_list() == ["a", "a", "b", "b"]
    assert rows["split"].unique().to_list() == ["validation"]
    assert rows["entropy"].null_count() == 4


def test_a_chat_is_left_out_where_the_model_has_no_chat_template(tmp_path, questions):
    rows, told = probe(tmp_path, questions, "question_chat.yaml")
    assert rows.is_empty()
    assert "warning: the model has no chat template" in told
    scored = tmp_path / "responses.parquet"
    assert not script(
        "score.py", "--rollouts", tmp_path / "answers.parquet", "--output", scored
    ).returncode
    assert set(RESPONSES) == set(pl.read_parquet(scored).columns)
    found = tmp_path / "eval.json"
    assert not script(
        "metrics.py", "--responses", scored, "--step", 0, "--output", found
    ).returncode
    assert json.loads(found.read_text())["n"] == 0
