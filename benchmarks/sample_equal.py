#!/usr/bin/env python3
"""Compare the stage's engine with plain vLLM: the same seeds, row by row, on a small real policy.

    python benchmarks/sample_equal.py --policy workflow/demo/policy --json equal.json \\
        --data results/demo/data/validation.parquet --prompt workflow/prompts/demo.txt

Plain is LLM(...).generate with n = G, the question's seed and a stop string. Where two responses
differ, the scores (logit plus the seed's Gumbel noise, logits from a float32 forward pass) of the
two tokens at the first difference are compared: a tie is a gap that rounding to bfloat16 explains.
It also compares the mean of -log p(token) over all response tokens with their exact mean entropy,
of which it is an unbiased estimate where tokens are drawn from the policy itself.
"""

import argparse
import json
import multiprocessing as mp
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

import sample as bench
from ei.model import folder
from ei.sampling import vllm_engine
from ei.sampling.requests import Request, Work
from ei.sampling.settings import Machine, Sampling
from ei.sampling.stop import closing_tokens, decoder, response_text

# {(question, sample): (ids, text, why it ended)}
Rows = dict[tuple[str, int], tuple[list[int], str, str]]


def plain(flags: argparse.Namespace, requests: list[Request], results: Any) -> None:
    """Put what LLM.generate returns into `results`; it runs in a process of its own."""
    from vllm import LLM

    llm = LLM(model=str(flags.policy), max_num_seqs=flags.sequences, gpu_memory_utilization=0.4)
    outputs = llm.generate(*bench.asked_plainly(flags, requests), use_tqdm=False)
    results.put(
        {
            (request.question_id, one.index): (
                list(one.token_ids),
                one.text,
                str(one.finish_reason),
            )
            for request, output in zip(requests, outputs, strict=True)
            for one in output.outputs
        }
    )


def ours(flags: argparse.Namespace, requests: list[Request]) -> Rows:
    """What the stage's engine returns."""
    context, tokenizer = folder.context(flags.policy), folder.load_tokenizer(flags.policy)
    sampling = Sampling(max_tokens=flags.max_tokens, stop=bench.STOP)
    machine = Machine(flags.sequences, 40, flags.cache)
    with vllm_engine.started(flags.policy, context, machine) as work_on:
        closers = closing_tokens(tokenizer, bench.STOP)
        ends = folder.end_ids(flags.policy, tokenizer)
        groups = list(work_on(Work(sampling, ends, closers, requests)))
    decode = decoder(tokenizer, bench.STOP)
    return {
        (one.question_id, one.sample): (
            one.ids,
            response_text(decode, one.ids, bench.STOP, one.finish_reason),
            one.finish_reason,
        )
        for group in groups
        for one in group
    }


def gumbel(seeds: Any, positions: Any, vocabulary: int) -> Any:
    """(N, vocabulary) noise of vLLM's sampler for each seed and position, by its formula."""
    import torch
    import triton

    from ei.sampling import vllm_private

    tl, tldevice, tl_rand32 = vllm_private.sampler_names()

    @triton.jit
    def kernel(out, seeds, positions, vocabulary, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
        row = tl.program_id(0)
        column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        seed = tl.randint(tl.load(seeds + row), tl.load(positions + row))
        noise = -tl.log(-tldevice.log1p(-tl_rand32(seed, column, includes_zero=False)))
        tl.store(out + row * vocabulary + column, noise, mask=column < vocabulary)

    out = torch.empty(len(seeds), vocabulary, device="cuda")
    kernel[(len(seeds), -(-vocabulary // 1024))](out, seeds, positions, vocabulary, BLOCK=1024)
    return out


def scores(
    flags: argparse.Namespace, requests: list[Request], rows: Rows
) -> dict[tuple[str, int], dict[str, Any]]:
    """Of each response: scores of its T tokens (T, vocabulary), their -log p (T), entropy (T)."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(flags.policy, dtype=torch.float32).cuda().eval()
    asked = {request.question_id: request for request in requests}
    found = {}
    for (name, sample), (ids, _, _) in rows.items():
        request = asked[name]
        with torch.inference_mode():
            logits = (
                model(torch.tensor([request.prompt_ids + ids], device="cuda")).logits[0].float()
            )
        logits = logits[len(request.prompt_ids) - 1 : -1]
        logp = logits.log_softmax(-1)
        position = torch.arange(len(ids), device="cuda") + len(request.prompt_ids) - 1
        seeds = torch.full((len(ids),), request.seed + sample, device="cuda", dtype=torch.int64)
        found[name, sample] = {
            "score": logits + gumbel(seeds, position, logits.shape[1]),
            "nll": -logp[range(len(ids)), ids],
            "entropy": -(logp.exp() * logp).sum(-1),
        }
    return found


def compare(
    drawn: Rows, theirs: Rows, scored: dict[tuple[str, int], dict[str, Any]]
) -> dict[str, Any]:
    """Counts of equal and different rows, and the gaps of the different ones at the first token."""
    gaps, texts = [], 0
    for key, (ids, text, reason) in drawn.items():
        other, other_text, other_reason = theirs[key]
        if ids == other:
            texts += (text, reason) != (other_text, other_reason)
            continue
        t = next(
            (t for t, (a, b) in enumerate(zip(ids, other, strict=False)) if a != b),
            min(len(ids), len(other)),
        )
        if t == min(len(ids), len(other)):
            gaps.append({"row": key, "at": t, "gap": None})
            continue
        score = scored[key]["score"][t]
        gaps.append({"row": key, "at": t, "gap": abs(float(score[ids[t]] - score[other[t]]))})
    return {
        "rows": len(drawn),
        "different": len(gaps),
        "same_ids_other_text_or_reason": texts,
        "gaps": gaps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prompt", type=Path, default=Path("workflow/prompts/demo.txt"))
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--rollouts", type=int, default=4)
    parser.add_argument("--max_tokens", type=int, default=128)
    parser.add_argument("--sequences", type=int, default=512)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.set_defaults(seed=0, step=1, lengths=None)
    flags = parser.parse_args()
    requests = bench.requests_of(flags)
    results: Any = mp.get_context("spawn").Queue()
    process = mp.get_context("spawn").Process(target=plain, args=(flags, requests, results))
    process.start()
    theirs = results.get(timeout=400)
    process.join()
    rows = ours(flags, requests)
    import torch

    scored = scores(flags, requests, rows)
    chosen = torch.cat([s["score"].argmax(-1) for s in scored.values()]).tolist()
    drawn = [token for ids, _, _ in rows.values() for token in ids]
    found = compare(rows, theirs, scored) | {
        "tokens": len(drawn),
        "tokens_the_float32_scores_choose_too": sum(
            a == b for a, b in zip(chosen, drawn, strict=True)
        )
        / len(drawn),
        "mean_nll": float(torch.cat([s["nll"] for s in scored.values()]).mean()),
        "mean_entropy": float(torch.cat([s["entropy"] for s in scored.values()]).mean()),
        "nll_standard_error": float(
            torch.cat([s["nll"] - s["entropy"] for s in scored.values()]).std()
        )
        / len(drawn) ** 0.5,
    }
    flags.json.write_text(json.dumps(found, indent=2))
    print(json.dumps({key: value for key, value in found.items() if key != "gaps"}, indent=2))
    print("gaps:", sorted(gap["gap"] if gap["gap"] is not None else -1 for gap in found["gaps"]))


if __name__ == "__main__":
    main()
