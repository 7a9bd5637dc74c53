"""What is said at the terminal; the thinking is in workflow/scripts/ei/terminal.py."""

from snakemake.logging import logger

from ei.cost.telling import Estimate
from ei.terminal import listen


def called(run):
    """What a run is called there: "main", "G16", "demo", "demo G2"."""
    preset = "" if run.experiment == "results" else Path(run.experiment).name
    return " ".join(filter(None, [preset, "" if preset and run.name == "main" else run.name]))


def to_do():
    """(rule, wildcards) of every job that Snakemake has planned, whatever the targets are."""
    return [(job.rule.name, job.wildcards_dict) for job in workflow.dag.needrun_jobs()]


if listen(logger, {folder: called(run) for folder, run in RUNS.items()}):
    logger.addHandler(Estimate(RUNS, to_do))
