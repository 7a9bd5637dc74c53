"""Drawing a table of rollouts: what sample.py and eval.py have in common."""

import argparse
import contextlib
import functools
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from ei import prompt, schema, stage
from ei.model import architecture, folder
from ei.sampling import requests, resumable, table
from ei.sampling.requests import Request, Rollout, Work
from ei.sampling.settings import Machine, Sampling
from ei.sampling.stop import closing_tokens

log = logging.getLogger("sampling")
VLLM_CHUNK = 512  # rollouts of a chunk: about five seconds of an H200
Engine = Callable[[Work, Any], Iterator[list[Rollout]]]  # of the work and a tokenizer


@dataclass(frozen=True)
class Task:
    """One job's part of a step's sampling or evaluation."""

    policy: Path
    prompt: Path
    output: Path
    step: int
    seed: int
    shard: str  # "K/N"
    engine: str  # "vllm" or "transformers"
    device: str  # "cuda" or "cpu"
    skip_too_long: bool
    sampling: Sampling
    machine: Machine

    @property
    def number(self) -> int:
        """K of the shard."""
        return int(self.shard.split("/")[0])

    @property
    def shards(self) -> int:
        """N of the shard."""
        return int(self.shard.split("/")[1])


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that sampling and evaluation have in common."""
    parser.add_argument("--policy", type=Path, required=True, help="a Hugging Face model folder")
    parser.add_argument("--data", type=Path, required=True, help="the questions, from data.py")
    parser.add_argument(
        "--prompt", type=Path, required=True, help="a text or a chat with {question} in it"
    )
    parser.add_argument("--output", type=Path, required=True, help="a Parquet file")
    parser.add_argument("--step", type=int, required=True, help="of the run; it enters the seeds")
    parser.add_argument("--seed", type=int, required=True, help="of the run")
    parser.add_argument(
        "--engine", choices=["vllm", "transformers"], required=True, help="vllm needs a GPU"
    )
    parser.add_argument(
        "--device", choices=["cuda", "cpu"], required=True, help="where the policy runs"
    )
    parser.add_argument("--shard", default="0/1", help="K/N: the K-th of N jobs (default: 0/1)")
    parser.add_argument(
        "--skip_too_long",
        type=stage.boolean,
        default=False,
        help="leave out prompts that do not fit; else they are an error (default: false)",
    )
    stage.add_lineage(parser)
    stage.add_settings(parser, Sampling)
    stage.add_settings(parser, Machine)


def task_from(flags: argparse.Namespace) -> Task:
    """The flags of `add_flags` as a task."""
    sampling = stage.settings_from(flags, Sampling)
    machine = stage.settings_from(flags, Machine)
    names = [one.name for one in fields(Task) if one.name not in ("sampling", "machine")]
    return Task(**stage.settings(flags, *names), sampling=sampling, machine=machine)


def made_with(flags: argparse.Namespace) -> dict[str, Any]:
    """The settings for the table's metadata: all flags except paths and the lineage."""
    return {
        name: value
        for name, value in vars(flags).items()
        if not isinstance(value, Path) and name != "lineage"
    }


def draw(
    task: Task, questions: pl.DataFrame, samples: range, hint: str | None = None
) -> pl.DataFrame:
    """These rollouts of each question of the task's shard, in the columns of `schema.ROLLOUTS`.

    They are sorted by `schema.IDENTITY`. What an interrupted job has drawn is not drawn again. With
    a hint, questions that do not fit are always left out: without it they did.
    """
    folder.check(task.policy)
    template = prompt.read_template(task.prompt)
    context = folder.context(task.policy)
    guard = folder.Guard(task.policy)
    with started(task, context) as engine:  # it starts while the prompts are made
        architecture.check(task.policy)
        tokenizer = folder.load_tokenizer(task.policy)
        asked = requests.make_requests(
            questions, samples, template, tokenizer, task.seed, task.step, hint
        )
        requests.refuse_unknown_ids(asked, tokenizer, architecture.vocabulary(task.policy))
        skip = task.skip_too_long or hint is not None
        asked = requests.fitting(asked, task.sampling.max_tokens, context, skip)
        groups = requests.batches(asked, task.sampling.batch)
        asked = requests.shard(groups, task.number, task.shards)

        fingerprint = folder.checked_fingerprint(task.policy)
        made_from = (fingerprint, task.sampling, task.engine, task.device, asked, questions.rows())
        scratch = resumable.scratch_for(task.output, *made_from)
        chunks = resumable.read_chunks(scratch, asked)
        missing = without(asked, chunks)

        by_name = {request.question_id: request for request in asked}
        origin = table.Context(by_name, questions, tokenizer, task.sampling, task.step, fingerprint)
        to_table = functools.partial(table.to_table, context=origin)
        size = VLLM_CHUNK if task.engine == "vllm" else 1
        drawn = guarded(answers(engine, task, missing, tokenizer), guard, fingerprint)
        chunks += resumable.write_chunks(drawn, to_table, scratch, size)
    return pl.concat([to_table([]), *chunks]).sort(schema.IDENTITY)


def guarded(
    drawn: Iterator[list[Rollout]], guard: folder.Guard, fingerprint: str
) -> Iterator[list[Rollout]]:
    """The rollouts as they come, as long as the policy's folder is what it was before."""
    for rollouts in drawn:
        guard.refuse_change(fingerprint)
        yield rollouts


def without(asked: list[Request], chunks: list[pl.DataFrame]) -> list[Request]:
    """The requests that the chunks do not answer."""
    done = {name for rows in chunks for name in rows["question_id"].unique()}
    if done:
        log.info("resuming: %d of %d questions are drawn already", len(done), len(asked))
    return [request for request in asked if request.question_id not in done]


def answers(
    engine: Engine, task: Task, missing: list[Request], tokenizer: Any
) -> Iterator[list[Rollout]]:
    """The engine's rollouts as they come, with a progress bar and a line in the log at the end."""
    if not missing:
        return
    closers = closing_tokens(tokenizer, task.sampling.stop)
    ends = folder.end_ids(task.policy, tokenizer)
    ends += prompt.turn_ends(prompt.read_template(task.prompt), tokenizer)
    work = Work(task.sampling, list(dict.fromkeys(ends)), closers, missing)
    total = sum(len(request.samples) for request in missing)
    title = f"step {task.step} {Path(sys.argv[0]).stem}"
    begun, tokens = time.monotonic(), 0
    for rollouts in resumable.shown(engine(work, tokenizer), total, title):
        tokens += sum(len(rollout.ids) for rollout in rollouts)
        yield rollouts
    seconds = time.monotonic() - begun
    log.info("%d rollouts, %d tokens in %.1f s, engine start included", total, tokens, seconds)


@contextlib.contextmanager
def started(task: Task, context: int) -> Iterator[Engine]:
    """The engine of the task; only what this one needs is imported."""
    if task.engine == "vllm":
        from ei.sampling import vllm_engine

        with vllm_engine.started(task.policy, context, task.machine) as draw_:
            yield lambda work, tokenizer: draw_(work)  # its process loads a tokenizer of its own
        return

    def transformers(work: Work, tokenizer: Any) -> Iterator[list[Rollout]]:
        from ei.sampling import transformers_engine

        return transformers_engine.generate(task.policy, tokenizer, task.device, work)

    yield transformers
