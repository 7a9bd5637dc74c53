"""Tell what is still to do will cost: in a dry run from its jobs, and before the first job starts.

Snakemake tells its log handlers of every job of a dry run. Of a run that starts it tells only how
many jobs of each rule there are; which ones these are is then found by the files that are missing.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from ei.cost import rates
from ei.cost.estimate import Job, Rates, cost, words
from ei.runs import probes
from ei.runs.experiment import Run
from ei.runs.lineage import folder, probed, shards, work

ROOT = Path(__file__).parents[4]
STAGES = ("sample", "eval", "sft", "probe")
LEAVES = {"sample": "rollouts.parquet", "eval": "eval.json", "sft": "training.json"}
MATH_TRAIN, MATH_VALIDATION = 7500, 5000  # questions, where nobody knows before they are fetched

Planned = tuple[str, Mapping[str, Any]]  # a rule and its wildcards


class Estimate(logging.Handler):
    """A handler of Snakemake's events that says once what all of the jobs will cost."""

    def __init__(
        self, runs: Mapping[str, Run], there: Callable[[str], bool], stream: TextIO | None = None
    ) -> None:
        """`there` tells whether a file need not be made: it is up to date, or will be a link."""
        super().__init__()
        self.runs, self.there, self.stream = runs, there, stream or sys.stderr
        self.counts: Counter[str] = Counter()
        self.planned: list[Planned] = []
        self.told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note the jobs; tell what they cost when a dry run ends or the first of them starts."""
        event, said = getattr(record, "event", None), vars(record)
        if event == LogEvent.JOB_INFO:
            self.planned.append((said["rule_name"], dict(said["wildcards"] or {})))
        elif event == LogEvent.JOB_STARTED:
            self.tell(missing(self.runs, self.counts, self.there))
        elif event == LogEvent.RUN_INFO:
            if self.planned:  # a dry run counts its jobs again after it has named them
                self.tell(self.planned)
            self.counts = Counter(said["stats"])

    def tell(self, planned: Iterable[Planned]) -> None:
        """Print the line, once."""
        line = "" if self.told else told(planned, self.runs)
        self.told = True
        if line:
            print(f"to do: {line}", file=self.stream, flush=True)


def told(planned: Iterable[Planned], runs: Mapping[str, Run]) -> str:
    """The cost of the jobs in one line; empty where they cost nothing, or no rate is known."""
    found = rates.summaries(Path("results"))
    known: dict[str, Rates | None] = {}
    jobs: list[tuple[Job, Rates]] = []
    for rule, wildcards in planned:
        if rule not in STAGES:
            continue
        run = runs[wildcards["run"]]
        if run.folder not in known:
            known[run.folder] = rates_of(run, found)
        at = known[run.folder]
        if at is None:
            return ""
        step = int(wildcards["step"])
        jobs.append((Job(rule, step, run.settings, responses(run, rule, wildcards)), at))
    gpu = any(job.settings["device"] != "cpu" for job, _ in jobs)
    return words(cost(jobs), gpu, (at.source for _, at in jobs))


def rates_of(run: Run, found: Iterable[Mapping[str, Any]]) -> Rates | None:
    """The rates for a run's jobs, with the size of its own base model where that is there."""
    known, default = rates.own(found, run.settings), rates.measured(run.settings)
    at = known or default
    if at is None:
        return None
    model = run.settings["model"]
    places = (local(model), Path("models") / model.replace("/", "--"))
    there = next(filter(None, map(rates.policy_bytes, places)), None)
    elsewhere = at.policy_bytes or (default.policy_bytes if default else 0.0)
    return replace(at, policy_bytes=there or elsewhere)


def responses(run: Run, stage: str, wildcards: Mapping[str, Any]) -> int:
    """The responses of one evaluation, or the traces of an SFT baseline; 0 of other jobs.

    A probe has settings of its own, and asks no development questions.
    """
    if stage == "sft":
        return lines(run.settings["traces"], MATH_TRAIN) if run.kind == "sft" else 0
    if stage == "sample":
        return 0
    is_probe, settings = stage == "probe", run.settings
    asked = (probes.changed(settings, wildcards["probe"]) if is_probe else settings)["eval"]
    questions, data = asked["questions"], settings["data"]
    if questions == "all":
        questions = lines(data["validation"], MATH_VALIDATION)
    return int((questions + (0 if is_probe else data["development"])) * asked["samples"])


def local(path: str) -> Path:
    """A path of the settings: in the working folder, or else in the workflow's."""
    return Path(path) if Path(path).exists() else ROOT / path


def lines(source: Any, otherwise: int) -> int:
    """The rows of a JSONL file; another source is not read for it."""
    path = local(str(source))
    if path.suffix != ".jsonl" or not path.is_file():
        return otherwise
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def missing(
    runs: Mapping[str, Run], counts: Mapping[str, int], there: Callable[[str], bool]
) -> list[Planned]:
    """The jobs that a run has to do, by the files that are missing, if these are as many.

    What was asked for is the main run of an experiment, or all of its runs; else nothing is found.
    """
    wanted = {rule: counts.get(rule, 0) for rule in STAGES}
    experiments = dict.fromkeys(run.experiment for run in runs.values())
    for experiment in experiments:
        of = [run for run in runs.values() if run.experiment == experiment]
        baselines = [run for run in of if run.kind == "sft"]
        for asked in (of[:1], baselines, of):
            jobs = [job for run in asked for job in missing_of(run, there)]
            if jobs and Counter(rule for rule, _ in jobs) == Counter(wanted):
                return jobs
    return []


def missing_of(run: Run, there: Callable[[str], bool]) -> Iterator[Planned]:
    """The jobs of one run whose files are missing, one for each shard of rollouts."""
    for stage, step in work(run):
        if stage in LEAVES and not there(f"{folder(run, stage, step)}/{LEAVES[stage]}"):
            yield from [(stage, {"run": run.folder, "step": step})] * shards(run.settings, stage)
    for probe, step, _ in probed(run):
        if not there(f"{run.folder}/step{step}/{probe}/eval.json"):
            yield "probe", {"run": run.folder, "step": step, "probe": probe}
