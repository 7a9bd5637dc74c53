"""From the config to runs, lineages and shared artifacts: plain Python, tested without Snakemake.

A run is a folder and its settings. An artifact is a file or folder that a stage leaves in a run. Its
lineage is a hash of every setting it depends on, its own and upstream; equal lineages are equal artifacts.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import jsonschema

from ei import checker_version

Settings = Mapping[str, Any]

# What each stage takes from the stages before it, as (stage, steps back).
UPSTREAM = {
    "model": [],
    "data": [],
    "sample": [("policy", 1), ("data", 0)],
    "score": [("sample", 0)],
    "filter": [("score", 0)],
    "policy": [("policy", 1), ("filter", 0)],
    "eval": [("policy", 0), ("data", 0)],
    "grade": [("eval", 0)],
    "metrics": [("grade", 0)],
}

# What each stage depends on besides: sections and values of config.yaml.
OWN = {
    "model": ["model"],
    "data": ["data"],
    "sample": ["sample", "prompt", "prompt_sha256", "engine", "device", "seed"],
    "score": ["score", "checker"],
    "filter": ["filter"],
    "policy": ["sft", "device", "seed"],
    "eval": ["eval", "prompt", "prompt_sha256", "engine", "device", "seed"],
    "grade": ["score", "checker"],
    "metrics": [],
}

# The artifacts of a stage in its step's folder; a `data` artifact lies in the run's folder.
FILES = {
    "sample": ["rollouts.parquet"],
    "score": ["scored.parquet", "scored.json", "scored.pairs.parquet"],
    "filter": ["filtered.parquet", "filtered.json"],
    "policy": ["policy", "training.parquet", "training.json"],
    "eval": ["answers.parquet"],
    "grade": ["responses.parquet", "responses.json", "responses.pairs.parquet"],
    "metrics": ["eval.json"],
}
DATA_FILES = ["data/train.parquet", "data/validation.parquet", "data/data.json"]

# Changing these changes how the work is done, not what comes out, so they stay out of the lineage.
MACHINE_ONLY = {("sft", "gpus")}


def first_error(settings: Settings, schema: Settings) -> str | None:
    """What is wrong with the settings, in a sentence that names the place; None if nothing is."""
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(settings))
    if error is None:
        return None
    place = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known, found = error.schema["properties"], error.instance
        name = next(key for key in found if key not in known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
        return f"{f'{place}.' if place else ''}{name} is no setting{hint}"
    return f"{f'{place}: ' if place else ''}{error.message}"


def merge(settings: Settings, changes: Settings) -> dict[str, Any]:
    """The settings with `changes` laid over them, section by section."""
    merged = dict(settings)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(settings.get(key), Mapping)
        merged[key] = {**settings[key], **value} if both else value
    return merged


def runs(config: Settings, presets: Mapping[str, Settings]) -> dict[str, dict[str, Any]]:
    """Every run's settings by its folder: the main run, the sweep's runs, and one for each preset.

    A run of the sweep and a preset are changes to the settings of config.yaml.
    """
    main = {key: value for key, value in config.items() if key != "sweep"} | {"checker": checker_version()}
    found = {"results": main}
    for name, changes in config.get("sweep", {}).items():
        found[f"results/sweep/{name}"] = merge(main, changes)
    for name, changes in presets.items():
        found[f"results/{name}"] = merge(main, changes)
    return found


def lineage(settings: Settings, stage: str, step: int = 0) -> str:
    """The hash (16 hex digits) of every setting that the stage's artifacts of this step depend on."""
    if stage == "policy" and step == 0:
        stage = "model"
    if stage in ("model", "data"):
        step = 0
    depends = {
        "stage": stage,
        "step": step,
        "own": {key: _of_lineage(key, settings.get(key)) for key in OWN[stage]},
        "upstream": [lineage(settings, before, step - back) for before, back in UPSTREAM[stage]],
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]


def _of_lineage(section: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: setting for key, setting in value.items() if (section, key) not in MACHINE_ONLY}


def artifacts(run: str, settings: Settings) -> Iterator[tuple[str, str]]:
    """(path, identity) of every artifact of a run; equal identities are equal files."""
    for name in DATA_FILES:
        yield f"{run}/{name}", f"{lineage(settings, 'data')}/{name}"
    for step in range(settings["steps"] + 1):
        for stage, names in FILES.items():
            if step == 0 and stage not in ("eval", "grade", "metrics"):
                continue
            for name in names:
                yield f"{run}/step{step}/{name}", f"{lineage(settings, stage, step)}/{name}"


def kept(run: str, settings: Settings) -> list[str]:
    """The artifacts that a finished run must have."""
    return [path for path, _ in artifacts(run, settings)]


def shared(all_runs: Mapping[str, Settings]) -> dict[str, str]:
    """{artifact: the equal artifact of an earlier run}, for every artifact that need not be made again."""
    first: dict[str, str] = {}
    links = {}
    for run, settings in all_runs.items():
        for path, identity in artifacts(run, settings):
            if first.setdefault(identity, path) != path:
                links[path] = first[identity]
    return links


def flags(section: Settings, leave_out: tuple[str, ...] = ()) -> list[str]:
    """A section as command-line flags: `--key value`; a null is left to the script's default."""
    text = partial(json.dumps, ensure_ascii=False)
    return [
        part
        for key, value in section.items()
        if value is not None and key not in leave_out
        for part in (f"--{key}", value if isinstance(value, str) else text(value))
    ]
