"""The runs, and how rules look things up in them; the thinking is in workflow/scripts/ei/runs."""

import hashlib
import json
import os
import re
import shlex
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from ei.contents import content_hash
from ei.model.folder import parts as parts_of_model
from ei.plots import OF_RUN, PICTURES
from ei.preflight.finding import problems
from ei.preflight.local import findings as local_findings, write_plan
from ei.prompt import SHORT, read_template
from ei.runs import (
    experiment,
    lineage as lineages,
    probes,
    settings as setting_rules,
    sharing,
    stale,
)
from ei.schema import ROUNDS
from ei.stage import UserError


def on_path():
    """Shell code that puts the scripts on the PATH, and before them the python that runs Snakemake.

    With `--sdm conda` a job's own environment is active by then, which CONDA_PREFIX shows; its
    python stays.
    """
    python, scripts = Path(sys.executable).parent, SCRIPTS
    unchanged = f'[ "${{CONDA_PREFIX:-}}" != {shlex.quote(os.environ.get("CONDA_PREFIX", ""))} ]'
    return (
        f'{unchanged} || export PATH={shlex.quote(str(python))}:"$PATH";'
        f' export PATH={shlex.quote(str(scripts))}:"$PATH" PYTHONUNBUFFERED=1;'
    )


# Strict mode is named because a prefix replaces Snakemake's own; braces are doubled because
# Snakemake formats it.
shell.prefix(f"set -euo pipefail; {on_path()} ".replace("{", "{{").replace("}", "}}"))


# The conda environments of `--sdm conda`, whose paths Snakemake formats as well.
CPU_ENV, GPU_ENV = (
    str(BASE / f"workflow/envs/{name}.yaml").replace("{", "{{").replace("}", "}}")
    for name in ("cpu", "gpu")
)


def local(path):
    """A path of the settings: as it stands if it exists, else the workflow's file of that name."""
    return path if os.path.exists(path) or not os.path.exists(BASE / path) else str(BASE / path)


def literal(path):
    """The path, or a link to it where it holds braces, which Snakemake takes for wildcards."""
    if "{" not in path:
        return path
    target = Path(path).absolute()
    name = hashlib.sha256(os.fsencode(target)).hexdigest()[:16] + target.suffix
    link = Path(".cache/links") / name
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        made = link.with_name(f".{name}.{os.getpid()}")
        made.symlink_to(target)
        made.replace(link)  # a process beside this one may make the same link
    return str(link)


def link_paths(settings):
    """Make the links of `literal` for all paths in a run's settings.

    This is before the first job, since Snakemake looks only once for what is in a folder.
    """
    data = settings["data"]
    prompts = [settings["prompt"], *(settings["probes"]["prompts"] or {}).values()]
    paths = (settings["model"], data["train"], data["validation"], settings.get("traces"))
    paths += tuple(SHORT.get(prompt, prompt) for prompt in prompts)
    for path in paths:
        if isinstance(path, str) and os.path.exists(local(path)):
            literal(local(path))


def refuse_bad(settings, source):
    """Stop in one sentence at an unknown setting or a wrong value."""
    error = setting_rules.first_error(settings, SCHEMA)
    if error:
        raise WorkflowError(f"{source}: {error}")


def load_presets():
    """{name: changes} of workflow/presets; each must leave settings that config.yaml could have."""
    paths = sorted((BASE / "workflow/presets").glob("*.yaml"))
    found = {path.stem: read_strictly(path) for path in paths}
    for name, preset in found.items():
        try:
            changes = experiment.expanded(preset, found, (name,))
        except UserError as error:
            raise WorkflowError(f"workflow/presets/{name}.yaml: {error}")
        refuse_bad(setting_rules.with_preset(config, changes), f"workflow/presets/{name}.yaml")
    return found


def all_runs():
    """{folder: run} of config.yaml and the presets."""
    try:
        found = experiment.runs(config, PRESETS)
    except UserError as error:
        raise WorkflowError(str(error))
    return {folder: with_contents(run) for folder, run in found.items()}


def with_contents(run):
    """The run with the hashes of its model, prompt, questions and traces: other files, other
    settings."""
    settings = {**run.settings, "prompt_sha256": content(prompt_file(run.settings["prompt"]))}
    settings |= hash_of_model(local(run.settings["model"]))
    settings["data"] = {**settings["data"], **hashes_of_sources(settings["data"])}
    prompts = settings["probes"]["prompts"] or {}
    hashes = {name: content(prompt_file(template)) for name, template in prompts.items()}
    settings["probes"] = {**settings["probes"], "prompts_sha256": hashes}
    traces = settings.get("traces")
    if traces and not os.path.exists(local(traces)):
        raise WorkflowError(f"baseline.traces: the file {traces} does not exist")
    if traces:
        settings["traces_sha256"] = content(local(traces))
    return replace(run, settings=settings)


def prompt_file(template):
    """The template's path; stops in one sentence unless it is one with {question} in it once."""
    path = local(SHORT.get(template, template))
    try:
        read_template(Path(path))
    except UserError as error:
        raise WorkflowError(f"prompt: {error}")
    return path


@cache
def content(path):
    """The hash of a file's content; what was found before is in .cache, and costs nothing."""
    try:
        return content_hash(Path(path), Path(".cache/contents"))
    except OSError as error:
        raise WorkflowError(f"{path} cannot be read: {error.strerror}")


@cache
def hash_of_model(path):
    """{"model_sha256": hash} of a model in a folder; a model of the hub has a revision."""

    def tell(size):
        if size > 1e9:  # seconds
            said = f"reading {path} once, {size / 1e9:.1f} GB, to know its weights again"
            print(said, file=sys.stderr, flush=True)

    try:
        found = content_hash(Path(path), Path(".cache/contents"), parts_of_model, tell)
    except OSError as error:
        raise WorkflowError(f"model: {path} cannot be read: {error.strerror}")
    return {"model_sha256": found} if found else {}


def hashes_of_sources(data):
    """{"sha256": {split: hash}} of the questions in files; data sets of the hub have a revision."""
    paths = {split: data[split] for split in ("train", "validation")}
    paths = {name: path if isinstance(path, str) else path["hub"] for name, path in paths.items()}
    found = {name: content(local(path)) for name, path in paths.items()}
    found = {name: sha256 for name, sha256 in found.items() if sha256}
    return {"sha256": found} if found else {}


for path in workflow.configfiles:  # with those that --configfile adds
    read_strictly(path)
SCHEMA = read_strictly(BASE / "workflow/schemas/config.schema.yaml")
refuse_bad(config, "config.yaml")
PRESETS = load_presets()
RUNS = all_runs()
SHARED = sharing.shared(RUNS)
for run in RUNS.values():
    link_paths(run.settings)
# Files that other settings made, and a file that is newer than they: an input of the jobs that make
# them again.
STALE = stale.stale(RUNS.values())
MARKER = ".cache/other_settings"
stale.mark_newer(Path(MARKER), STALE)
SFT_BASELINES = [run for run in RUNS if RUNS[run].kind == "sft"]


def only(names):
    """A regular expression of these names; of none, one that matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    run=only(RUNS),
    experiment=only({run.experiment for run in RUNS.values()}),
    step=r"\d+",
    round="|".join(ROUNDS),
    shard=r"\d+",
    shards=r"\d+",
    probe=only({name for run in RUNS.values() for name in probes.names(run.settings)}),
