"""A reward of the user's own, as docs/checker.md shows it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from checker.judging import ROOT
from ei.checker import Settings, score, score_pairs
from ei.checker.memo import made_by
from ei.checker.version import rules_version
from ei.files import stamp, write_table
from ei.stage import UserError

SCRIPT = ROOT / "workflow" / "scripts" / "score.py"
TABLE = pl.DataFrame(
    {
        "question": ["1 + 1?"] * 4,
        "answer": ["2"] * 4,
        "response": [
            "so </think> <answer> 2 </answer>", "so </think> <answer> 3 </answer>", "2", "nothing",
        ],
    }
)  # fmt: skip


def example() -> str:
    """The Python block of the docs that shows a reward."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "checker.md").read_text(), re.S)
    return next(block for block in blocks if "def closeness" in block)


def settings(tmp_path: Path, source: str, name: str = "reward", **others: float) -> Settings:
    (tmp_path / "mine.py").write_text(source)
    return Settings(reward=f"{tmp_path / 'mine.py'}:{name}", **others)  # type: ignore[arg-type]


def test_the_example_of_the_docs_gives_what_it_says(tmp_path: Path) -> None:
    scored = score(TABLE, settings(tmp_path, example(), "closeness"), 1)
    assert scored["reward"].to_list() == [1.0, 0.5, 0.0, 0.0]
    assert scored["status"].to_list() == ["correct", "wrong", "no_format", "no_format"]
    assert scored["rule"].to_list() == ["reward: closeness"] * 4
    assert scored["format_ok"].to_list() == [True, True, False, False]
    assert scored["extracted"].to_list() == ["2", "3", None, None]


@pytest.mark.parametrize("returned", ["2.0", "-0.5", "float('nan')", "'much'", "None"])
def test_what_is_no_number_from_0_to_1_is_an_error_and_earns_nothing(
    returned: str, tmp_path: Path
) -> None:
    scored = score(TABLE, settings(tmp_path, f"def reward(*texts):\n    return {returned}"), 1)
    assert scored["status"].to_list() == ["error"] * 4
    assert scored["reward"].to_list() == [0.0] * 4


def test_a_reward_that_prints_and_raises_spoils_nothing(tmp_path: Path) -> None:
    source = "def reward(q, a, response):\n    print('x')\n    return 1 / (response != '2')"
    scored = score(TABLE, settings(tmp_path, source), 1)
    assert scored["status"].to_list() == ["correct", "correct", "error", "correct"]


def test_an_edited_reward_never_meets_the_verdicts_of_the_one_before(tmp_path: Path) -> None:
    before = settings(tmp_path, "def reward(*texts):\n    return 0.25")
    pairs = score_pairs(TABLE, before, 1)[1]
    memo = tmp_path / "scored.pairs.parquet"
    write_table(pairs, memo, stamp("", made_by(before)))
    assert set(score_pairs(TABLE, before, 1, memo)[1]["source"]) == {"memo"}
    assert score(TABLE, before, 1, memo)["reward"].to_list() == [0.25] * 4
    after = settings(tmp_path, "def reward(*texts):\n    return 0.75")
    assert score(TABLE, after, 1, memo)["reward"].to_list() == [0.75] * 4


def test_each_rule_set_has_a_version_of_its_own(tmp_path: Path) -> None:
    first = settings(tmp_path, "def reward(*texts):\n    return 1")
    versions = {rules_version(), rules_version(first.reward)}
    settings(tmp_path, "def reward(*texts):\n    return 0")
    assert len(versions | {rules_version(first.reward)}) == 3


@pytest.mark.parametrize("name", ["mine.py", "absent.py:reward", "mine.py:absent"])
def test_a_reward_that_is_not_there_is_an_error_in_words(name: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def reward(*texts):\n    return 1")
    TABLE.write_parquet(tmp_path / "rollouts.parquet")
    flags = ["--rollouts", "rollouts.parquet", "--output", "scored.parquet", "--reward", name]
    done = subprocess.run(
        [sys.executable, SCRIPT, *flags], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "score.reward" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "scored.parquet").exists()


def test_the_settings_that_made_a_table_name_the_reward(tmp_path: Path) -> None:
    made = json.loads(json.dumps(made_by(settings(tmp_path, "def reward(*t):\n    return 1"))))
    assert made["reward"].endswith("mine.py:reward")
    assert made["checker"].startswith("reward@")
    with pytest.raises(UserError, match="has no function"):
        from ei.checker.reward import load_reward

        load_reward(f"{tmp_path / 'mine.py'}:other")
