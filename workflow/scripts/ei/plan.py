"""From the config to runs, lineages and shared artifacts: plain Python, tested without Snakemake.

An experiment is a main run and what it is compared with. A run is a folder and its settings. An artifact is a
file or folder that a stage leaves in a run. Its lineage is a hash of every setting it depends on, its own and
upstream; equal lineages are equal artifacts.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jsonschema

from ei import checker_version
from ei.stage import UserError

Settings = Mapping[str, Any]

# What each stage takes from the stages before it, as (stage, steps back).
UPSTREAM = {
    "model": [],
    "data": [],
    "sample": [("policy", 1), ("data", 0)],
    "traces": [("policy", 1), ("data", 0)],
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
    "traces": ["traces", "prompt", "prompt_sha256"],
    "score": ["score", "checker"],
    "filter": ["filter"],
    "policy": ["sft", "device", "seed"],
    "eval": ["eval", "prompt", "prompt_sha256", "engine", "device", "seed"],
    "grade": ["score", "checker"],
    "metrics": [],
}

# The artifacts of a stage in its step's folder; those of `data` lie in the run's folder.
FILES = {
    "data": ["data/train.parquet", "data/validation.parquet", "data/data.json"],
    "sample": ["rollouts.parquet"],
    "score": ["scored.parquet", "scored.json", "scored.pairs.parquet"],
    "filter": ["filtered.parquet", "filtered.json"],
    "policy": ["policy", "training.parquet", "training.json"],
    "eval": ["answers.parquet"],
    "grade": ["responses.parquet", "responses.json", "responses.pairs.parquet"],
    "metrics": ["eval.json"],
}
# What they leave besides where questions are kept back for development.
DEVELOPMENT_FILES = {
    "data": ["data/development.parquet"],
    "eval": ["development_answers.parquet"],
    "grade": [
        "development_responses.parquet",
        "development_responses.json",
        "development_responses.pairs.parquet",
    ],
    "metrics": ["development.json"],
}
EVALUATION = ("eval", "grade", "metrics")  # the stages of step 0

# Changing these changes how the work is done, not what comes out, so they stay out of the lineage.
MACHINE_ONLY = {("sft", "gpus")}
MACHINE_SECTIONS = {"vllm", "shards", "threads"}

# Keys of config.yaml that say which runs there are; all others are settings of a run.
OF_EXPERIMENT = ("sweep", "seeds", "baseline")
# A name of the sweep that another run of the experiment has, or could have.
TAKEN = re.compile(r"main|sft|sft_filtered|.*-seed\d+")
# What SFT on given traces changes in the main run's settings. The policy has not written what it is trained on, so
# the entropy of "its own" responses is not measured.
BASELINE = {
    "steps": 1,
    "stop": {"patience": None},
    "filter": {"correct_only": False},
    "sft": {"entropy_rollouts": 0},
}


@dataclass(frozen=True)
class Run:
    """One run: its folder, its place in its experiment, and its settings.

    `group` is the name without the seed; `kind` is "ei", or "sft" for a baseline; `changes` are the settings in which
    it differs from the experiment's main run, as {"sample.rollouts": 4}, the seed left out.
    """

    folder: str
    experiment: str
    name: str
    group: str
    kind: str
    settings: dict[str, Any]
    changes: dict[str, Any]

    @property
    def develops(self) -> bool:
        """Whether questions are kept back to choose the best step by."""
        return bool(self.settings["data"]["development"])


def first_error(settings: Settings, schema: Settings) -> str | None:
    """What is wrong with the settings, in a sentence that names the place; None if nothing is."""
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(settings)
    )
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


def with_preset(config: Settings, preset: Settings) -> dict[str, Any]:
    """The config of a preset's experiment: it has a sweep and seeds only of its own."""
    return merge({**config, "sweep": {}, "seeds": None}, preset)


def differences(settings: Settings, main: Settings) -> dict[str, Any]:
    """The settings that are not the main run's, as {"section.key": value}; the seed is left out."""
    found: dict[str, Any] = {}
    for key, value in told(settings).items():
        if isinstance(value, Mapping) and isinstance(main.get(key), Mapping):
            found |= {
                f"{key}.{name}": v
                for name, v in value.items()
                if name not in main[key] or main[key][name] != v
            }
        elif key not in main or main[key] != value:
            found[key] = value
    return {key: value for key, value in found.items() if key != "seed"}


def runs(config: Settings, presets: Mapping[str, Settings]) -> dict[str, Run]:
    """Every run by its folder: the experiment of config.yaml, then one for each preset.

    A preset is changes to the settings of config.yaml, a run of the sweep changes to those of its main run.
    """
    found = experiment("results", config)
    for name, preset in presets.items():
        found += experiment(f"results/{name}", with_preset(config, preset))
    return {run.folder: run for run in found}


def experiment(folder: str, config: Settings) -> list[Run]:
    """The runs of an experiment: main run, sweep and baselines, and all of them again for each further seed."""
    main = {key: value for key, value in config.items() if key not in OF_EXPERIMENT} | {
        "checker": checker_version()
    }
    members = [("main", "ei", main)]
    for name, changes in (config.get("sweep") or {}).items():
        if TAKEN.fullmatch(name):
            raise UserError(
                f"sweep.{name}: main, sft, sft_filtered and NAME-seedN are taken; choose another name"
            )
        members.append((name, "ei", merge(main, changes)))
    members += [
        (name, "sft", settings) for name, settings in baselines(main, config.get("baseline"))
    ]
    for name, _, settings in members:
        if settings["stop"]["patience"] and not settings["data"]["development"]:
            raise UserError(
                f"{folder}, run {name}: stop.patience needs questions to measure by; set data.development"
            )
    places = {"main": folder, "sft": f"{folder}/sft", "sft_filtered": f"{folder}/sft_filtered"}
    found = [
        Run(
            places.get(name, f"{folder}/sweep/{name}"),
            folder,
            name,
            name,
            kind,
            settings,
            differences(settings, main),
        )
        for name, kind, settings in members
    ]
    for seed in config.get("seeds") or ():
        for name, kind, settings in members if seed != main["seed"] else ():
            again = f"{name}-seed{seed}"
            changes = differences(settings, main)
            place = f"{folder}/sweep/{again}"
            found.append(Run(place, folder, again, name, kind, {**settings, "seed": seed}, changes))
    return found


def baselines(main: Settings, baseline: Settings | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, settings) of SFT on traces, and on those with right answers alone where a file of traces was given."""
    if baseline is None:
        return
    changes = {key: value for key, value in baseline.items() if key != "traces"}
    traces = baseline.get("traces")
    settings = {**merge(merge(main, BASELINE), changes), "traces": traces}
    yield "sft", settings
    if traces:
        yield "sft_filtered", merge(settings, {"filter": {"correct_only": True}})


def lineage(
    settings: Settings, stage: str, step: int = 0, known: dict[tuple[str, int], str] | None = None
) -> str:
    """The hash (16 hex digits) of every setting that the stage's artifacts of this step depend on.

    `known` holds what was found before for the same settings: a chain of steps asks for each many times.
    """
    known = {} if known is None else known
    if stage == "policy" and step == 0:
        stage = "model"
    if stage in ("model", "data"):
        step = 0
    if stage == "sample" and "traces" in settings:
        stage = "traces"
    if (stage, step) not in known:
        depends = {
            "stage": stage,
            "step": step,
            "own": {key: _of_lineage(key, settings.get(key)) for key in OWN[stage]},
            "upstream": [
                lineage(settings, before, step - back, known) for before, back in UPSTREAM[stage]
            ],
        }
        known[stage, step] = hashlib.sha256(
            json.dumps(depends, sort_keys=True).encode()
        ).hexdigest()[:16]
    return known[stage, step]


def _of_lineage(section: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: setting for key, setting in value.items() if (section, key) not in MACHINE_ONLY}


def told(settings: Settings) -> dict[str, Any]:
    """The settings without those that change the speed alone, so that nothing is told anew for them."""
    return {key: value for key, value in settings.items() if key not in MACHINE_SECTIONS}


def stages(run: Run) -> Iterator[tuple[str, int, str]]:
    """(stage, step, lineage) of everything that a run does."""
    known: dict[tuple[str, int], str] = {}
    yield "data", 0, lineage(run.settings, "data", 0, known)
    for step in range(run.settings["steps"] + 1):
        for stage in FILES:
            if stage != "data" and (step or stage in EVALUATION):
                yield stage, step, lineage(run.settings, stage, step, known)


def paths(run: Run, stage: str, step: int) -> list[str]:
    """The artifacts of a stage."""
    place = run.folder if stage == "data" else f"{run.folder}/step{step}"
    return [
        f"{place}/{name}"
        for name in FILES[stage] + (DEVELOPMENT_FILES.get(stage, []) if run.develops else [])
    ]


def artifacts(run: Run) -> Iterator[tuple[str, str]]:
    """(path, identity) of every artifact of a run; equal identities are equal files."""
    for stage, step, line in stages(run):
        for path in paths(run, stage, step):
            yield path, f"{line}/{path.rsplit('/', 1)[1]}"


def kept(run: Run, last: int) -> list[str]:
    """The artifacts that a run which ended with step `last` must have."""
    return [path for path, _ in artifacts(replace(run, settings={**run.settings, "steps": last}))]


def shared(all_runs: Mapping[str, Run]) -> dict[str, str]:
    """{artifact: the equal artifact of an earlier run}, for every artifact that need not be made again."""
    first: dict[str, str] = {}
    links = {}
    for run in all_runs.values():
        for path, identity in artifacts(run):
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
