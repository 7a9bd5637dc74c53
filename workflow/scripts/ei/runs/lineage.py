"""Which stage makes which file from what, and the lineage of every file.

The lineage of a file is a hash of every setting that it depends on: its own stage's, and those of
the stages before. Equal lineages are equal files (ei/runs/sharing.py).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ei.runs import probes
from ei.runs.experiment import Run
from ei.runs.settings import Settings, at_step, results_part
from ei.schema import ROUNDS

PER_RUN = "run"  # such a stage runs once
FROM_BASE = "base"  # for every step, and for the base policy as step 0
PER_STEP = "step"  # for every step from 1 on
ON_DEMAND = "demand"  # for a step from 1 on, where somebody asks for its files
PER_PROBE = "probe"  # for every probe (ei.runs.probes), with the settings that it changes


@dataclass(frozen=True)
class Stage:
    """What a stage does, for lineages, sharing, times and plots; tests hold it against the rules.

    `takes` names the stages whose files it reads, with how many steps back; `settings` are the keys
    of config.yaml that it depends on, whole sections or `section.key`; `leaves` are its files, in
    the step's folder or, for a stage of the whole run, in the run's, or in the probe's; `rules` are
    the rules that do it, of which those in `sharded` are one job for each of the stage's shards
    (the rule `sample_round` is called `sample_extra` in the round `extra`). `without` are keys of
    these sections that belong to other stages. `hashed_as` is the name in the hash where that is
    older than the stage's: another one would make everybody's results again.
    """

    takes: tuple[tuple[str, int], ...]
    settings: tuple[str, ...]
    leaves: tuple[str, ...]
    rules: tuple[str, ...]
    sharded: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    when: str = PER_STEP
    hashed_as: str | None = None


FOLDERS = ("policy", "tensorboard")  # leaves that are folders
DRAWN_WITH = ("prompt", "prompt_sha256", "engine", "device", "seed", "data.skip_too_long")


def further_round(
    name: str, settings: tuple[str, ...], after: tuple[tuple[str, int], ...] = ()
) -> Stage:
    """The stage that draws and scores a round: what the rounds before it left unsolved."""
    files = ("rollouts.parquet", "scored.parquet", "scored.json", "scored.pairs.parquet")
    return Stage(
        takes=(("sft", 1), ("data", 0), ("score", 0), *after),
        settings=(*settings, "filter.min_reward"),
        leaves=tuple(f"{name}/{file}" for file in files),
        rules=tuple(f"{rule}_{name}" for rule in ("sample", "gather", "score")),
        sharded=(f"sample_{name}",),
    )


# In the order of a step. A new stage is a rule, a script, and a row here.
STAGES = {
    "model": Stage((), ("model", "model_sha256"), (), ("model",), when=PER_RUN),
    "data": Stage(
        takes=(),
        settings=("data.train", "data.validation", "data.development", "data.sha256"),
        leaves=(
            "data/train.parquet",
            "data/validation.parquet",
            "data/development.parquet",
            "data/data.json",
        ),
        rules=("data",),
        when=PER_RUN,
    ),
    "sample": Stage(
        takes=(("sft", 1), ("data", 0)),
        settings=("sample", *DRAWN_WITH),
        without=("sample.extra", "sample.hints", "sample.hint"),
        leaves=("rollouts.parquet",),
        rules=("sample", "gather"),
        sharded=("sample",),
    ),
    "traces": Stage(  # takes the place of `sample` in an SFT baseline
        takes=(("sft", 1), ("data", 0)),
        settings=("traces", "traces_sha256", "prompt", "prompt_sha256", "data.skip_too_long"),
        leaves=("rollouts.parquet",),
        rules=("traces",),
    ),
    "score": Stage(
        takes=(("sample", 0),),
        settings=("score", "checker"),
        leaves=("scored.parquet", "scored.json", "scored.pairs.parquet"),
        rules=("score",),
    ),
    "extra": further_round("extra", settings=("sample.extra",)),
    "hints": further_round(
        "hints", settings=("sample.hints", "sample.hint"), after=(("extra", 0),)
    ),
    "filter": Stage(
        takes=(("score", 0), ("extra", 0), ("hints", 0)),
        settings=("filter",),
        leaves=("filtered.parquet", "filtered.json"),
        rules=("filter",),
    ),
    "pairs": Stage(
        takes=(("score", 0), ("extra", 0)),
        settings=("filter.min_reward", "prompt", "prompt_sha256"),
        leaves=("pairs.parquet",),
        rules=("pairs",),
        when=ON_DEMAND,
    ),
    "sft": Stage(
        takes=(("sft", 1), ("filter", 0)),
        settings=("sft", "device", "seed"),
        leaves=("policy", "training.parquet", "training.json", "tensorboard"),
        rules=("sft",),
        hashed_as="policy",
    ),
    "eval": Stage(
        takes=(("sft", 0), ("data", 0)),
        settings=("eval", *DRAWN_WITH),
        leaves=(),  # its answers are of no use once they are graded
        rules=("eval",),
        sharded=("eval",),
        when=FROM_BASE,
    ),
    "grade": Stage(
        takes=(("eval", 0),),
        settings=("score", "checker"),
        leaves=(
            "responses.parquet",
            "development_responses.parquet",
            "responses.json",
            "responses.pairs.parquet",
            "development_responses.json",
            "development_responses.pairs.parquet",
        ),
        rules=("grade",),
        when=FROM_BASE,
    ),
    "metrics": Stage(
        takes=(("grade", 0),),
        settings=(),
        leaves=("eval.json", "development.json"),
        rules=("metrics",),
        when=FROM_BASE,
    ),
    "probe": Stage(
        takes=(("sft", 0), ("data", 0)),
        settings=("eval", *DRAWN_WITH),
        leaves=(),
        rules=("probe",),
        sharded=("probe",),
        when=PER_PROBE,
    ),
    "probe_grade": Stage(
        takes=(("probe", 0),),
        settings=("score", "checker"),
        leaves=("responses.parquet", "responses.json", "responses.pairs.parquet"),
        rules=("probe_grade",),
        when=PER_PROBE,
    ),
    "probe_metrics": Stage(
        takes=(("probe_grade", 0),),
        settings=(),
        leaves=("eval.json",),
        rules=("probe_metrics",),
        when=PER_PROBE,
    ),
}

PROBE_STAGES = [name for name, stage in STAGES.items() if stage.when == PER_PROBE]


def lineage(
    settings: Settings,
    stage: str,
    step: int = 0,
    known: dict[tuple[str, int], str] | None = None,
) -> str:
    """The hash (16 hex digits) of every setting that the stage's files of this step depend on.

    `known` holds what was found before for the same settings: a chain of steps asks for each many
    times, and would otherwise take time exponential in the number of steps.
    """
    if known is None:
        known = {}
        for earlier in range(1, step):  # else a long chain would exceed Python's recursion limit
            lineage(settings, "sft", earlier, known)
    name, step = maker(settings, stage, step)
    if (name, step) not in known:
        made = STAGES[name]
        depends = {
            "stage": made.hashed_as or name,
            "step": step,
            "own": own_settings(at_step(settings, step), made.settings, made.without),
            "upstream": [
                lineage(settings, before, step - back, known)
                for before, back in made.takes
                if is_done(settings, before)
            ],
        }
        text = json.dumps(depends, sort_keys=True)
        known[name, step] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return known[name, step]


def maker(settings: Settings, stage: str, step: int) -> tuple[str, int]:
    """The stage and step that make what `stage` stands for: policy 0 is the base model."""
    if stage == "sft" and step == 0:
        return "model", 0
    if stage == "sample" and "traces" in settings:
        return "traces", step
    return stage, 0 if STAGES[stage].when == PER_RUN else step


def is_done(settings: Settings, stage: str) -> bool:
    """Whether a run has the stage: rounds after the first only where they draw something."""
    return stage not in ROUNDS or bool(settings.get("sample", {}).get(stage))


def own_settings(
    settings: Settings, keys: tuple[str, ...], without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """{key: value} of what a stage depends on; a key is a section's name, or `section.name`.

    A key that the run lacks is left out, as the hashes of files where there are none.
    """
    found: dict[str, Any] = {}
    for key in keys:
        section, _, name = key.partition(".")
        value = results_part(section, settings.get(section))
        if not name and isinstance(value, Mapping):
            value = {part: value[part] for part in value if f"{section}.{part}" not in without}
        if section in settings and (not name or name in value):
            found[key] = value[name] if name else value
    return found


def work(run: Run, last: int | None = None) -> Iterator[tuple[str, int]]:
    """(stage, step) of everything that the run does, up to step `last` where it ends early."""
    sampling = "sample" if run.kind == "ei" else "traces"
    yield "data", 0
    for step in range((run.settings["steps"] if last is None else last) + 1):
        for name, stage in STAGES.items():
            if name in ("sample", "traces") and name != sampling:
                continue
            if not is_done(run.settings, name):
                continue
            if stage.when == FROM_BASE or (stage.when == PER_STEP and step):
                yield name, step


def shards(settings: Settings, stage: str) -> int:
    """How many shards the stage is cut into: only sampling is cut up."""
    return int(settings["shards"]) if stage in ("sample", *ROUNDS) else 1


def folder(run: Run, stage: str, step: int) -> str:
    """Where the stage's files lie."""
    return run.folder if STAGES[stage].when == PER_RUN else f"{run.folder}/step{step}"


def probed(run: Run) -> Iterator[tuple[str, int, dict[str, str]]]:
    """(probe, step, {stage: lineage}) of every probe that the run may make."""
    known: dict[str, dict[tuple[str, int], str]] = {}
    for probe, step in probes.possible(run.settings):
        found = known.setdefault(probe, {})
        yield probe, step, probe_lineages(run.settings, probe, step, found)


def probe_lineages(
    settings: Settings, probe: str, step: int, known: dict[tuple[str, int], str] | None = None
) -> dict[str, str]:
    """{stage: lineage} of a probe of the policy that this step ends with; `known` as above."""
    changed, known = probes.changed(settings, probe), {} if known is None else known
    for earlier in range(1, step):
        lineage(changed, "sft", earlier, known)
    return {stage: lineage(changed, stage, step, known) for stage in PROBE_STAGES}
