"""What a step did: its rollouts, what was kept of them, and how training on that went."""

from pathlib import Path
from typing import Any, cast

import polars as pl

from ei.analysis.statistics import bootstrap
from ei.files import read_columns, read_typed
from ei.schema import Filtering, StepSummary, Training, UpdateSummary

TOKENS = pl.col("response_ids").list.len().alias("tokens")
# Widened to 64 bits: a mean of 32-bit rewards would carry their rounding into run.json.
REWARD = pl.col("reward").cast(pl.Float64)
COUNTED = (
    "rollouts",
    "solved",
    "kept",
    "status",
    "distinct_responses",
    "distinct_correct",
    "rounds",
)
DROPPED = ("wrong", "duplicate", "over_cap", "too_long")  # filter.py's usual reasons


def step_summary(folder: Path, step: int, epochs: int) -> StepSummary:
    """The summary of the step whose artifacts lie in `folder`."""
    scored = read_columns(
        folder / "scored.parquet", "question_id", REWARD, "format_ok", "finish_reason", TOKENS
    )
    found = {
        "step": step,
        **rollouts(scored),
        **kept(filtering(folder / "filtered.json")),
        **trained(training(folder / "training.json"), updates(folder, step), epochs),
    }
    return cast(StepSummary, found)  # the parts together have its fields; a test holds them equal


def filtering(path: Path) -> Filtering:
    """A step's filtered.json; an error names a field that is missing or of another type."""
    found: Filtering = read_typed(path, Filtering, "report of a filter")
    return found


def training(path: Path) -> Training:
    """A step's training.json, checked likewise."""
    found: Training = read_typed(path, Training, "report of a training")
    return found


def rollouts(scored: pl.DataFrame) -> dict[str, Any]:
    """Accuracy with its interval, length, format rate and truncation of a step's first round.

    `scored` has a row for each rollout: question_id, reward, format_ok, finish_reason, tokens. The
    interval comes from resampling questions, as the rollouts of one are correlated.
    """
    questions = scored.group_by("question_id").agg(
        pl.col("reward").sum().alias("sum"), pl.len().alias("count")
    )
    return {
        "rollouts": scored.height,
        "questions": questions.height,
        "accuracy": scored["reward"].mean(),
        "accuracy_ci95": list(bootstrap(questions["sum"].to_list(), questions["count"].to_list())),
        "mean_response_tokens": scored["tokens"].mean(),
        "truncated_rate": (scored["finish_reason"] == "length").mean(),
        "format_rate": scored["format_ok"].mean(),
    }


def kept(filtered: Filtering) -> dict[str, Any]:
    """What filter.py counted, with a zero for each usual reason that dropped nothing."""
    counts = {name: count for name, count in filtered.items() if name in COUNTED}
    return {**counts, "dropped": {**dict.fromkeys(DROPPED, 0), **filtered["dropped"]}}


def trained(training: Training, updates: list[UpdateSummary], epochs: int) -> dict[str, Any]:
    """Entropy before and during training, loss, and how much was trained; None if nothing was."""
    first, last = (updates[0], updates[-1]) if updates else (None, None)
    return {
        "sampling_entropy": training.get("sampling_entropy"),
        "first_update_entropy": first and first["entropy"],
        "last_update_entropy": last and last["entropy"],
        "loss_first": first and first["loss"],
        "loss_last": last and last["loss"],
        "updates": len(updates),
        "epochs": epochs,
        "trained_tokens": training["tokens"],
    }


def updates(folder: Path, step: int) -> list[UpdateSummary]:
    """The optimizer updates of the step, in their order."""
    columns = [name for name in UpdateSummary.__annotations__ if name != "step"]
    rows = read_columns(folder / "training.parquet", *columns).sort("update").to_dicts()
    return [cast(UpdateSummary, {"step": step, **row}) for row in rows]
