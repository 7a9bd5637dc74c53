"""What sample.py and eval.py share: flags, prompts, the choice of an engine, and the rows of their table."""

import argparse
import contextlib
import functools
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ei import policy, questions
from ei.generation.draw import Request, Rollout, Sampling, closing_tokens, response_text, stop_test
from ei.generation.durable import batches, rollout_table, scratch_for, shard
from ei.stage import UserError, boolean

log = logging.getLogger("generation")
VLLM_CHUNK = 512  # rollouts of a chunk: about five seconds of an H200
FIELD = "{question}"
Engine = Callable[[Sampling, Any, list[Request]], Iterator[list[Rollout]]]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that sampling and evaluation have in common."""
    parser.add_argument("--policy", type=Path, required=True, help="a Hugging Face model folder")
    parser.add_argument("--data", type=Path, required=True, help="the questions, from data.py")
    parser.add_argument(
        "--prompt", type=Path, required=True, help="a template with {question} in it"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lineage", required=True)
    parser.add_argument("--shard", default="0/1", help="this job's part of the questions: K/N")
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True, help="of the run")
    parser.add_argument("--engine", choices=["vllm", "transformers"], required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top_p", type=float, default=1.0)
    parser.add_argument("--max_tokens", type=int, default=1024)
    parser.add_argument("--min_tokens", type=int, default=4)
    parser.add_argument(
        "--stop", default="</answer>", help="a text that ends a response and is kept in it"
    )
    parser.add_argument(
        "--skip_too_long", type=boolean, default=False, help="leave out prompts that do not fit"
    )
    parser.add_argument(
        "--batch", type=int, default=64, help="questions drawn at once by the transformers engine"
    )
    parser.add_argument(
        "--sequences", type=int, default=1024, help="rollouts in a step of a vLLM engine"
    )
    parser.add_argument(
        "--memory_percent",
        type=int,
        default=90,
        help="share of the GPU memory for vLLM, in percent",
    )
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache"), help="compiled code, kept for later jobs"
    )


def read_template(path: Path) -> str:
    """The prompt template; raises UserError unless {question} stands in it exactly once."""
    if not path.is_file():
        raise UserError(f"the prompt template {path} does not exist")
    template = path.read_text(encoding="utf-8")
    if template.count(FIELD) != 1:
        raise UserError(f"the prompt template {path} must have {FIELD} in it exactly once")
    return template


def make_requests(
    chosen: pl.DataFrame,
    wanted: Mapping[str, range],
    template: str,
    tokenizer: Any,
    flags: argparse.Namespace,
) -> list[Request]:
    """A request for the wanted rollouts of each question, in the questions' order."""
    return [
        Request(
            name,
            tokenizer(template.replace(FIELD, question)).input_ids,
            questions.request_seed(flags.seed, flags.step, name),
            wanted[name],
        )
        for name, question in chosen.select("question_id", "question").iter_rows()
    ]


def fitting(requests: list[Request], max_tokens: int, context: int, skip: bool) -> list[Request]:
    """The requests whose prompt and `max_tokens` fit into the model's context (tokens).

    Raises UserError if there are others, unless they are to be skipped.
    """
    room = context - max_tokens
    long = [request for request in requests if len(request.prompt_ids) > room]
    if not long:
        return requests
    longest = max(long, key=lambda request: len(request.prompt_ids))
    found = (
        f"{len(long)} of {len(requests)} prompts do not fit: with max_tokens {max_tokens} they exceed the model's"
        f" context of {context} tokens; the longest, of question {longest.question_id}, has {len(longest.prompt_ids)}"
    )
    if not skip:
        raise UserError(
            f"{found}. Lower max_tokens, or set data.skip_too_long to leave such questions out"
        )
    log.warning("warning: %s. They are left out", found)
    return [request for request in requests if len(request.prompt_ids) <= room]


def draw(
    flags: argparse.Namespace, chosen: pl.DataFrame, wanted: Mapping[str, range]
) -> pl.DataFrame:
    """The wanted rollouts of this job's shard of the chosen questions, with all columns of rollouts.parquet.

    `wanted` says for each question_id which of its rollouts.
    """
    policy.check(flags.policy)
    template = read_template(flags.prompt)
    context = policy.context(flags.policy)
    with _engine(flags, context) as engine:  # it starts while the prompts are made
        tokenizer = policy.load_tokenizer(flags.policy)
        asked = make_requests(chosen, wanted, template, tokenizer, flags)
        asked = fitting(asked, flags.max_tokens, context, flags.skip_too_long)
        number, count = map(int, flags.shard.split("/"))
        requests = shard(batches(asked, flags.batch), number, count)
        return _draw(flags, engine, requests, chosen, tokenizer)


def _draw(
    flags: argparse.Namespace,
    engine: Engine,
    requests: list[Request],
    chosen: pl.DataFrame,
    tokenizer: Any,
) -> pl.DataFrame:
    """The requests' rollouts as rows, those that an earlier job left in its scratch folder among them."""
    sampling = Sampling(
        flags.temperature, flags.top_p, flags.max_tokens, flags.min_tokens, flags.stop
    )
    fingerprint = policy.fingerprint(flags.policy)
    to_rows = functools.partial(
        rows, requests=requests, chosen=chosen, tokenizer=tokenizer, stop=flags.stop, step=flags.step,
        min_tokens=flags.min_tokens, fingerprint=fingerprint,
    )  # fmt: skip
    if not requests:
        return to_rows([])
    how = (sampling, flags.batch, flags.engine, flags.device)
    scratch = scratch_for(flags.output, fingerprint, how, requests, chosen.rows())
    chunk = VLLM_CHUNK if flags.engine == "vllm" else 1
    title = f"step {flags.step} {Path(sys.argv[0]).stem}"
    draw_ = functools.partial(engine, sampling, tokenizer)
    return rollout_table(requests, draw_, to_rows, scratch, chunk, title)


@contextlib.contextmanager
def _engine(flags: argparse.Namespace, context: int) -> Iterator[Engine]:
    """The function that draws; what an engine needs is imported here, and only that."""
    if flags.engine == "vllm":
        from ei.generation import vllm_engine

        machine = vllm_engine.Machine(flags.sequences, flags.memory_percent / 100, flags.cache)
        with vllm_engine.started(flags.policy, context, machine) as work_on:

            def vllm(
                sampling: Sampling, tokenizer: Any, requests: list[Request]
            ) -> Iterator[list[Rollout]]:
                closers, ends = (
                    closing_tokens(tokenizer, sampling.stop),
                    policy.end_ids(flags.policy, tokenizer),
                )
                return work_on(vllm_engine.Work(sampling, ends, closers, requests))

            yield vllm
        return

    def transformers(
        sampling: Sampling, tokenizer: Any, requests: list[Request]
    ) -> Iterator[list[Rollout]]:
        from ei.generation import transformers_engine

        closers, ends = (
            closing_tokens(tokenizer, sampling.stop),
            policy.end_ids(flags.policy, tokenizer),
        )
        ended = stop_test(tokenizer, sampling.stop, sampling.min_tokens, closers)
        groups = batches(requests, flags.batch)
        return transformers_engine.generate(
            flags.policy, groups, sampling, flags.device, ended, ends
        )

    yield transformers


def rows(
    rollouts: Iterable[Rollout],
    requests: list[Request],
    chosen: pl.DataFrame,
    tokenizer: Any,
    stop: str,
    step: int,
    min_tokens: int,
    fingerprint: str,
) -> pl.DataFrame:
    """The rollouts as rows of rollouts.parquet.

    Raises RuntimeError if an engine went on after the stop text: its stop test was not at work.
    """
    rollouts = list(rollouts)
    over = [
        r
        for r in rollouts
        if stop in tokenizer.decode(r.ids[min_tokens:-1], skip_special_tokens=True)
    ]
    if over:
        raise RuntimeError(
            f"{len(over)} responses go on after {stop!r}, the first that of question {over[0].question_id}"
        )
    asked = {request.question_id: request for request in requests}
    drawn = pl.DataFrame(
        [
            {
                "question_id": r.question_id,
                "sample": r.sample,
                "seed": asked[r.question_id].seed + r.sample,
                "prompt_ids": asked[r.question_id].prompt_ids,
                "response": response_text(tokenizer, r.ids, stop, r.finish_reason),
                "response_ids": r.ids,
                "finish_reason": r.finish_reason,
                "step": step,
                "policy": fingerprint,
            }
            for r in rollouts
        ],
        schema={
            "question_id": pl.String,
            "sample": pl.Int32,
            "seed": pl.Int64,
            "prompt_ids": pl.List(pl.Int32),
            "response": pl.String,
            "response_ids": pl.List(pl.Int32),
            "finish_reason": pl.String,
            "step": pl.Int32,
            "policy": pl.String,
        },
    )
    texts = chosen.select("question_id", "question", "answer", "level", "subject")
    return drawn.join(texts, on="question_id", how="left").select(
        "question_id", "question", "answer", *drawn.columns[1:], "level", "subject"
    )


def made_with(flags: argparse.Namespace) -> dict[str, Any]:
    """The settings that stand in the table's metadata: all flags but the paths."""
    return {
        name: value
        for name, value in vars(flags).items()
        if not isinstance(value, Path) and name != "lineage"
    }
