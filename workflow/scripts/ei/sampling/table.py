"""Rollouts as rows of rollouts.parquet."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from ei import schema
from ei.sampling.requests import Request, Rollout
from ei.sampling.settings import Sampling
from ei.sampling.stop import Decode, decoder, response_text

ASKED = ["question_id", "question", "answer", "level", "subject"]  # what a question brings along


@dataclass(frozen=True)
class Context:
    """What the rollouts of one job have in common: where they come from and how they were drawn."""

    requests: dict[str, Request]  # by question_id
    questions: pl.DataFrame  # with the columns `ASKED`
    tokenizer: Any
    sampling: Sampling
    step: int
    policy: str  # its fingerprint

    @cached_property
    def decode(self) -> Decode:
        """The function from ids to text."""
        return decoder(self.tokenizer, self.sampling.stop)


def to_table(rollouts: Sequence[Rollout], context: Context) -> pl.DataFrame:
    """The rollouts in the columns of `schema.ROLLOUTS`."""
    check_stopped(rollouts, context)
    columns = {name: kind for name, kind in schema.ROLLOUTS.items() if name not in ASKED[1:]}
    drawn = pl.DataFrame([_row(rollout, context) for rollout in rollouts], schema=columns)
    asked = context.questions.select(ASKED)
    return drawn.join(asked, on="question_id", how="left").select(list(schema.ROLLOUTS))


def _row(rollout: Rollout, context: Context) -> dict[str, Any]:
    request = context.requests[rollout.question_id]
    stop, reason = context.sampling.stop, rollout.finish_reason
    return {
        "question_id": rollout.question_id,
        "sample": rollout.sample,
        "seed": request.seed + rollout.sample,
        "prompt_ids": request.prompt_ids,
        "response": response_text(context.decode, rollout.ids, stop, reason),
        "response_ids": rollout.ids,
        "finish_reason": reason,
        "step": context.step,
        "policy": context.policy,
    }


def check_stopped(rollouts: Sequence[Rollout], context: Context) -> None:
    """Raise RuntimeError if a response goes on after the stop text.

    Then the engine's stop test was not at work, and policies would learn to write on and on.
    """
    stop, first = context.sampling.stop, context.sampling.min_tokens
    wrong = [
        rollout.question_id for rollout in rollouts if stop in context.decode(rollout.ids[first:-1])
    ]
    if wrong:
        raise RuntimeError(
            f"{len(wrong)} responses continue after {stop!r}, the first to question {wrong[0]}"
        )
