#!/usr/bin/env python3
"""Output tokens per second of the sampling engines beside plain vLLM, on one GPU.

    python benchmarks/sample.py --policy models/qwen --data results/data/train.parquet --json sample.json

Each variant draws the same number of tokens: `--questions` x `--rollouts` x `--max_tokens` with a policy of
random weights, which hardly ever ends a response. Rates count from the moment the last engine is up; the
start is reported beside them. `plain` is LLM(...).generate as it comes, with the stop text as a stop string.
"""

import argparse
import json
import multiprocessing as mp
import platform
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from ei import policy, questions
from ei.files import read_table
from ei.generation import vllm_engine
from ei.generation.command import make_requests, read_template
from ei.generation.draw import Request, Sampling


def requests_of(flags: argparse.Namespace) -> list[Request]:
    """The requests of the first `--questions` questions."""
    chosen = questions.choose(
        read_table(flags.data, ["question_id", "question"]), flags.questions, flags.seed, flags.step
    )
    tokenizer, context = policy.load_tokenizer(flags.policy), policy.context(flags.policy)
    return make_requests(chosen, read_template(flags.prompt), tokenizer, flags, context)


def plain(flags: argparse.Namespace, requests: list[Request], results: Any) -> None:
    """In a process of its own: LLM.generate with everything left as it comes."""
    started = time.monotonic()
    from vllm import LLM, SamplingParams

    llm = LLM(model=str(flags.policy), max_num_seqs=flags.sequences)
    ready = time.monotonic()
    params = [
        SamplingParams(
            n=flags.rollouts, temperature=1.0, max_tokens=flags.max_tokens, min_tokens=4, seed=request.seed,
            stop=["</answer>"], include_stop_str_in_output=True,
        )
        for request in requests
    ]  # fmt: skip
    outputs = llm.generate([{"prompt_token_ids": r.prompt_ids} for r in requests], params, use_tqdm=False)
    done = time.monotonic()
    results.put((ready - started, done - ready, sum(len(c.token_ids) for o in outputs for c in o.outputs)))


def run_plain(flags: argparse.Namespace, requests: list[Request]) -> tuple[float, float, int]:
    """(seconds to start, seconds to draw, tokens) of plain vLLM."""
    spawn = mp.get_context("spawn")
    results: Any = spawn.Queue()
    process = spawn.Process(target=plain, args=(flags, requests, results))
    process.start()
    found = results.get(timeout=400)
    process.join()
    return found


def run_ours(flags: argparse.Namespace, requests: list[Request], engines: int) -> tuple[float, float, int]:
    """(seconds to start, seconds to draw, tokens) of the stage's engines."""
    sampling = Sampling(flags.rollouts, 1.0, 1.0, flags.max_tokens, 4, "</answer>")
    how = vllm_engine.Engines(engines, flags.sequences // engines, flags.memory_percent / 100, flags.cache)
    tokenizer = policy.load_tokenizer(flags.policy)
    ready: list[float] = []
    started, tokens = time.monotonic(), 0
    end_ids, context = policy.end_ids(flags.policy, tokenizer), policy.context(flags.policy)
    work = vllm_engine.Work(flags.policy, sampling, end_ids, context, how)
    for rollouts in vllm_engine.generate(work, requests, ready.append):
        tokens += sum(len(rollout.ids) for rollout in rollouts)
        done = time.monotonic()
    up = max(ready)
    return up, done - started - up, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompt", type=Path, default=Path("workflow/prompts/r1_zero.txt"))
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", default=["ours-1", "ours-1", "ours-3", "plain"])
    parser.add_argument("--questions", type=int, default=256)
    parser.add_argument("--rollouts", type=int, default=8)
    parser.add_argument("--max_tokens", type=int, default=512)
    parser.add_argument("--sequences", type=int, default=1024, help="of all engines together")
    parser.add_argument("--memory_percent", type=int, default=85)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.set_defaults(seed=0, step=1)
    flags = parser.parse_args()
    requests = requests_of(flags)
    found = []
    for variant in flags.variants:
        start, seconds, tokens = (
            run_plain(flags, requests)
            if variant == "plain"
            else run_ours(flags, requests, int(variant.removeprefix("ours-")))
        )
        found.append({"variant": variant, "start_s": start, "seconds": seconds, "tokens": tokens})
        print(f"{variant:>8}: {tokens / seconds:9,.0f} tokens/s, start {start:5.1f} s, {tokens:,} tokens", flush=True)
        flags.json.write_text(json.dumps({"machine": platform.node(), "runs": found}, indent=2))


if __name__ == "__main__":
    main()
