"""Runs, lineages and the paths between rules; the thinking is in workflow/scripts/ei/plan.py."""

import hashlib
import json
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

BASE = Path(workflow.basedir)
SCRIPTS = BASE / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))
import gpurun
from ei import plan

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
        found[path.stem] = yaml.safe_load(path.read_text())
        refuse_bad(plan.merge(config, found[path.stem]), f"workflow/presets/{path.name}")
    return found


def with_prompt(settings):
    """The settings with the prompt template's hash: another wording is another setting."""
    path = Path(local(settings["prompt"]))
    if not path.is_file():
        raise WorkflowError(f"prompt: the template {settings['prompt']} does not exist")
    return {**settings, "prompt_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


refuse_bad(config, "config.yaml")
RUNS = {run: with_prompt(settings) for run, settings in plan.runs(config, load_presets()).items()}
MAIN_AND_SWEEP = [run for run in RUNS if run == "results" or run.startswith("results/sweep/")]
SHARED = plan.shared(RUNS)


pathvars:
    step="{run}/step{step}",  # the folder of one step of one run


wildcard_constraints:
    run="|".join(map(re.escape, RUNS)),
    step=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def setting(*keys):
    """A params function: one value of the run's settings."""

    def get(wildcards):
        value = RUNS[wildcards.run]
        for key in keys:
            value = value[key]
        return value

    return get


def flags(section, *leave_out):
    """A params function: a section of the run's settings as command-line flags."""

    def get(wildcards):
        return plan.flags(RUNS[wildcards.run][section], leave_out)

    return get


def lineage(stage):
    """A params function: the hash of every setting that the output depends on."""

    def get(wildcards):
        return plan.lineage(RUNS[wildcards.run], stage, int(getattr(wildcards, "step", 0)))

    return get


def gpus(section=None):
    """A resources function: the GPUs of a job; none where the device is the CPU."""

    def get(wildcards):
        settings = RUNS[wildcards.run]
        if settings["device"] == "cpu":
            return 0
        return settings[section]["gpus"] if section else 1

    return get


def threads(wildcards):
    return RUNS[wildcards.run]["threads"]


def base_model(run):
    """The folder of the run's base model: a local one, or where `rule model` puts it."""
    model = RUNS[run]["model"]
    if os.path.isdir(local(model)):
        return local(model)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+@[\w.-]+", model):
        raise WorkflowError(f"model: {model!r} is neither a folder nor a hub id with a revision (org/name@revision)")
    return "models/" + "--".join(Path(model).parts)


def policy_of(run, step):
    """The policy that a step ends with; step 0 is the base model."""
    return f"{run}/step{step}/policy" if step else base_model(run)


def policy_before(wildcards):
    return policy_of(wildcards.run, int(wildcards.step) - 1)


def policy_after(wildcards):
    return policy_of(wildcards.run, int(wildcards.step))


def policy_init(wildcards):
    """The weights that training starts from."""
    start = RUNS[wildcards.run]["sft"]["init"]
    return policy_before(wildcards) if start == "previous" else base_model(wildcards.run)


def policy_base(wildcards):
    return base_model(wildcards.run)


def shards_of(kind):
    """An input function: the shards of a step's rollouts, or of its answers."""

    def get(wildcards):
        n = RUNS[wildcards.run]["shards"]
        return [f"{wildcards.run}/step{wildcards.step}/{kind}/{k}-of-{n}.parquet" for k in range(n)]

    return get


def source(split):
    """A params function: a split's source as data.py takes it."""

    def get(wildcards):
        value = RUNS[wildcards.run]["data"][split]
        return local(value) if isinstance(value, str) else json.dumps(value, sort_keys=True)

    return get


def source_files(wildcards):
    """The splits' files; a data set of the hub is no file."""
    return [local(value) for value in RUNS[wildcards.run]["data"].values() if isinstance(value, str)]


def of_steps(name, first=0):
    """An input function: the artifact of each step of the run."""

    def get(wildcards):
        steps = range(first, RUNS[wildcards.run]["steps"] + 1)
        return [f"{wildcards.run}/step{step}/{name}" for step in steps]

    return get


def finished(*runs):
    """What runs leave behind; policies may be deleted to save disk, so they are not asked for by themselves."""
    kept = [path for run in runs for path in plan.kept(run, RUNS[run]) if Path(path).name != "policy"]
    return kept + [f"{run}/{name}" for run in runs for name in ("steps.csv", *PLOTS)]


def shared_source(wildcards):
    return SHARED[wildcards.shared]


PLOTS = [f"plots/{name}.{kind}" for name in ("accuracy", "entropy") for kind in ("png", "svg")]


onstart:
    # Said here, before the first job, and not by the first job that finds no GPU after a long download.
    wants_gpu = any(job.resources.get("gpu") for job in workflow.dag.needrun_jobs())
    if wants_gpu and workflow.local_exec and not gpurun.visible():
        raise WorkflowError(
            "This run needs a GPU, and none is visible on this machine. To see expert iteration on a CPU, run the"
            " demo: snakemake demo --cores all"
        )
