"""Experiments under Snakemake: what runs share, the SFT baseline, presets, and the page."""

import json
import re
import shutil

import polars as pl
import pytest
import yaml

from helpers import DEMO, ROOT, copy_of, miniature, snakemake

pytestmark = pytest.mark.slow  # five runs of one step, which most of these look at
SHARED = ("rollouts", "scored", "filtered")  # by runs that differ in epochs
STUDIES = ["demo_study"]
PRESETS = sorted(path.stem for path in (ROOT / "workflow/presets").glob("*.yaml"))
TRACES = [json.loads(line) for line in (DEMO / "traces.jsonl").read_text().splitlines()[:40]]


def done(folder, *targets):
    """Run snakemake on the targets; what it printed."""
    run = snakemake(folder, *targets)
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A main run of one step, the first rollouts of a run of the sweep, and the SFT baseline."""
    folder = tmp_path_factory.mktemp("swept")
    wrong = [
        {**trace, "response": " I guess </think> <answer>no</answer>"} for trace in TRACES[:10]
    ]
    folder.joinpath("traces.jsonl").write_text(
        "".join(json.dumps(trace) + "\n" for trace in wrong + TRACES[10:])
    )
    sweep = {"epochs2": {"sft": {"epochs": 2}}}
    miniature(
        folder,
        steps=1,
        sweep=sweep,
        baseline={"traces": "traces.jsonl", "filter": {"keep": "all"}},
    )
    targets = [
        "all",
        "results/sft/steps.csv",
        "results/sft/run.json",
        "results/sft_filtered/step1/filtered.parquet",
        *(f"results/sweep/epochs2/step1/{name}.parquet" for name in SHARED),
    ]
    done(folder, *targets)
    return folder


def test_a_run_that_differs_later_links_to_the_same_rollouts(swept):
    ours = swept / "results/sweep/epochs2/step1"
    for name in SHARED:
        link = ours / f"{name}.parquet"
        assert link.is_symlink()
        assert link.resolve() == (swept / "results/step1" / link.name).resolve()


def test_the_baseline_keeps_wrong_traces_and_its_filtered_twin_does_not(swept):
    kept = {
        name: pl.read_parquet(swept / f"results/{name}/step1/filtered.parquet")
        for name in ("sft", "sft_filtered")
    }
    assert {name: rows.height for name, rows in kept.items()} == {"sft": 40, "sft_filtered": 30}
    training = json.loads((swept / "results/sft/step1/training.json").read_text())
    assert training["sampling_entropy"] is None
    assert (swept / "results/sft/step0/eval.json").is_symlink()
    assert json.loads((swept / "results/sft/run.json").read_text())["kind"] == "sft"


def test_the_report_shows_an_unfinished_run_and_starts_nothing(swept, tmp_path):
    folder = copy_of(swept, tmp_path / "copy")
    done(folder, "all", "--report", "report.html")
    assert (folder / "report.html").stat().st_size > 100_000
    for name in ("step1", "report"):  # a run that was killed during its first step
        shutil.rmtree(folder / "results" / name)
    done(folder, "report")
    page = (folder / "results/report/index.html").read_text(encoding="utf-8")
    assert "main: step 0 of 1" in page
    assert 'data-value="sft">sft</td>' in page  # a run that is finished
    assert not (folder / "results/step1").exists()
    assert "plots" in done(folder, "all", "--dry-run")  # a link stands in their place


def test_every_preset_is_a_target_whose_jobs_make_its_main_run(tmp_path):
    miniature(tmp_path, engine="vllm", device="cuda", data={"development": 8})
    single = [name for name in PRESETS if name not in STUDIES]
    told = done(tmp_path, *single, "baseline", "--dry-run")
    planned = {
        tuple(line.split()[1:2])
        for line in told.splitlines()
        if line.startswith(("rule ", "checkpoint "))
    }
    runs = {
        line.split("run=")[1].split(",")[0]
        for line in told.splitlines()
        if "wildcards: run=" in line
    }
    assert {f"results/{name}" for name in single} <= runs
    assert {("sample:",), ("sft:",), ("best_so_far:",), ("best:",), ("model:",)} <= planned
    assert "run=results/demo/sweep" not in told


def test_a_study_is_a_target_whose_jobs_make_all_of_its_runs_and_their_page(tmp_path):
    miniature(tmp_path)
    for name in STUDIES:
        told = done(tmp_path, name, "--dry-run")
        preset = yaml.safe_load((ROOT / f"workflow/presets/{name}.yaml").read_text())
        groups = [*preset["sweep"], *(f"{run}-seed2" for run in ("main", *preset["sweep"]))]
        runs = [f"results/{name}", *(f"results/{name}/sweep/{group}" for group in groups)]
        summarized = re.findall(r"^    output: (.*)/run\.json$", told, re.MULTILINE)
        assert set(runs) <= set(summarized)
        assert f"results/{name}/report/index.html" in told


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_where_it_comes_from(name):
    text = (ROOT / f"workflow/presets/{name}.yaml").read_text()
    assert text.startswith("# ")
    assert isinstance(yaml.safe_load(text), dict)
