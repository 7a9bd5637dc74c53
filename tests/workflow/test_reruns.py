"""What a changed setting runs again: docs/reruns.md against lineages and Snakemake's plan."""

import os
import re
import shutil

import pytest
import yaml

from ei.runs.experiment import Run, runs
from ei.runs.lineage import lineage, work
from ei.runs.settings import flat, scientific
from helpers import ROOT, copy_of, snakemake

DOCUMENT = (ROOT / "docs/reruns.md").read_text(encoding="utf-8")
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
STAGES = ("data", "sample", "score", "filter", "sft", "eval", "grade", "metrics")
# These say which runs there are, or how files are cut; lineages know nothing of them.
NOT_IN_LINEAGES = re.compile(r"steps|shards|early_stopping\..*|seeds|baseline\..*|sweep\..*")


def table():
    """{pattern of a setting: {column: cell}} as the document's table says."""
    lines = [line for line in DOCUMENT.splitlines() if line.startswith("| ")]
    columns, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    found = {}
    for settings, *cells in rows:
        names, _, excepted = settings.partition(", except ")
        for name in re.findall(r"`(.+?)`", names):
            unless = "".join(
                rf"(?!{re.escape(other)}$)" for other in re.findall("`(.+?)`", excepted)
            )
            pattern = unless + re.escape(name).replace(r"\*", ".*")
            found[pattern] = dict(zip(columns[1:], cells, strict=True))
    return found


def promised(setting):
    """The row for a setting; exactly one has to fit."""
    fits = [cells for pattern, cells in table().items() if re.fullmatch(pattern, setting)]
    assert len(fits) == 1, (setting, fits)
    return fits[0]


def another(value):
    """A value that differs from this one."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case dict():
            return {**value, "revision": "another"}
        case None:
            return "something"
        case _:
            return f"{value} changed"


def changed(settings, key):
    """The settings with another value of `key` or `section.key`."""
    section, _, name = key.partition(".")
    value = settings[section]
    return {**settings, section: {**value, name: another(value[name])} if name else another(value)}


def main_run(settings):
    return runs({**settings, "sweep": {}, "baseline": None}, {})["results"]


def first_steps(before: Run, after: Run):
    """{stage: the first step that has another lineage, as the document writes it}."""
    found = {}
    for stage, step in work(before):
        old, new = (lineage(run.settings, stage, step) for run in (before, after))
        if old != new:
            found.setdefault(stage, "yes" if stage == "data" else f"{step}+")
    return found


@pytest.mark.parametrize(
    "key",
    [
        key
        for key in ["sweep.G4", "seeds", *flat({k: v for k, v in CONFIG.items() if k != "sweep"})]
        if not NOT_IN_LINEAGES.fullmatch(key)
    ],
)
def test_the_document_says_what_each_setting_changes(key):
    before, after = main_run(CONFIG), main_run(changed(CONFIG, key))
    cells = {column: cell for column, cell in promised(key).items() if cell}
    summarized = scientific(before.settings) != scientific(after.settings)
    assert {column: cell for column, cell in cells.items() if column in STAGES} == first_steps(
        before, after
    )
    assert ("run.json" in cells) == summarized
    assert ("plots" in cells) == (summarized or key == "target_accuracy")


@pytest.mark.parametrize("key", [key for key in flat(CONFIG) if NOT_IN_LINEAGES.fullmatch(key)])
def test_the_document_has_a_row_for_every_other_setting(key):
    assert promised(key)


CHANGES = {  # a few of each row, in the settings of the finished run of two steps
    "seed": 1,
    "data.skip_too_long": True,
    "data.development": 9,
    "sample.rollouts": 5,
    "score.max_chars": 500,
    "filter.max_per_question": 1,
    "sft.epochs": 3,
    "sft.gpus": 2,
    "eval.questions": 10,
    "shards": 2,
    "steps": 1,
    "target_accuracy": 0.5,
    "vllm.sequences": 256,
}
UNRECORDED = ("score.max_chars", "sample.rollouts", "data.development", "steps", "vllm.sequences")


def with_change(folder, key):
    """Write one of CHANGES into the folder's settings."""
    section, _, name = key.partition(".")
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    value = CHANGES[key]
    config[section] = {**config[section], name: value} if name else value
    path.write_text(yaml.safe_dump(config))


def planned(folder, *targets):
    """{rule: its first step, or "yes"} of the jobs of a dry run."""
    told = snakemake(folder, *targets, "--dry-run")
    assert told.returncode == 0, told.stdout[-3000:]
    found: dict[str, str] = {}
    heads = re.findall(
        r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)+)", told.stdout, re.MULTILINE
    )
    for rule, block in heads:
        step = re.search(r"^    wildcards: .*step=(\d+)", block, re.MULTILINE)
        found[rule] = min(found.get(rule, "9"), f"{step[1]}+") if step else "yes"
    return found


def expected(key):
    """What the document says, for steps that the finished run has and for rules of Snakemake."""
    cells = {column: cell for column, cell in promised(key).items() if cell}
    if "run.json" in cells:
        cells["summarize"] = cells.pop("run.json")
    return cells


def of_the_document(plan):
    return {rule: first for rule, first in plan.items() if rule in (*STAGES, "summarize", "plots")}


@pytest.fixture
def copied(finished, tmp_path):
    return copy_of(finished, tmp_path / "copy")


@pytest.mark.slow
@pytest.mark.parametrize("key", CHANGES)
def test_snakemake_runs_again_what_the_document_says(copied, key):
    with_change(copied, key)
    assert of_the_document(planned(copied)) == expected(key)


@pytest.mark.slow
@pytest.mark.parametrize("key", UNRECORDED)
def test_a_changed_setting_is_noticed_without_snakemakes_records(copied, key):
    shutil.rmtree(copied / ".snakemake")
    with_change(copied, key)
    assert of_the_document(planned(copied)) == expected(key)


@pytest.mark.slow
def test_results_without_records_are_kept_where_no_setting_changed(copied):
    shutil.rmtree(copied / ".snakemake")
    assert planned(copied) == {}


@pytest.mark.slow
def test_a_file_of_another_run_is_replaced_though_it_is_new(copied):
    """Only the lineage in the file tells: Snakemake's records and the times fit."""
    scored = copied / "results/step1/scored.json"
    times = scored.stat()
    scored.write_text(re.sub(r'("lineage": ")\w+', r"\1another", scored.read_text()))
    os.utime(scored, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert planned(copied)["score"] == "1+"


@pytest.mark.slow
def test_a_stage_that_ran_again_for_its_lineage_runs_once(copied):
    shutil.rmtree(copied / ".snakemake")
    with_change(copied, "steps")
    done = snakemake(copied)
    assert done.returncode == 0, done.stdout[-3000:]
    assert planned(copied) == {}


@pytest.mark.slow
def test_a_run_with_the_settings_of_another_is_made_of_links_its_policies_too(copied):
    path = copied / "config.yaml"
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**config, "sweep": {"same": {}}}))
    same = "results/sweep/same"
    targets = (f"{same}/run.json", f"{same}/best/policy", f"{same}/step2/tensorboard")
    done = snakemake(copied, *targets)
    assert done.returncode == 0, done.stdout[-3000:]
    for name in ("step2/tensorboard", "best/policy"):
        assert (copied / same / name).resolve() == (copied / "results" / name).resolve()
    assert planned(copied, *targets) == {}
    assert planned(copied) == {}


@pytest.mark.slow
def test_one_policy_is_made_again_by_one_job(copied):
    assert set(planned(copied, "--force", "results/step2/policy")) == {"sft"}


@pytest.mark.slow
def test_the_best_policy_is_linked_again_where_it_was_deleted(copied):
    link = copied / "results/best/policy"
    target = link.resolve()
    link.unlink()
    assert set(planned(copied)) == {"best_policy", "all"}
    done = snakemake(copied)
    assert done.returncode == 0, done.stdout[-3000:]
    assert link.resolve() == target


@pytest.mark.slow
def test_snakemakes_own_report_of_a_finished_run_needs_no_other_run(copied):
    made = snakemake(copied, "all", "--report", "report.html")
    assert made.returncode == 0, made.stdout[-3000:]
    assert (copied / "report.html").stat().st_size > 100_000
