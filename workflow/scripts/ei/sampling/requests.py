"""What an engine is asked for and what it returns."""

import logging
from dataclasses import dataclass
from typing import Any

import polars as pl

from ei.prompt import Template, prompt_ids, with_hint
from ei.questions import request_seed
from ei.sampling.settings import Sampling
from ei.stage import UserError

log = logging.getLogger("sampling")


@dataclass(frozen=True)
class Request:
    """One question: the ids of its prompt, the numbers of the rollouts to draw, and a seed.

    Rollout k is drawn with `seed + k`. `limit`, in tokens, cuts the responses off earlier than
    `Sampling.max_tokens`; benchmarks set lengths with it.
    """

    question_id: str
    prompt_ids: list[int]
    seed: int
    samples: range
    limit: int | None = None


@dataclass(frozen=True)
class Rollout:
    """One response: exactly the ids that were sampled, including the one that ended it."""

    question_id: str
    sample: int
    ids: list[int]
    finish_reason: str  # "stop" (the stop text or an end-of-text token) or "length"


@dataclass(frozen=True)
class Work:
    """What an engine is to draw, and the tokens at which a response can end.

    `end_ids` end a text; `closers` are those that can complete the stop text.
    """

    sampling: Sampling
    end_ids: list[int]
    closers: frozenset[int]
    requests: list[Request]


def make_requests(
    questions: pl.DataFrame,
    samples: range,
    template: Template,
    tokenizer: Any,
    seed: int,
    step: int,
    hint: str | None = None,
) -> list[Request]:
    """A request for these rollouts of each question, in the order of the questions."""
    asked = questions.select("question_id", "question", "answer").iter_rows()
    return [
        Request(
            name,
            prompt_ids(template, with_hint(question, answer, hint), tokenizer),
            request_seed(seed, step, name),
            samples,
        )
        for name, question, answer in asked
    ]


def fitting(requests: list[Request], max_tokens: int, context: int, skip: bool) -> list[Request]:
    """The requests whose prompt and `max_tokens` fit into the model's context, in tokens.

    Raises UserError if there are others, unless they are to be skipped.
    """
    longest_prompt = context - max_tokens
    long = [request for request in requests if len(request.prompt_ids) > longest_prompt]
    if not long:
        return requests
    longest = max(long, key=lambda request: len(request.prompt_ids))
    found = (
        f"{len(long)} of {len(requests)} prompts do not fit: with max_tokens {max_tokens} they"
        f" exceed the model's context of {context} tokens; the longest, of question"
        f" {longest.question_id}, has {len(longest.prompt_ids)}"
    )
    if not skip:
        raise UserError(
            f"{found}. Lower max_tokens, or set data.skip_too_long to leave such questions out"
        )
    log.warning("warning: %s. They are left out", found)
    return [request for request in requests if len(request.prompt_ids) <= longest_prompt]


def refuse_unknown_ids(requests: list[Request], tokenizer: Any, vocabulary: int) -> None:
    """Raise UserError if the tokenizer is not that of a model with `vocabulary` embeddings.

    A few added tokens beyond them, as a padding token, do no harm where no prompt has one.
    """
    if tokenizer.vocab_size > vocabulary:
        raise UserError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, and the model embeddings of"
            f" {vocabulary}: it is not this model's tokenizer"
        )
    for request in requests:
        if max(request.prompt_ids, default=0) >= vocabulary:
            raise UserError(
                f"the prompt of question {request.question_id} has a token id beyond the model's"
                f" vocabulary of {vocabulary}: the tokenizer is not the model's"
            )


def batches(requests: list[Request], size: int) -> list[list[Request]]:
    """The requests in groups of `size`, in order."""
    return [requests[start : start + size] for start in range(0, len(requests), size)]


def shard(groups: list[list[Request]], number: int, count: int) -> list[Request]:
    """The requests of every `count`-th group from `number`.

    Shards take whole groups, so which requests are drawn together does not depend on `count`.
    """
    return [request for group in groups[number::count] for request in group]
