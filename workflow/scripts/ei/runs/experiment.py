"""The runs of an experiment: main run, sweep, SFT baselines, and all of them with further seeds."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ei.checker.version import rules_version
from ei.runs.settings import Settings, contradiction, differences, merge, shortened, with_preset
from ei.stage import UserError

# Keys of config.yaml that say which runs there are; all others are settings of a run.
OF_EXPERIMENT = ("sweep", "seeds", "baseline")
# Names of a sweep that another run of the experiment has, or could have.
TAKEN = re.compile(r"main|sft|sft_filtered|.*-seed\d+")
# What SFT on given traces changes in the main run's settings. The policy has not written what it
# is trained on, so the entropy of "its own" responses is not measured.
BASELINE = {
    "steps": 1,
    "early_stopping": {"patience": None},
    "sample": {"extra": 0, "hints": 0},
    "filter": {"keep": "all", "solved_above": None},
    "sft": {"entropy_rollouts": 0},
}


@dataclass(frozen=True)
class Run:
    """One run: its folder, its experiment's folder, and its settings.

    `group` is the name without the seed; `kind` is "ei", or "sft" for a baseline; `changes` are the
    settings that differ from the main run's, as {"sample.rollouts": 4}, the seed left out.
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
        """Whether training questions are held out to choose the best step on."""
        return bool(self.settings["data"]["development"])


def expanded(
    changes: Settings, presets: Mapping[str, Settings], within: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The changes, laid over those of the preset that they name under `preset`.

    Of that preset only the settings count, not its sweep, seeds and baseline. `within` are the
    presets that are being expanded.
    """
    own = {key: value for key, value in changes.items() if key != "preset"}
    if "preset" not in changes:
        return own
    name = changes["preset"]
    if name not in presets:
        raise UserError(f"preset: there is no {name!r}; there are {', '.join(presets)}")
    if name in within:
        raise UserError(f"preset: {' names '.join((*within, name))}, which is a circle")
    under = expanded(presets[name], presets, (*within, name))
    return merge({key: under[key] for key in under if key not in OF_EXPERIMENT}, own)


def runs(config: Settings, presets: Mapping[str, Settings]) -> dict[str, Run]:
    """Every run by its folder: the experiment of config.yaml, then one for each preset.

    A preset changes the settings of config.yaml, a run of a sweep those of its main run; both may
    name a preset that their own changes are laid over. Settings that contradict each other raise
    UserError here where config.yaml has them; in a preset only when it is run
    (`refuse_contradictions`), so that it holds up nobody else.
    """
    found = experiment("results", config, presets)
    for run in found:
        refuse_contradictions(run)
    for name, preset in presets.items():
        changed = with_preset(config, expanded(preset, presets, (name,)))
        found += experiment(f"results/{name}", changed, presets)
    return {run.folder: run for run in found}


def experiment(folder: str, config: Settings, presets: Mapping[str, Settings]) -> list[Run]:
    """The runs of the experiment in `folder`: with the config's seed, then with each of `seeds`."""
    main = complete({key: config[key] for key in config if key not in OF_EXPERIMENT})
    places = {"main": folder, "sft": f"{folder}/sft", "sft_filtered": f"{folder}/sft_filtered"}
    found = []
    for name, kind, changed in members(main, config, presets):
        settings = complete(changed)
        place = places.get(name, f"{folder}/sweep/{name}")
        changes = differences(settings, main)
        found.append(Run(place, folder, name, name, kind, settings, changes))
    further = [seed for seed in config.get("seeds") or () if seed != main["seed"]]
    return found + [repeated(run, seed) for seed in further for run in found]


def complete(settings: Settings) -> dict[str, Any]:
    """The settings with the version of the rules that score: other rules are another setting.

    What says the same is written the same way: a list of one value is that value.
    """
    return {**shortened(settings), "checker": rules_version(settings["score"].get("reward"))}


def members(
    main: Settings, config: Settings, presets: Mapping[str, Settings]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, kind, settings) of the main run, the runs of the sweep and the baselines."""
    yield "main", "ei", dict(main)
    for name, changes in (config.get("sweep") or {}).items():
        if TAKEN.fullmatch(name):
            raise UserError(
                f"sweep.{name}: main, sft, sft_filtered and NAME-seedN are taken;"
                " choose another name"
            )
        yield name, "ei", merge(main, expanded(changes, presets))
    for name, settings in baselines(main, config.get("baseline")):
        yield name, "sft", settings


def baselines(main: Settings, baseline: Settings | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, settings) of SFT on traces and, where they are in a file, on the correct ones only.

    Where the first keeps only correct ones already, the second would be the same run again.
    """
    if baseline is None:
        return
    changes = {key: value for key, value in baseline.items() if key != "traces"}
    traces = baseline.get("traces")
    settings = {**merge(merge(main, BASELINE), changes), "traces": traces}
    yield "sft", settings
    if traces and settings["filter"]["keep"] != "correct":
        yield "sft_filtered", merge(settings, {"filter": {"keep": "correct"}})


def refuse_contradictions(run: Run) -> None:
    """Raise UserError where two settings of a run cannot hold together."""
    wrong = contradiction(run.settings)
    if wrong:
        raise UserError(f"{run.folder}, run {run.name}: {wrong}")


def repeated(run: Run, seed: int) -> Run:
    """The run with another seed, in a folder of its own."""
    name = f"{run.name}-seed{seed}"
    folder = f"{run.experiment}/sweep/{name}"
    return replace(run, folder=folder, name=name, settings={**run.settings, "seed": seed})
