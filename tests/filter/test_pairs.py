"""Right and wrong rollouts of a question, side by side."""

import polars as pl
import pytest

from ei.schema import PAIRS
from helpers import DEMO, script

ROWS = [  # question, sample, response, reward, format_ok
    ("a", 0, "far off", 0.0, False),
    ("a", 1, "wrong", 0.0, True),
    ("a", 2, "right", 1.0, True),
    ("a", 3, "right too", 1.0, True),
    ("b", 0, "right", 1.0, True),
    ("c", 0, "wrong", 0.0, True),
]


@pytest.fixture
def scored(tmp_path):
    path = tmp_path / "scored.parquet"
    pl.DataFrame(
        [
            {
                "question_id": q, "sample": s, "question": f"{q}?", "response": text,
                "response_ids": [s, 9], "prompt_ids": [5], "format_ok": ok, "reward": reward,
                "step": 3, "policy": "p",
            }
            for q, s, text, reward, ok in ROWS
        ]
    ).write_parquet(path)  # fmt: skip
    return path


def test_a_pair_has_the_first_right_rollout_and_the_first_wrong_one_of_right_form(scored):
    prompt, output = scored.with_name("prompt.txt"), scored.with_name("pairs.parquet")
    prompt.write_text("User: {question} <think>")
    made = script(
        "pairs.py", "--scored", scored, "--prompt", prompt, "--policy", DEMO / "policy",
        "--output", output,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "1 pairs of 3 questions" in made.stderr
    [row] = pl.read_parquet(output).to_dicts()
    assert list(row) == list(PAIRS)
    assert (row["prompt"], row["prompt_ids"]) == ("User: a? <think>", [5])
    assert (row["chosen"], row["chosen_ids"], row["chosen_reward"]) == ("right", [2, 9], 1.0)
    assert (row["rejected"], row["rejected_ids"], row["rejected_reward"]) == ("wrong", [1, 9], 0.0)
    assert (row["chosen_sample"], row["rejected_sample"], row["step"]) == (2, 1, 3)
