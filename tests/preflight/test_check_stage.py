"""The stage check.py: all problems at once, and nothing twice that has passed."""

import json
import shutil

import pytest

import check
from ei import stage
from ei.model import folder
from ei.preflight import local
from helpers import ROOT
from preflight.test_preflight import POLICY, SETTINGS, table


def test_the_stage_leaves_out_a_probe_that_is_a_chat_without_a_template(tmp_path):
    for name in ("train", "validation", "development"):
        table("1+1?", "1+2?").write_parquet(tmp_path / f"{name}.parquet")
    own, probe = (ROOT / "workflow/prompts" / name for name in ("demo.txt", "question_chat.yaml"))
    settings = {**SETTINGS, "sample": {"questions": 1, "rollouts": 1, "max_tokens": 9}}
    settings |= {"eval": {"questions": "all", "max_tokens": 9}}
    plan = {"model": POLICY, "data": tmp_path, "prompts": [own, probe], "settings": settings}
    assert check.of_prompts(plan, lambda: folder.load_tokenizer(POLICY)) == []


@pytest.fixture
def plan(tmp_path):
    """A plan of a run with one question, where the settings ask for two."""
    for name in ("train", "validation", "development"):
        table("1+1?").write_parquet(tmp_path / f"{name}.parquet")
    path = tmp_path / "plans/results.json"
    found = {
        "run": str(tmp_path / "run"), "model": str(POLICY), "data": str(tmp_path),
        "prompts": [str(ROOT / "workflow/prompts/demo.txt")], "settings": SETTINGS,
    }  # fmt: skip
    local.write_plan(path, found)
    return path


def checked(monkeypatch, plan):
    """The status of check.py, run in this process."""
    monkeypatch.setattr("sys.argv", ["check.py", "--plan", str(plan)])
    with pytest.raises(SystemExit) as ended:
        stage.run(check.main)
    return ended.value.code


def test_the_stage_lists_every_problem_each_time(plan, monkeypatch, capsys):
    full = shutil.disk_usage(plan.parent)._replace(free=0)
    monkeypatch.setattr("shutil.disk_usage", lambda path: full)
    for _ in range(2):
        assert checked(monkeypatch, plan) == 1
        said = capsys.readouterr().err
        assert "error: 2 things keep this run from ending well:\n  1. 2 questions are asked" in said
        assert "\n  2. the disk has 0.0 GiB free" in said


def test_what_has_passed_is_checked_again_only_where_something_changed(plan, monkeypatch):
    looked = []
    monkeypatch.setattr(check, "findings", lambda plan: looked.append(plan["settings"]) or [])
    for _ in range(2):
        assert checked(monkeypatch, plan) == 0
    assert len(looked) == 1
    table("1+1?", "1+2?").write_parquet(plan.parents[1] / "train.parquet")
    assert checked(monkeypatch, plan) == 0
    assert len(looked) == 2
    changed = {**json.loads(plan.read_text()), "settings": SETTINGS | {"seed": 1}}
    local.write_plan(plan, changed)
    assert checked(monkeypatch, plan) == 0
    assert [settings["seed"] for settings in looked] == [0, 0, 1]


def test_questions_that_are_not_there_yet_are_no_problem(plan, monkeypatch):
    """A run that shares its questions links what its next job reads, and no more."""
    for split in ("validation", "development"):
        (plan.parents[1] / f"{split}.parquet").unlink()
    assert checked(monkeypatch, plan) == 1  # one question is there, and two are asked
    (plan.parents[1] / "train.parquet").unlink()
    assert check.of_prompts(json.loads(plan.read_text()), lambda: None) == []
