#!/usr/bin/env python3
"""Compare the sampling stage's engine with plain vLLM: output tokens/s on one GPU, in one run.

    python benchmarks/sample.py --policy models/qwen --data results/data/train.parquet \\
        --json sample.json --lengths recorded.jsonl.gz --variants ours plain tuned

Variants: `ours`, `plain` (LLM(...).generate with its default settings and a stop string), `tuned`
(the same with CUDA graphs up to the largest batch). All draw responses of the same lengths: with
`--lengths` (JSONL with `n_tokens`) each question's is one of the recorded ones, else it is
`--max_tokens`; a policy of random weights hardly ever stops by itself. Rates count from the moment
the engine is up, over the whole draw; the start is reported separately.
"""

import argparse
import gzip
import json
import multiprocessing as mp
import platform
import random
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from ei import questions
from ei.files import read_columns
from ei.model import folder
from ei.prompt import read_template
from ei.sampling import vllm_engine
from ei.sampling.requests import Request, Work, make_requests
from ei.sampling.settings import Machine, Sampling
from ei.sampling.stop import closing_tokens

STOP = "</answer>"


def requests_of(flags: argparse.Namespace) -> list[Request]:
    """The requests of the first `--questions` questions, each with a length from `--lengths`."""
    table = read_columns(flags.data, "question_id", "question", "answer")
    chosen = questions.choose(table, flags.questions, flags.seed, flags.step)
    template, tokenizer = read_template(flags.prompt), folder.load_tokenizer(flags.policy)
    samples = range(flags.rollouts)
    made = make_requests(chosen, samples, template, tokenizer, flags.seed, flags.step)
    if flags.lengths is None:
        return made
    with gzip.open(flags.lengths, "rt") as lines:
        recorded = sorted(json.loads(line)["n_tokens"] for line in lines)
    draw = random.Random(0)
    return [
        replace(request, limit=max(5, min(draw.choice(recorded), flags.max_tokens)))
        for request in made
    ]


def asked_plainly(flags: argparse.Namespace, requests: list[Request]) -> tuple[Any, Any]:
    """The requests for LLM.generate: prompts, and sampling parameters with a stop string."""
    from vllm import SamplingParams

    params = [
        SamplingParams(
            n=flags.rollouts, temperature=1.0, max_tokens=request.limit or flags.max_tokens,
            min_tokens=4, seed=request.seed, stop=[STOP], include_stop_str_in_output=True,
        )
        for request in requests
    ]  # fmt: skip
    return [{"prompt_token_ids": request.prompt_ids} for request in requests], params


def plain(flags: argparse.Namespace, requests: list[Request], tuned: bool, results: Any) -> None:
    """LLM.generate in a process of its own, `--runs` times with an empty prefix cache."""
    started = time.monotonic()
    from vllm import LLM

    sizes = {"cudagraph_capture_sizes": vllm_engine.capture_sizes(flags.sequences)}
    best = {"max_num_seqs": flags.sequences, "compilation_config": sizes} if tuned else {}
    llm = LLM(model=str(flags.policy), **best)
    results.put(time.monotonic() - started)
    prompts, params = asked_plainly(flags, requests)
    for _ in range(flags.runs):
        llm.reset_prefix_cache()
        begun = time.monotonic()
        outputs = llm.generate(prompts, params, use_tqdm=False)
        seconds = time.monotonic() - begun
        results.put((seconds, sum(len(c.token_ids) for o in outputs for c in o.outputs)))


def run_plain(
    flags: argparse.Namespace, requests: list[Request], tuned: bool
) -> list[dict[str, float]]:
    """Each run of plain vLLM: seconds to start (the same for all), seconds to draw, tokens."""
    spawn = mp.get_context("spawn")
    results: Any = spawn.Queue()
    process = spawn.Process(target=plain, args=(flags, requests, tuned, results))
    process.start()
    start = results.get(timeout=400)
    found = [results.get(timeout=400) for _ in range(flags.runs)]
    process.join()
    return [{"start_s": start, "seconds": seconds, "tokens": tokens} for seconds, tokens in found]


def run_ours(flags: argparse.Namespace, requests: list[Request]) -> dict[str, float]:
    """One run of the stage's engine: seconds to start (of which imports), to draw; tokens."""
    sampling = Sampling(max_tokens=flags.max_tokens, stop=STOP)
    machine = Machine(flags.sequences, flags.memory_percent, flags.cache)
    context, tokenizer = folder.context(flags.policy), folder.load_tokenizer(flags.policy)
    ready: dict[str, float] = {}
    begun, tokens = time.monotonic(), 0
    with vllm_engine.started(flags.policy, context, machine, ready.update) as work_on:
        closers, ends = closing_tokens(tokenizer, STOP), folder.end_ids(flags.policy, tokenizer)
        for rollouts in work_on(Work(sampling, ends, closers, requests)):
            tokens += sum(len(rollout.ids) for rollout in rollouts)
        ended = time.monotonic()  # the processes are gone, and the GPU is free
    seconds = ended - begun - ready["all"]
    return {
        "start_s": ready["all"],
        "imports_s": ready["imports"],
        "seconds": seconds,
        "tokens": tokens,
    }


def measure(
    flags: argparse.Namespace, requests: list[Request], variant: str
) -> list[dict[str, float]]:
    if variant in ("plain", "tuned"):
        return run_plain(flags, requests, variant == "tuned")
    return [run_ours(flags, requests) for _ in range(flags.runs)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompt", type=Path, default=Path("workflow/prompts/r1_zero.txt"))
    parser.add_argument("--lengths", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument(
        "--variants",
        nargs="+",
        default=["ours", "plain", "tuned"],
        choices=["ours", "plain", "tuned"],
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--questions", type=int, default=1024)
    parser.add_argument("--rollouts", type=int, default=8)
    parser.add_argument("--max_tokens", type=int, default=1024)
    parser.add_argument("--sequences", type=int, default=1024)
    parser.add_argument("--memory_percent", type=int, default=85)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.set_defaults(seed=0, step=1)
    flags = parser.parse_args()
    requests = requests_of(flags)
    found: dict[str, Any] = {}
    for variant in flags.variants:
        runs = found[variant] = measure(flags, requests, variant)
        rates = sorted(run["tokens"] / run["seconds"] for run in runs)
        starts = ", ".join(f"{run['start_s']:.1f}" for run in runs)
        print(
            f"{variant:>7}: {statistics.median(rates):9,.0f} tokens/s"
            f" ({rates[0]:,.0f} - {rates[-1]:,.0f}), {runs[0]['tokens']:,.0f} tokens,"
            f" start {starts} s",
            flush=True,
        )
        settings = {key: str(value) for key, value in vars(flags).items()}
        flags.json.write_text(
            json.dumps({"machine": platform.node(), "settings": settings, "runs": found}, indent=2)
        )


if __name__ == "__main__":
    main()
