"""The rates of this machine's earlier runs, or else those that were measured elsewhere."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ei.cost.estimate import Rate, Rates
from ei.runs.settings import Settings
from ei.runs.stale import of_json
from ei.runs.strict import read_yaml

MEASURED = Path(__file__).with_name("rates.yaml")
SAME = ("model", "engine", "device")  # runs that agree in these have the same rates


def summaries(results: Path) -> list[Mapping[str, Any]]:
    """Every summary of a run below the folder; of an unfinished run, that of its last step."""
    finished = sorted(results.rglob("run.json"))
    unfinished = {
        path.parents[1]: path  # the last step's comes last
        for path in sorted(
            results.rglob("step*/so_far.json"), key=lambda path: path.stat().st_mtime
        )
    }
    others = [path for run, path in unfinished.items() if run / "run.json" not in finished]
    return [of_json(str(path)) for path in (*finished, *others)]


def own(found: Iterable[Mapping[str, Any]], settings: Settings) -> Rates | None:
    """The rates of the runs among these that have the same model on the same device.

    None where none of them sampled, evaluated and trained. A job's start is part of its rate, so
    the estimate is best for jobs of about the same size.
    """
    alike = [one for one in found if one.get("kind") == "ei" and is_alike(one, settings)]
    steps = [step for one in alike for step in one.get("steps", ())]
    sample, evaluation, sft = (rate(alike, stage) for stage in ("sample", "eval", "sft"))
    kept = sum(step["kept"] for step in steps)
    if not (sample and evaluation and sft and kept):
        return None
    rollouts = sum(step["rollouts"] for step in steps)
    length = sum(step["mean_response_tokens"] * step["rollouts"] for step in steps) / rollouts
    passes = sum(step["kept"] * step["epochs"] for step in steps)
    prompt = max(sum(step["trained_tokens"] for step in steps) / passes - length, 0.0)
    source = "this machine's earlier runs"
    return Rates(source, length, prompt, kept / rollouts, sample, evaluation, sft, policy_bytes=0)


def is_alike(summary: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the summary is of a run with the same model, engine and device."""
    theirs = summary.get("settings", {})
    return all(theirs.get(name) == settings[name] for name in SAME)


def rate(found: Iterable[Mapping[str, Any]], stage: str) -> Rate | None:
    """Tokens per second of a GPU, or of a job on the CPU; None where no run tells."""
    times = [
        time
        for one in found
        for time in one.get("stages", ())
        if time["stage"] == stage and not time["shared_from"] and time["tokens"]
    ]
    seconds = sum(time["gpu_seconds"] or time["seconds"] for time in times)
    return Rate(0.0, sum(time["tokens"] for time in times) / seconds) if seconds else None


def measured(settings: Settings) -> Rates | None:
    """The rates of docs/benchmarks.md; None for an engine and device that were not measured."""
    found = read_yaml(MEASURED).get(f"{settings['engine']}/{settings['device']}")
    if not found:
        return None
    stages = {stage: Rate(**found[stage]) for stage in ("sample", "eval", "sft")}
    return Rates(**{**found, **stages})


def policy_bytes(base_model: Path) -> int | None:
    """The size of a policy, which is that of the base model's weights; None where it is away."""
    weights = list(base_model.glob("*.safetensors")) if base_model.is_dir() else []
    return sum(path.stat().st_size for path in weights) or None
