"""Tell what is still to do will cost: at the end of a dry run, and before a run's first job starts.

Snakemake tells its log handlers only how many jobs of each rule there are. Which ones these are is
asked of its plan, never guessed: runs of several experiments can have as many jobs of each rule.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from ei.cost import rates
from ei.cost.estimate import Job, Rates, cost, words
from ei.runs import probes
from ei.runs.experiment import Run

ROOT = Path(__file__).parents[4]
STAGES = ("sample", "eval", "sft", "probe")
MATH_TRAIN, MATH_VALIDATION = 7500, 5000  # questions, where nobody knows before they are fetched

Planned = tuple[str, Mapping[str, Any]]  # a rule and its wildcards


class Estimate(logging.Handler):
    """A handler of Snakemake's events that says once what all of the jobs will cost."""

    def __init__(
        self,
        runs: Mapping[str, Run],
        to_do: Callable[[], Iterable[Planned]],
        stream: TextIO | None = None,
    ) -> None:
        """`to_do` gives the jobs that Snakemake has planned, as soon as it has counted them."""
        super().__init__()
        self.runs, self.to_do, self.stream = runs, to_do, stream or sys.stderr
        self.planned: list[Planned] | None = None
        self.told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note the jobs; tell what they cost when a dry run ends or the first of them starts."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO and self.planned is None:
            self.planned = list(self.to_do())
        elif event in (LogEvent.JOB_STARTED, LogEvent.RUN_INFO):  # a dry run counts them twice
            self.tell()

    def tell(self) -> None:
        """Print the line, once; a job's own process plans nothing and says nothing."""
        line = "" if self.told else told(self.planned or [], self.runs)
        self.told = True
        if line:
            print(f"to do: {line}", file=self.stream, flush=True)


def told(planned: Iterable[Planned], runs: Mapping[str, Run]) -> str:
    """The cost of the jobs in one line; empty where they cost nothing, or no rate is known."""
    found = rates.summaries(Path("results"))
    known: dict[str, Rates | None] = {}
    jobs: list[tuple[Job, Rates]] = []
    for rule, wildcards in planned:
        run = runs.get(wildcards.get("run", ""))
        if rule not in STAGES or run is None:  # who includes this workflow may have such a rule
            continue
        if run.folder not in known:
            known[run.folder] = rates_of(run, found)
        at = known[run.folder]
        if at is None:
            return ""
        step = int(wildcards["step"])
        jobs.append((Job(rule, step, run.settings, responses(run, rule, wildcards)), at))
    gpu = any(job.settings["device"] != "cpu" for job, _ in jobs)
    line = words(cost(jobs), gpu, (at.source for _, at in jobs))
    stops = any(job.settings.get("early_stopping", {}).get("patience") for job, _ in jobs)
    return f"{line}, without what early stopping has yet to decide on" if line and stops else line


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
