"""What is told at the terminal: a few lines for each step, the time left, the table last."""

import io
import logging
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from ei.terminal import Pace, Terminal, in_words, is_telling, spoken, worth_telling
from helpers import ROOT, copy_of, miniature, snakemake

BAR = "sft: 100%|###| 8/8 [01:12<00:00, 10.44update/s, loss 0.0196, entropy 0.0517, 1,861 tokens/s]"
PROFILE = ("--workflow-profile", str(ROOT / "profiles/default"))


RUN = "results/sweep/G16"


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """A function that sends an event of Snakemake's to a terminal: the lines told so far."""
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()
    handler = Terminal({RUN: "G16"}, stream)

    def send(event, created=0.0, msg="", **values):
        record = logging.makeLogRecord({"event": event, "created": created, "msg": msg, **values})
        handler.handle(record)
        return stream.getvalue().splitlines()

    return send


def write(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def start(send, jobid, rule, log, created=0.0):
    send(LogEvent.JOB_INFO, created, jobid=jobid, rule_name=rule, log=[log])


def test_a_line_names_its_run_its_step_and_its_stage(terminal):
    text = f"vllm says much\n{RUN}/step3/rollouts/0-of-1.parquet: 96 rollouts\n"
    log = write(f"{RUN}/step3/logs/sample-0-of-1.log", text)
    start(terminal, 7, "sample", log)
    assert terminal(LogEvent.JOB_FINISHED, job_id=7) == ["G16 step 3 sample: 96 rollouts"]


def test_one_of_several_shards_says_which(terminal):
    log = write(f"{RUN}/step3/logs/sample-1-of-2.log", "48 rollouts\n")
    start(terminal, 7, "sample", log)
    assert terminal(LogEvent.JOB_FINISHED, job_id=7) == ["G16 step 3 sample 2/2: 48 rollouts"]


def test_jobs_that_an_executor_does_not_announce_are_found_by_their_logs(terminal):
    terminal(LogEvent.RUN_INFO, 1.0, stats={"sft": 1, "total": 1})
    write(f"{RUN}/step3/logs/sft.log", "8 updates\n")
    write(f"{RUN}/logs/data.log", "90 questions\n")
    told = terminal(LogEvent.JOB_FINISHED, 5.0, "Finished jobid: 7 (Rule: sft)", job_id=7)
    assert told[1:] == ["G16 step 3 sft: 8 updates"]
    told = terminal(LogEvent.JOB_FINISHED, 5.0, "Finished jobid: 8 (Rule: sft)", job_id=8)
    assert len(told) == 2


def test_a_failed_job_says_its_sentence_and_where_its_log_is(terminal):
    log = write(f"{RUN}/step1/logs/sft.log", "Loading\nerror: no GPU\n")
    told = terminal(LogEvent.JOB_ERROR, log=[log])
    assert told == ["G16 step 1 sft: error: no GPU", f"G16 step 1 sft: its log is {log}"]


def test_a_job_that_failed_without_a_sentence_shows_the_end_of_its_log(terminal):
    text = "".join(f"line {n}\n" for n in range(100))
    log = write(f"{RUN}/step1/logs/sft.log", text)
    told = terminal(LogEvent.JOB_ERROR, log=[log])
    assert told[0] == "G16 step 1 sft: line 80"
    assert told[-2] == "G16 step 1 sft: line 99"


def test_of_a_failed_group_the_jobs_are_told_that_have_a_sentence(terminal):
    bad = write(f"{RUN}/step1/logs/filter.log", "error: no rows\n")
    good = write(f"{RUN}/step1/logs/score.log", "96 responses\n")
    for log in (good, bad):
        told = terminal(LogEvent.JOB_ERROR, log=[log], indent=True)
    assert told[0] == "G16 step 1 filter: error: no rows"


def test_the_table_comes_last(terminal):
    log = write(f"{RUN}/logs/table.log", "step accuracy\n0 13.4\n")
    last = write(f"{RUN}/logs/best.log", "best step so far: 0\n")
    start(terminal, 1, "table", log)
    start(terminal, 2, "best", last)
    terminal(LogEvent.JOB_FINISHED, job_id=1)
    terminal(LogEvent.JOB_FINISHED, job_id=2)
    told = terminal(LogEvent.PROGRESS, done=2, total=2)
    assert told == [
        "G16 best: best step so far: 0", "", "G16 table:", "step accuracy", "0 13.4",
    ]  # fmt: skip


def test_the_time_left_is_told_every_half_minute(terminal):
    terminal(LogEvent.RUN_INFO, 1000.0, stats={"sft": 4, "total": 4})
    log = write(f"{RUN}/step1/logs/sft.log", "")
    for jobid, began, ended in ((1, 1000, 1020), (2, 1020, 1040), (3, 1040, 1050)):
        start(terminal, jobid, "sft", log, began)
        terminal(LogEvent.JOB_FINISHED, ended, job_id=jobid)
        told = terminal(LogEvent.PROGRESS, ended, done=jobid, total=4)
    assert told == ["4 jobs: 4 sft", "2 of 4 jobs, about 40 s left"]


def test_two_jobs_side_by_side_halve_the_time_left():
    pace = Pace(planned={"sft": 4}, began=0.0)
    pace.add("sft", 60)
    pace.add("sft", 60)
    assert pace.left(60.0) == 60.0


def test_no_time_is_told_before_every_long_rule_has_ended_once():
    pace = Pace(planned={"sft": 2, "sample": 2}, began=0.0)
    pace.add("sample", 60)
    assert pace.left(60.0) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(40, "40 s"), (720, "12 min"), (12_000, "3 h 20 min")]
)
def test_times_are_spoken(seconds, words):
    assert spoken(seconds) == words


def test_a_full_progress_bar_is_told_in_words():
    told = "8 updates in 01:12, loss 0.0196, entropy 0.0517, 1,861 tokens/s"
    assert in_words(BAR) == told
    assert worth_telling("sft", ["sft: 0%| | 0/8 [00:00<?]", BAR]) == [told]


def test_warnings_are_told_whatever_the_rule():
    lines = ["warning: no rollout is kept", "more"]
    assert worth_telling("gather", lines) == lines[:1]
    assert worth_telling("filter", lines) == lines


def test_what_snakemake_warns_of_is_told_and_its_rounds_are_not():
    def record(level, text):
        return logging.makeLogRecord({"levelno": level, "msg": text})

    assert not is_telling(record(logging.INFO, "Select jobs to execute..."))
    assert is_telling(record(logging.INFO, "Nothing to be done."))
    assert is_telling(record(logging.ERROR, "WorkflowError: Select jobs to execute"))


@pytest.mark.parametrize(
    "targets",
    [
        ["results/sft/step1/eval.json"],  # as many jobs of each rule as the demo's whole baseline
        ["baseline", "results/guarded/step1/policy"],
    ],
)
def test_a_run_tells_the_cost_that_its_dry_run_told(tmp_path, targets):
    miniature(tmp_path, engine="vllm", device="cuda", probes={"samples": 2, "questions": 4})
    dry, run = (
        snakemake(tmp_path, flag, *targets, CUDA_VISIBLE_DEVICES="")
        for flag in ("--dry-run", "--resources=gpu=1")
    )
    assert (dry.returncode, run.returncode) == (0, 1)  # no GPU: the first job ends the run
    costs = [
        [line for line in done.stdout.splitlines() if line.startswith("to do: ")]
        for done in (dry, run)
    ]
    assert costs[0] == costs[1] != []


@pytest.mark.slow
def test_a_step_is_told_in_a_few_lines_and_a_dry_run_in_numbers(finished, tmp_path):
    folder = copy_of(finished, tmp_path / "copy")
    redo = ("results/step2/filtered.parquet", "--forcerun", "score")
    dry = snakemake(folder, *redo, *PROFILE, "--dry-run")
    assert "7 jobs: 2 score, 2 filter" in dry.stdout, dry.stdout
    done = snakemake(folder, *redo, *PROFILE)
    assert done.returncode == 0, done.stdout
    of_step = [line for line in done.stdout.splitlines() if line.startswith("main step 2 ")]
    assert [line.split(":")[0].split()[-1] for line in of_step] == ["sample", "score", "filter"]
    cost = [line for line in done.stdout.splitlines() if line.startswith("to do: ")]
    assert len(cost) == 1
    others = len(done.stdout.splitlines()) - len(of_step) - len(cost)
    assert others <= 6, done.stdout
