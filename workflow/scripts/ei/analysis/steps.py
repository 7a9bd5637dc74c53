"""The measures of a step: what its rollouts were, what was kept of them, and how training on that went."""

from pathlib import Path
from typing import Any

import polars as pl

from ei.analysis.statistics import bootstrap
from ei.files import read_columns, read_json

TOKENS = pl.col("response_ids").list.len().alias("tokens")
REASONS = ("wrong", "duplicate", "over_cap", "too_long")
UPDATE = ("update", "loss", "entropy", "grad_norm", "lr")


def step(folder: Path, number: int, epochs: int) -> dict[str, Any]:
    """The measures of one step's folder."""
    return {
        "step": number,
        **rollouts(read_columns(folder / "scored.parquet", *SCORED)),
        **kept(read_json(folder / "filtered.json")),
        **trained(read_json(folder / "training.json"), updates(folder, number), epochs),
    }


SCORED = ("question_id", pl.col("reward").cast(pl.Float64), "format_ok", "finish_reason", TOKENS)


def rollouts(scored: pl.DataFrame) -> dict[str, Any]:
    """Accuracy of the rollouts with the interval of drawing questions anew, form, length, and the share cut off."""
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


def kept(filtered: dict[str, Any]) -> dict[str, Any]:
    """What filter.py counted, with a zero for each reason that dropped nothing."""
    counts = {name: filtered[name] for name in ("solved", "kept", "status", "distinct_responses")}
    return {**counts, "dropped": {reason: filtered["dropped"].get(reason, 0) for reason in REASONS}}


def trained(training: dict[str, Any], rows: list[dict[str, Any]], epochs: int) -> dict[str, Any]:
    """Entropy before and during training, loss, and how much was trained; nulls where nothing was."""
    first, last = (rows[0], rows[-1]) if rows else ({}, {})
    return {
        "sampling_entropy": training.get("sampling_entropy"),
        "first_update_entropy": first.get("entropy"),
        "last_update_entropy": last.get("entropy"),
        "loss_first": first.get("loss"),
        "loss_last": last.get("loss"),
        "updates": len(rows),
        "epochs": epochs,
        "trained_tokens": training["tokens"],
    }


def updates(folder: Path, number: int) -> list[dict[str, Any]]:
    """A row for each update of the step."""
    rows = read_columns(folder / "training.parquet", *UPDATE).sort("update").to_dicts()
    return [{"step": number, **row} for row in rows]
