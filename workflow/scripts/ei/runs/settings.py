"""Settings: what is wrong with them, how changes are laid over them, and how they become flags."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

import jsonschema

Settings = Mapping[str, Any]

# How the work is done or drawn, not what comes out: these stay out of the lineage and of run.json.
MACHINE_SECTIONS = {"vllm", "shards", "threads", "target_accuracy"}
MACHINE_ONLY = {("sft", "gpus")}


def first_error(settings: Settings, schema: Settings) -> str | None:
    """What is wrong with the settings, in a sentence that names the key; None if nothing is."""
    validator = jsonschema.Draft202012Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(settings))
    if error is None:
        return None
    path = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        return unknown_key(f"{path}." if path else "", error.instance, error.schema["properties"])
    return f"{f'{path}: ' if path else ''}{error.message}"


def unknown_key(prefix: str, section: Settings, allowed: Settings) -> str:
    """The sentence for a section's first unknown key, with the nearest known one."""
    name = next(key for key in section if key not in allowed)
    near = difflib.get_close_matches(name, allowed, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(allowed)}"
    return f"{prefix}{name} is no setting; {hint}"


def merge(settings: Settings, changes: Settings) -> dict[str, Any]:
    """The settings with `changes` laid over them, section by section."""
    merged = dict(settings)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(settings.get(key), Mapping)
        merged[key] = {**settings[key], **value} if both else value
    return merged


def with_preset(config: Settings, preset: Settings) -> dict[str, Any]:
    """The config of a preset's experiment: only a sweep and seeds of the preset's own count."""
    return merge({**config, "sweep": {}, "seeds": None}, preset)


def scientific(settings: Settings) -> dict[str, Any]:
    """The settings that results depend on: not those that only change the speed or a plot."""
    return {
        key: results_part(key, value)
        for key, value in settings.items()
        if key not in MACHINE_SECTIONS
    }


def results_part(key: str, value: Any) -> Any:
    """A setting, or a section of them without what only changes the speed."""
    if not isinstance(value, Mapping):
        return value
    return {name: part for name, part in value.items() if (key, name) not in MACHINE_ONLY}


def differences(settings: Settings, main: Settings) -> dict[str, Any]:
    """The settings that differ from the main run's, as {"section.key": value}, without the seed."""
    found = {
        key: value
        for key, value in flat(scientific(settings)).items()
        if key not in flat(main) or flat(main)[key] != value
    }
    return {key: value for key, value in found.items() if key != "seed"}


def flat(settings: Settings) -> dict[str, Any]:
    """The settings as {"key": value} and {"section.key": value}, in their order."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": part for name, part in value.items()}
        else:
            found[key] = value
    return found


def flags(section: Settings, leave_out: tuple[str, ...] = ()) -> list[str]:
    """A section as command-line flags, `--key value`; a null is left to the script's default."""
    found = []
    for key, value in section.items():
        if value is not None and key not in leave_out:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            found += [f"--{key}", text]
    return found
