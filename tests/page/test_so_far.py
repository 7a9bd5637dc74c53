"""The page of a run that goes on: what it shows, and how it makes way for the final one."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ei.page.so_far import folders, is_current, mark, newest
from ei.runs.experiment import Run
from ei.runs.stale import stale, stood_in_for
from helpers import script
from progress import stand_in
from summaries import evaluation, run


def write(folder: Path, name: str, steps: int, of: int = 5, made: str = "a") -> Path:
    """A summary that knows evaluations 0 to `steps` of `of`; those on disk are made likewise."""
    evaluations = [evaluation(n, 0.1, lineage=f"{made}{n}") for n in range(steps + 1)]
    for one in evaluations:
        path = folder / f"step{one['step']}/eval.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(one))
    found = run("main", [0.1] * (steps + 1), run=str(folder), evaluations=evaluations)
    found["settings"]["steps"] = of
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(found))
    return folder / name


def test_the_summary_that_knows_most_steps_is_the_newest(tmp_path: Path) -> None:
    write(tmp_path, "step1/so_far.json", 1)
    second = write(tmp_path, "step2/so_far.json", 2)
    os.utime(second, (1, 1))  # whatever the times are, as after a copy
    assert newest([tmp_path, tmp_path / "other"]) == {tmp_path: second}


def test_of_two_that_know_as_much_the_later_is_the_newest(tmp_path: Path) -> None:
    step = write(tmp_path, "step2/so_far.json", 2)
    final = write(tmp_path, "run.json", 2)
    os.utime(step, (1, 1))
    assert newest([tmp_path]) == {tmp_path: final}


def test_a_summary_of_steps_that_were_made_anew_is_no_longer_true(tmp_path: Path) -> None:
    old = write(tmp_path, "run.json", 5, made="a")
    now = write(tmp_path, "step1/so_far.json", 1, made="b")  # another setting, two steps so far
    assert not is_current(old, tmp_path)
    assert newest([tmp_path]) == {tmp_path: now}


def test_the_runs_of_an_experiment_are_those_in_its_folder_and_no_presets(tmp_path: Path) -> None:
    for name in ("sft", "sweep/G4", "demo/sweep/G2", "step1"):
        (tmp_path / name).mkdir(parents=True)
    assert folders(tmp_path) == [tmp_path, tmp_path / "sft", tmp_path / "sweep/G4"]


def test_unfinished_runs_are_named_with_their_step(tmp_path: Path) -> None:
    of_five = {**run("main", [0.1, 0.2, 0.3]), "settings": {"steps": 5}}
    stopped = {**run("G4", [0.1, 0.2]), "settings": {"steps": 5}, "stopped_after": 1}
    found = mark([of_five, stopped, run("G16", [0.1])], datetime(2026, 1, 2, tzinfo=UTC))
    assert found.states == ["main: step 2 of 5"]
    assert found.made_at == "2026-01-02 00:00:00 UTC"


@pytest.mark.parametrize(("made", "replaced"), [(99.0, True), (101.0, False)])
def test_a_final_file_stays_if_it_knows_the_last_step(
    tmp_path: Path, made: float, replaced: bool
) -> None:
    final, target = tmp_path / "plots/a.svg", tmp_path / "so_far/a.svg"
    for path in (final, target):
        path.parent.mkdir()
        path.write_text(path.parent.name)
    os.utime(final, (made, made))
    stand_in(final, target, since=100.0)
    assert final.is_symlink() is replaced
    assert final.read_text() == ("so_far" if replaced else "plots")


def test_a_link_in_the_place_of_a_final_file_is_made_again(tmp_path: Path) -> None:
    folder = str(tmp_path)
    settings = {"steps": 1, "shards": 1, "early_stopping": {"patience": None}, "model": "m"}
    one = Run(folder, folder, "main", "main", "sft", settings | {"traces": None}, {})
    (tmp_path / "report").mkdir()
    (tmp_path / "report/index.html").symlink_to("../so_far/index.html")
    (tmp_path / "steps.csv").write_text("step")
    assert stale([one]) == {f"{folder}/report/index.html"}
    assert f"{folder}/plots/accuracy.svg" in stood_in_for(one)


def test_an_unfinished_run_has_a_page_a_table_and_plots(tmp_path: Path) -> None:
    experiment = tmp_path / "results"
    write(experiment, "step0/so_far.json", 0)
    made = script("progress.py", "--experiment", experiment)
    assert made.returncode == 0, made.stderr
    for name in ("steps.csv", "plots/accuracy.png", "plots/entropy.svg", "report/index.html"):
        assert (experiment / name).is_symlink()
        assert (experiment / name).stat().st_size > 100
    page = (experiment / "report/index.html").read_text()
    assert "main: step 0 of 5" in page
    assert "connect-src 'self'" in page
    assert "Accuracy by rollouts" not in page


def test_without_an_evaluation_there_is_nothing_to_show(tmp_path: Path) -> None:
    made = script("progress.py", "--experiment", tmp_path / "results")
    assert made.returncode == 0
    assert "no step is evaluated yet" in made.stderr


def two_runs(folder: Path) -> None:
    """A main run and one of its sweep, of which two steps of five are there."""
    for part in ("", "sweep/G4"):
        write(folder / part, "step1/so_far.json", 1)


def shown(folder: Path, *flags: str) -> str:
    """What progress.py says that it did."""
    made = script("progress.py", "--experiment", folder, *flags)
    assert made.returncode == 0, made.stderr
    return made.stderr


def test_of_jobs_that_waited_for_each_other_only_the_first_draws(tmp_path: Path) -> None:
    two_runs(tmp_path)
    assert "main: step 1 of 5" in shown(tmp_path)
    page = (tmp_path / "so_far/index.html").stat().st_mtime_ns
    assert "shown already" in shown(tmp_path)
    assert (tmp_path / "so_far/index.html").stat().st_mtime_ns == page


def test_a_further_step_is_shown_and_plots_of_other_runs_are_left_alone(tmp_path: Path) -> None:
    two_runs(tmp_path)
    shown(tmp_path)
    parts = [tmp_path / part / "so_far/steps.csv" for part in ("", "sweep/G4")]
    before = [path.stat().st_mtime_ns for path in parts]
    write(tmp_path, "step2/so_far.json", 2)
    assert "main: step 2 of 5" in shown(tmp_path)
    main, other = (path.stat().st_mtime_ns > time for path, time in zip(parts, before, strict=True))
    assert main
    assert not other


def test_a_run_that_is_gone_is_no_longer_shown(tmp_path: Path) -> None:
    two_runs(tmp_path)
    shown(tmp_path)
    (tmp_path / "sweep/G4/step1/so_far.json").unlink()
    assert "shown already" not in shown(tmp_path)


def test_a_page_that_was_removed_is_made_again(tmp_path: Path) -> None:
    two_runs(tmp_path)
    shown(tmp_path)
    (tmp_path / "so_far/index.html").unlink()
    shown(tmp_path)
    assert (tmp_path / "so_far/index.html").exists()


def test_who_asks_for_the_page_gets_all_of_it_again(tmp_path: Path) -> None:
    two_runs(tmp_path)
    shown(tmp_path)
    page, plot = tmp_path / "report/index.html", tmp_path / "sweep/G4/so_far/plots/accuracy.svg"
    page.unlink()
    plot.unlink()
    shown(tmp_path, "--anew")
    assert page.exists()
    assert plot.exists()
