"""Settings: what is wrong with them, how changes are laid over them, and how they become flags."""

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema

from ei.schema import ROUNDS

Settings = Mapping[str, Any]

# How the work is done or drawn, not what comes out: these stay out of the lineage and of run.json.
MACHINE_SECTIONS = {"vllm", "shards", "threads", "target_accuracy"}
MACHINE_ONLY = {("sft", "gpus"), ("sft", "memory")}
# Settings that may be a list: a value for each step, of which the last holds on.
PER_STEP = {
    ("sample", "rollouts"),
    ("sample", "temperature"),
    ("filter", "solved_above"),
    ("sft", "lr"),
}


LARGEST_GROUP = 65536  # rollouts of a question: each has a seed (`ei.questions.request_seed`)
LARGEST = 2**63 - 1  # what a table or an engine can hold


def is_integer(_: Any, value: Any) -> bool:
    """Whether a value is an integer in Python; JSON Schema takes 1.0 for one, `range` does not."""
    return isinstance(value, int) and not isinstance(value, bool)


Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer),
)


def first_error(settings: Settings, schema: Settings) -> str | None:
    """What is wrong with the settings, in a sentence that names the key; None if nothing is."""
    for path, value in leaves(settings):
        if wrong := impossible(value):
            return f"{path}: {wrong}"
    error = jsonschema.exceptions.best_match(Validator(schema).iter_errors(settings))
    if error is None:
        return None
    path = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        return unknown_key(f"{path}." if path else "", error.instance, error.schema["properties"])
    hint = spelling(error.instance, error.validator_value) if error.validator == "type" else None
    return f"{f'{path}: ' if path else ''}{error.message}{f'; write {hint}' if hint else ''}"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """("section.key", value) of every value that is no section, and of every section's names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = f"{path}.{key}" if path else str(key)
            yield "a key", key
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def impossible(value: Any) -> str | None:
    """Why no setting can have this value, whatever its schema allows; None if it could."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, int) and abs(value) > LARGEST:
        return "an integer of more than 64 bits is too large"
    if isinstance(value, str) and ("\0" in value or any(0xD800 <= ord(c) < 0xE000 for c in value)):
        return f"{value!r} has characters that no file can have"
    return None


def spelling(value: Any, wanted: str | list[str]) -> str | None:
    """How to write a number of the `wanted` types that YAML or a reader takes for something else.

    YAML wants a point and a sign: 5e-5 is text, 5.0e-5 a number.
    """
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if "integer" in kinds:
        return str(int(number)) if number.is_integer() else None
    if "number" not in kinds or not isinstance(value, str):
        return None
    mantissa, _, exponent = value.strip().lower().partition("e")
    if not exponent:
        return f"{value.strip()} without quotes"
    point = "" if "." in mantissa else ".0"
    sign = "" if exponent[0] in "+-" else "+"
    return f"{mantissa}{point}e{sign}{exponent}"


def contradiction(settings: Settings) -> str | None:
    """Two settings that cannot hold together, in a sentence; None where there are none."""
    for section in ("sample", "eval"):
        least, most = (settings[section].get(key) for key in ("min_tokens", "max_tokens"))
        if least is not None and most is not None and least > most:
            return f"{section}.min_tokens, {least}, is above {section}.max_tokens, {most}"
    rollouts = settings["sample"].get("rollouts", 0)
    most = max(rollouts) if isinstance(rollouts, list) else rollouts
    most += sum(settings["sample"].get(name, 0) for name in ROUNDS)
    if most > LARGEST_GROUP:
        return f"{most} rollouts of a question in all rounds are more than {LARGEST_GROUP}"
    if settings["early_stopping"]["patience"] and not settings["data"]["development"]:
        return "early_stopping.patience needs questions to measure on; set data.development"
    return None


def unknown_key(prefix: str, section: Settings, allowed: Settings) -> str:
    """The sentence for a section's first unknown key, with the nearest known one."""
    name = next(key for key in section if key not in allowed)
    near = difflib.get_close_matches(str(name), allowed, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(allowed)}"
    return f"{prefix}{name} is no setting; {hint}"


def at_step(settings: Settings, step: int) -> dict[str, Any]:
    """The settings of one step: of each list of values the one for this step, or the last.

    Step 0, the base policy's evaluation, has those of step 1.
    """
    return with_lists(settings, lambda values: values[min(max(step, 1), len(values)) - 1])


def shortened(settings: Settings) -> dict[str, Any]:
    """The settings with each list of values as short as it can be, and one value as no list.

    [8, 4, 4] says what [8, 4] says, and [8] what 8 says.
    """

    def shorten(values: list[Any]) -> Any:
        last = len(values)
        while last > 1 and values[last - 1] == values[last - 2]:
            last -= 1
        return values[:last] if last > 1 else values[0]

    return with_lists(settings, shorten)


def with_lists(settings: Settings, value_of: Callable[[list[Any]], Any]) -> dict[str, Any]:
    """The settings with `value_of(list)` in the place of every list of values for the steps."""
    found = dict(settings)
    for section, key in PER_STEP:
        values = settings.get(section, {}).get(key)
        if isinstance(values, list):
            found[section] = {**found[section], key: value_of(values)}
    return found


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
    theirs = flat(main)
    return {
        key: value
        for key, value in flat(scientific(settings)).items()
        if key != "seed" and (key not in theirs or theirs[key] != value)
    }


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
