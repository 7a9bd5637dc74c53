"""What a person at the terminal reads: a few lines for each step, and the time that is left.

Snakemake tells its log handlers of every job (the events of its interface for logger plugins). This
handler turns them into lines such as

    G16 step 3 sample: 8192 rollouts of 1024 questions
    31 of 73 jobs, about 12 min left

and prints the tables of the runs last. All else that a stage says is in its log file.
"""

import logging
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from snakemake_interface_logger_plugins.common import LogEvent

# How many of the last lines of a rule's log are told; the others are told by what they lead to.
LAST_LINES = {
    "data": 1,
    "model": 1,
    "sample": 1,
    "sample_round": 1,
    "traces": 1,
    "score": 1,
    "score_round": 1,
    "filter": 1,
    "pairs": 1,
    "sft": 1,
    "metrics": 2,
    "probe_metrics": 1,
    "best": 1,
}
# Rules whose whole log is told when all is done: a run's table, and what the runs say together.
AT_THE_END = ("table", "discuss")
# The rules that take nearly all of the time: before each has ended once, nobody knows what is left.
LONG = ("sample", "sample_round", "sft", "eval")
BAR = re.compile(r"\d+%\|")
ENDED_BAR = re.compile(r"100%\|.*?\| (\d+)/\1 \[([\d:]+)<[^,]*, +[\d.]+ ?([a-z]+)/s, (.+)\]")
# The run's folder, the step, the rule, and the shard that a log's path tells of.
JOB_OF_LOG = re.compile(r"(.+?)(?:/step(\d+))?/logs/(.+?)(?:-(\d+)-of-(\d+))?\.log")
SAID_BY_THE_NAME = re.compile(r"^(step \d+, |\S+\.parquet: )")
# What Snakemake says besides, for which it has no setting, or one that also empties a dry run.
CHATTER = re.compile(
    r"Select jobs to execute|Execute \d+ jobs|Building DAG|Using shell|Conda environments: ignored"
    r"|Assuming unrestricted|DAG of jobs will be updated|Updating checkpoint|Elapsed time"
)
# Links to what is there so far stand in the places of these files until they are made.
STAND_INS = re.compile(r"the following output files of rule (plots|table|page) were not present")
# The command line of a failed job; why it failed is told from its log.
COMMAND_LINE = re.compile(r"RuleException:\s+CalledProcessError")
CHATTY = {LogEvent.RUN_INFO, LogEvent.RESOURCES_INFO, LogEvent.JOB_FINISHED, LogEvent.PROGRESS}
EVERY_S = 30  # the progress is told no more often


@dataclass
class Job:
    """A job that has started: its rule, its log files, and its start as a Unix time."""

    rule: str
    logs: list[str]
    began: float


@dataclass
class Pace:
    """How long the jobs of each rule took, in seconds, and since when."""

    planned: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    began: float = 0.0

    def add(self, rule: str, seconds: float) -> None:
        """Count a job that has ended."""
        self.ended[rule] += 1
        self.seconds[rule] += seconds

    def left(self, now: float) -> float | None:
        """The seconds until all jobs are done; None where a long one is planned and none has ended.

        The jobs that are left take as long as those of their rule took, and as many run side by
        side as did so far.
        """
        to_do = {rule: count - self.ended[rule] for rule, count in self.planned.items()}
        if any(to_do.get(rule, 0) > 0 and not self.ended[rule] for rule in LONG):
            return None
        work = sum(
            max(count, 0) * self.seconds[rule] / self.ended[rule]
            for rule, count in to_do.items()
            if self.ended[rule]
        )
        at_once = max(sum(self.seconds.values()) / max(now - self.began, 1e-9), 1e-9)
        return work / at_once


class Terminal(logging.Handler):
    """A handler of Snakemake's events; `names` gives each run's folder the name it is called by."""

    def __init__(self, names: Mapping[str, str], stream: TextIO | None = None) -> None:
        super().__init__()
        self.names, self.stream = names, stream or sys.stderr
        self.jobs: dict[int, Job] = {}
        self.began: dict[int, float] = {}
        self.pace = Pace()
        self.last: list[str] = []
        self.told: set[str] = set()  # logs
        self.told_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Tell what an event means to a person; most mean nothing."""
        event, said = getattr(record, "event", None), vars(record)
        if event == LogEvent.RUN_INFO:
            self.plan(Counter(said["stats"]), record.created)
        elif event == LogEvent.JOB_STARTED:
            self.began |= dict.fromkeys(said["jobs"], record.created)
        elif event == LogEvent.JOB_INFO:
            logs = [str(path) for path in said["log"] or []]
            self.jobs[said["jobid"]] = Job(said["rule_name"], logs, record.created)
        elif event == LogEvent.JOB_FINISHED:
            self.end(self.jobs.get(said["job_id"]) or self.unannounced(record), record.created)
        elif event == LogEvent.JOB_ERROR:
            self.fail([str(path) for path in said["log"] or []], said.get("indent", False))
        elif event == LogEvent.PROGRESS:
            self.progress(said["done"], said["total"], record.created)

    def plan(self, counts: Counter[str], now: float) -> None:
        """Tell how many jobs of which rule there are; a dry run says so twice."""
        if counts == self.pace.planned:
            return
        self.pace.planned, self.pace.began = counts, self.pace.began or now
        self.told_at = self.told_at or now
        rules = [f"{count} {rule}" for rule, count in counts.items() if rule != "total"]
        self.say([f"{counts['total']} jobs: {', '.join(rules)}"])

    def unannounced(self, record: logging.LogRecord) -> Job | None:
        """The job of an executor that announces none, as Slurm's: known by its rule and its log.

        Of several jobs of a rule it is the one whose log has been silent for longest.
        """
        found = re.search(r"\(Rule: (\w+)\)", record.getMessage())
        if not found:
            return None
        rule, since = found[1], self.pace.began
        logs = [
            path
            for folder in self.names
            for pattern in (f"logs/{rule}*.log", f"step*/logs/{rule}*.log")
            for path in Path(folder).glob(pattern)
            if re.fullmatch(rf"{rule}(-\d+-of-\d+)?", path.stem) and str(path) not in self.told
        ]
        new = [path for path in logs if path.stat().st_mtime >= since]
        new.sort(key=lambda path: path.stat().st_mtime)
        began = self.began.get(vars(record)["job_id"], record.created)
        return Job(rule, [str(path) for path in new[:1]], began)

    def called(self, log: str) -> str:
        """What the job of a log is called, as "G16 step 3 sample 1/2"."""
        found = JOB_OF_LOG.fullmatch(log)
        if not found:
            return log
        run, step, rule, shard, shards = found.groups()
        words = [self.names.get(run, run), f"step {step}" if step else "", rule]
        words += [f"{int(shard) + 1}/{shards}"] if shards and shards != "1" else []
        return " ".join(filter(None, words))

    def end(self, job: Job | None, now: float) -> None:
        """Tell what a job came to, and keep what is told last."""
        if job is None:
            return
        self.pace.add(job.rule, now - job.began)
        for log in job.logs:
            self.told.add(log)
            name, lines = self.called(log), text_of(log)
            if job.rule in AT_THE_END:
                self.last += ["", f"{name}:", *lines]
            else:
                self.say(f"{name}: {line}" for line in worth_telling(job.rule, lines))

    def fail(self, logs: Iterable[str], of_group: bool) -> None:
        """Tell why a job failed: its own sentence, or the end of its log where it has none.

        Of a group's jobs, only those that have a sentence failed.
        """
        for log in logs:
            lines = text_of(log)
            reasons = [line for line in lines if line.startswith(("error:", "warning:"))]
            if of_group and not reasons:
                continue
            name = self.called(log)
            self.say(f"{name}: {line}" for line in reasons or lines[-20:] or ["error: it failed"])
            self.say([f"{name}: its log is {log}"])

    def progress(self, done: int, total: int, now: float) -> None:
        """Tell how much is done and how long the rest takes; at the end, the tables."""
        if done == total:
            self.say(self.last)
            self.last = []
        elif now - self.told_at >= EVERY_S:
            self.told_at = now
            left = self.pace.left(now)
            self.say([f"{done} of {total} jobs" + (f", about {spoken(left)} left" if left else "")])

    def say(self, lines: Iterable[str]) -> None:
        """Print the lines at once."""
        for line in lines:
            print(line, file=self.stream, flush=True)


def text_of(log: str) -> list[str]:
    """The lines of a log file, without the progress bars before the last."""
    if not Path(log).is_file():
        return []
    lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    bars = [line for line in lines if BAR.search(line)]
    return [line for line in lines if not BAR.search(line) or line is bars[-1]]


def worth_telling(rule: str, lines: list[str]) -> list[str]:
    """The warnings in a log, and how it ends, said in a few words."""
    warnings = [line for line in lines if line.startswith("warning:")]
    others = [line for line in lines if line not in warnings and line.strip()]
    ends = [in_words(line) for line in others]
    count = LAST_LINES.get(rule, 0)
    return warnings + [line for line in ends if line][-count:] if count else warnings


def in_words(line: str) -> str:
    """A line of a log without what the job's name says, and a full progress bar as words."""
    if BAR.search(line):
        bar = ENDED_BAR.search(line)
        return f"{bar[1]} {bar[3]}s in {bar[2]}, {bar[4]}" if bar else ""
    return SAID_BY_THE_NAME.sub("", line).partition(";")[0]


def spoken(seconds: float) -> str:
    """A time as people say it: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def listen(logger: logging.Logger, names: Mapping[str, str]) -> bool:
    """Tell of the jobs on this logger of Snakemake's, once, and keep its chatter off the terminal.

    The chatter stays in Snakemake's log file, and with --verbose on the terminal. False where this
    was done before.
    """
    if any(isinstance(handler, Terminal) for handler in logger.handlers):
        return False
    for handler in logger.handlers:
        to_file = isinstance(handler, logging.FileHandler)
        if not to_file and logger.getEffectiveLevel() > logging.DEBUG:
            handler.addFilter(is_telling)
    logger.addHandler(Terminal(names))
    return True


def is_telling(record: logging.LogRecord) -> bool:
    """Whether a person wants to read what Snakemake says."""
    if record.levelno > logging.INFO:
        return not (COMMAND_LINE.match(str(record.msg)) or STAND_INS.search(str(record.msg)))
    return getattr(record, "event", None) not in CHATTY and not CHATTER.match(str(record.msg))
