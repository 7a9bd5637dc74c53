"""Runs, settings and lineages as the rules ask for them; the thinking is in workflow/scripts/ei/plan.py and reuse.py."""

import atexit
import hashlib
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import yaml
from snakemake.exceptions import IncompleteCheckpointException, WorkflowError

BASE = Path(workflow.basedir)
SCRIPTS = BASE / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))
import gpurun
from ei import plan, reuse
from ei.plots import PICTURES
from ei.stage import UserError

shell.prefix(f"set -euo pipefail; export PATH={SCRIPTS}:$PATH PYTHONUNBUFFERED=1; ")


def local(path):
    """A path of the settings: as it stands if it is there, else the workflow's own file of that name."""
    return path if os.path.exists(path) or not (BASE / path).exists() else str(BASE / path)


def refuse_bad(settings, source):
    """Stop in one sentence at an unknown setting or a wrong value."""
    schema = yaml.safe_load((BASE / "workflow/schemas/config.schema.yaml").read_text())
    error = plan.first_error(settings, schema)
    if error:
        raise WorkflowError(f"{source}: {error}")


def load_presets():
    """{name: changes} of workflow/presets; each must leave settings that config.yaml could have."""
    found = {}
    for path in sorted((BASE / "workflow/presets").glob("*.yaml")):
        found[path.stem] = yaml.safe_load(path.read_text()) or {}
        refuse_bad(plan.with_preset(config, found[path.stem]), f"workflow/presets/{path.name}")
    return found


def all_runs():
    """{folder: run} of config.yaml and the presets."""
    try:
        return {folder: with_prompt(run) for folder, run in plan.runs(config, PRESETS).items()}
    except UserError as error:
        raise WorkflowError(str(error))


def with_prompt(run):
    """The run with the prompt template's hash among its settings: another wording is another setting."""
    path, traces = Path(local(run.settings["prompt"])), run.settings.get("traces")
    if not path.is_file():
        raise WorkflowError(f"prompt: the template {run.settings['prompt']} does not exist")
    if traces and not os.path.exists(local(traces)):
        raise WorkflowError(f"baseline.traces: the file {traces} does not exist")
    return replace(
        run,
        settings={**run.settings, "prompt_sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
    )


refuse_bad(config, "config.yaml")
PRESETS = load_presets()
RUNS = all_runs()
SHARED = plan.shared(RUNS)
KNOWN = reuse.sources(RUNS)


def only(found):
    """A regular expression of these names; of none, one that matches nothing."""
    return "|".join(map(re.escape, found)) or "(?!)"


pathvars:
    step="{run}/step{step}",  # the folder of one step of one run


wildcard_constraints:
    run=only(RUNS),
    experiment=only({run.experiment for run in RUNS.values()}),
    step=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def settings_of(wildcards):
    return RUNS[wildcards.run].settings


def setting(*keys):
    """A params function: one value of the run's settings."""

    def get(wildcards):
        value = settings_of(wildcards)
        for key in keys:
            value = value[key]
        return value

    return get


def flags(section, *leave_out):
    """A params function: a section of the run's settings as command-line flags."""

    def get(wildcards):
        return plan.flags(settings_of(wildcards)[section], leave_out)

    return get


def lineage(stage):
    """A params function: the hash of every setting that the output depends on."""

    def get(wildcards):
        return plan.lineage(settings_of(wildcards), stage, int(getattr(wildcards, "step", 0)))

    return get


def gpus(section=None):
    """A resources function: the GPUs of a job; none where the device is the CPU."""

    def get(wildcards):
        settings = settings_of(wildcards)
        if settings["device"] == "cpu":
            return 0
        return settings[section]["gpus"] if section else 1

    return get


def threads(wildcards):
    return settings_of(wildcards)["threads"]


@atexit.register
def tell_saved():
    """At the end of a dry run, say what sharing saves; only then is known which jobs there would be."""
    if workflow.is_main_process and workflow.dryrun and workflow.dag:
        planned = {
            *workflow.dag.finished_jobs,
            *workflow.dag.needrun_jobs(),
        }  # with --quiet they stay unfinished
        jobs = [(job.rule.name, list(job.output)) for job in planned]
        line = reuse.saved(jobs, RUNS, KNOWN)
        if line:
            print(line, file=sys.stderr)


onstart:
    # Said here, before the first job, and not by the first job that finds no GPU after a long download.
    wants_gpu = any(job.resources.get("gpu") for job in workflow.dag.needrun_jobs())
    if wants_gpu and workflow.local_exec and not gpurun.visible():
        raise WorkflowError(
            "This run needs a GPU, and none is visible on this machine. To see expert iteration on a CPU, run the"
            " demo: snakemake demo --cores all"
        )
