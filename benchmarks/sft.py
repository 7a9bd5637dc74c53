#!/usr/bin/env python3
"""Time the sft stage and TRL's SFTTrainer on the same recorded sequences, and check the GPU path against fp32.

    benchmarks/sft.py prepare --recorded recorded.jsonl.gz --shape DIR --prompt workflow/prompts/r1_zero.txt --data DIR
    benchmarks/sft.py run --data DIR --work /tmp/sft --output sft.json
    benchmarks/sft.py run --data DIR --work /tmp/sft --output sft.json --tiny          (a rehearsal without a GPU)

`prepare` needs recorded responses (JSON lines with `question` and `response`) and a folder with the model's
configuration and tokenizer; the weights are random. `run` gives every part a process of its own, writes the JSON
after each, and starts no part later than `--limit_s`. TRL is looked for only by the parts named trl_*.
"""

import time

STARTED = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))
from sft_trl import BATCH, TRL, WINDOWS, summary, trl, versions, work_of  # noqa: E402

PARTS = ["weights", "check", "ours", "stage", "trl_flex", "trl_default", "trl_padded"]


def prepare(flags: argparse.Namespace) -> None:
    """Write the recorded sequences as filtered.parquet, and the model's small files, to `--data`."""
    import gzip

    import polars as pl
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(flags.shape)
    prompt = flags.prompt.read_text()
    with gzip.open(flags.recorded, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    ids: dict[str, list[list[int]]] = {"prompt_ids": [], "response_ids": []}
    for row in rows:
        ids["prompt_ids"].append(
            tokenizer(prompt.replace("{question}", row["question"]))["input_ids"]
        )
        ids["response_ids"].append(tokenizer(row["response"])["input_ids"])
    keys = {
        "question_id": [f"{number:05}" for number in range(len(rows))],
        "sample": [0] * len(rows),
    }
    (flags.data / "shape").mkdir(parents=True, exist_ok=True)
    for file in flags.shape.iterdir():
        shutil.copyfile(file, flags.data / "shape" / file.name)
    lists = {name: pl.Series(values, dtype=pl.List(pl.Int32)) for name, values in ids.items()}
    pl.DataFrame(keys | lists).write_parquet(flags.data / "filtered.parquet", compression_level=19)


def run(flags: argparse.Namespace) -> None:
    """Run the parts one after the other, and write what they found."""
    flags.work.mkdir(parents=True, exist_ok=True)
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        "PYTORCH_ALLOC_CONF": "expandable_segments:True",
        "TORCHINDUCTOR_CACHE_DIR": str(flags.work.resolve() / "inductor"),
        "HF_HUB_OFFLINE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    found: dict[str, Any] = {}
    for part in flags.parts.split(","):
        left = flags.limit_s - (time.perf_counter() - STARTED)
        if left < 20:
            found[part] = {"skipped": "no time left"}
            continue
        command = [sys.executable, __file__, part, *sys.argv[2:]]
        start = time.perf_counter()
        try:
            code = subprocess.run(
                command, env={**environment, **os.environ}, timeout=left, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = 124
        result = flags.work / f"{part}.json"
        found[part] = json.loads(result.read_text()) if code == 0 else {"failed": code}
        found[part]["wall_s"] = round(time.perf_counter() - start, 1)
        print(
            part,
            json.dumps({key: value for key, value in found[part].items() if key != "kernels"}),
            flush=True,
        )
        flags.output.write_text(json.dumps({"versions": versions(), **found}, indent=2) + "\n")
    show(found)


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(
        f"{'':20} {'tokens/s':>26} {'of 790 TFLOP/s':>15} {'GiB':>6} {'first update':>13} {'save':>6}"
    )
    for part, values in found.items():
        for name in [
            name for name in values if isinstance(values[name], dict) and "median" in values[name]
        ]:
            speed = values[name]
            spread = f"{speed['median']:,.0f} ({speed['smallest']:,.0f} - {speed['largest']:,.0f})"
            print(
                f"{part if name == 'speed' else name:20} {spread:>26} {speed['share']:>15.1%} "
                f"{values['peak_gib']:>6.1f} {values['first_update_s']:>12.1f}s {values.get('save_s', 0):>5.1f}s"
            )


def weights(flags: argparse.Namespace) -> dict[str, Any]:
    """Make the model folder, of random weights in bf16, and the sequences that are used."""
    import polars as pl
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shutil.rmtree(flags.work / "model", ignore_errors=True)
    shutil.copytree(flags.data / "shape", flags.work / "model")
    table = pl.read_parquet(flags.data / "filtered.parquet")
    config = AutoConfig.from_pretrained(flags.data / "shape")
    if flags.tiny:
        config.update(
            {
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
            }
        )
        config.update({"num_key_value_heads": 2, "layer_types": ["full_attention"] * 2})
        table = table.head(700).with_columns(pl.col("prompt_ids", "response_ids").list.head(8))
    table.sample(fraction=1, shuffle=True, seed=0).write_parquet(flags.work / "filtered.parquet")
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        model.base_model.norm.weight.mul_(
            4
        )  # logits with a spread of 3, as a trained model's: not a flat distribution
    model.bfloat16().save_pretrained(flags.work / "model")
    return {
        "flop_per_token": work_of(
            flags.work, json.loads((flags.work / "model/config.json").read_text())
        )
    }


def check(flags: argparse.Namespace) -> dict[str, Any]:
    """Compare one row in compiled mixed precision with fp32 throughout, and grouped heads with repeated ones."""
    import torch

    from ei.training import attention, data, model, packing

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sequences = data.read_sequences(flags.work / "filtered.parquet")
    chosen = packing.first_fit_decreasing([len(sequence) for sequence in sequences[:100]], 4096)[0]
    row = packing.build_row([sequences[item] for item in chosen], 128, device)
    results = []
    for mixed in (True, False):
        policy = model.load(flags.work / "model", device, mixed=mixed)
        if mixed and not flags.tiny:
            model.compile_layers(policy)
        model.clear_gradients(policy)
        scores = model.backward(policy, row, 1 / len(row.target_R))
        grads = {
            name: weight.grad.cpu()
            for name, weight in policy.weights.items()
            if weight.grad is not None
        }
        results.append((float(scores.nll_R.mean()), float(scores.entropy_R.mean()), grads))
        del policy, scores
    (loss, entropy, grads), (exact_loss, exact_entropy, exact) = results
    one, other = (
        torch.cat([each[name].flatten() for name in sorted(exact)]) for each in (grads, exact)
    )
    cosines = {
        name: float(torch.cosine_similarity(grads[name].flatten(), exact[name].flatten(), 0))
        for name in exact
    }
    worst = min(cosines, key=lambda name: cosines[name])
    found: dict[str, Any] = {
        "loss": [loss, exact_loss],
        "entropy": [entropy, exact_entropy],
        "cosine": float(
            (one.double() @ other.double()) / (one.double().norm() * other.double().norm())
        ),
        "worst_tensor": [worst, cosines[worst]],
        "norms": [float(one.norm()), float(other.norm())],
    }
    ok = (
        abs(loss - exact_loss) < 1e-2
        and abs(entropy / exact_entropy - 1) < 1e-2
        and found["cosine"] > 0.999
    )
    return {
        **found,
        **(grouped_heads(attention, row) if device.type == "cuda" else {}),
        "passed": ok,
    }


def grouped_heads(attention: Any, row: Any) -> dict[str, Any]:
    """The largest relative differences of the kernel's output and gradients with and without repeated heads."""
    import torch

    torch.manual_seed(0)
    shapes = ((len(row.ids_T), heads, 128) for heads in (12, 2, 2))
    inputs = [
        torch.randn(*shape, device="cuda", dtype=torch.bfloat16, requires_grad=True)
        for shape in shapes
    ]
    results, milliseconds = [], []
    for repeat in (False, True):
        attention.REPEAT_HEADS = repeat
        for _ in range(3):
            torch.cuda.synchronize()
            start = time.perf_counter()
            out = attention.varlen(*inputs, row.offset_N1, row.longest, 128**-0.5)
            grads = torch.autograd.grad(out, inputs, torch.ones_like(out))
            torch.cuda.synchronize()
            taken = time.perf_counter() - start
        results.append([out, *grads])
        milliseconds.append(taken * 1000)
    pairs = zip(*results, strict=True)
    errors = [float((one - two).float().norm() / two.float().norm()) for one, two in pairs]
    return {"grouped_heads_error": errors, "grouped_and_repeated_ms": milliseconds}


def ours(flags: argparse.Namespace) -> dict[str, Any]:
    """Updates of this project's loop: with entropy, without, at four times the batch; and where the time goes."""
    import torch
    from ei.training.train import BETAS, take
    from ei.training.world import World

    from ei.training import data, model, schedule
    from ei.training.report import peak_memory

    world = World(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    policy = model.load(flags.work / "model", world.device)
    without: Callable[..., Any] = no_entropy
    if world.device.type == "cuda":
        model.compile_layers(policy)
        without = model.compile_pointwise(no_entropy)
    optimizer = torch.optim.AdamW(
        policy.weights.values(), betas=BETAS, weight_decay=0.0, fused=True
    )
    sequences = data.read_sequences(flags.work / "filtered.parquet")

    def records(pointwise: Callable[..., Any], count: int, batch: int = BATCH) -> list[Any]:
        policy.pointwise = pointwise
        return [take(policy, optimizer, next(updates[batch]), recipe, world) for _ in range(count)]

    recipe = schedule.Recipe(lr=1e-6, epochs=50, row_tokens=flags.row_tokens)
    plans = {
        batch: schedule.plan(sequences, replace(recipe, batch=batch))
        for batch in (BATCH, 4 * BATCH)
    }
    updates = {batch: iter(plan) for batch, plan in plans.items()}
    exact, each = policy.pointwise, flags.updates // WINDOWS
    records(exact, 1)
    found: dict[str, Any] = {"first_update_s": time.perf_counter() - STARTED}
    records(without, 1)
    records(exact, 2)
    pairs = [(records(exact, each), records(without, each)) for _ in range(WINDOWS)]
    found["peak_gib"] = peak_memory(world.device) / 2**30
    timed = {
        name: [r for pair in pairs for r in pair[i]]
        for i, name in enumerate(("speed", "ours_no_entropy"))
    }
    timed["ours_batch_256"] = records(exact, WINDOWS + 1, 4 * BATCH)[1:]
    flop = json.loads((flags.work / "weights.json").read_text())["flop_per_token"]
    found |= {
        name: summary([r.tokens for r in rs], [r.seconds for r in rs], flop)
        for name, rs in timed.items()
    }
    found["packing_share"] = sum(r.tokens for r in timed["speed"]) / sum(
        r.row_tokens for r in timed["speed"]
    )
    return found | (
        {"kernels": profile(lambda: records(exact, 1))} if world.device.type == "cuda" else {}
    )


def no_entropy(logits_CV: Any, target_C: Any, dtype: Any) -> Any:
    """`nll_entropy_gradient` of ei.training.head without the entropy, to see what the entropy costs."""
    import torch

    logp_CV = logits_CV - logits_CV.logsumexp(dim=-1, keepdim=True)
    nll_C = -logp_CV.gather(1, target_C[:, None]).squeeze(1)
    grad_CV = (
        logp_CV.exp()
        .to(dtype)
        .scatter(1, target_C[:, None], torch.expm1(-nll_C)[:, None].to(dtype))
    )
    return nll_C, torch.zeros_like(nll_C), grad_CV


def profile(update: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of the GPU in each of the twenty dearest kernels of one update, and of all kernels together."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    with record(activities=[ProfilerActivity.CUDA]) as seen:
        start = time.perf_counter()
        update()
        wall = time.perf_counter() - start
    kernels = sorted(seen.key_averages(), key=lambda kernel: -kernel.self_device_time_total)
    spent = {kernel.key[:100]: kernel.self_device_time_total / 1000 for kernel in kernels}
    found = {
        "wall": wall * 1000,
        "all kernels": sum(spent.values()),
        **dict(list(spent.items())[:20]),
    }
    for name, milliseconds in found.items():
        print(f"{milliseconds:9.2f} ms  {name}")
    return found


def stage(flags: argparse.Namespace) -> dict[str, Any]:
    """The whole stage on eight updates, its kernels compiled already: seconds to the first update, and to save."""
    import polars as pl

    step = flags.work / "step"
    shutil.rmtree(step, ignore_errors=True)
    step.mkdir()
    pl.read_parquet(flags.work / "filtered.parquet").head(BATCH * 8).write_parquet(
        step / "filtered.parquet"
    )
    model, gpus = str(flags.work / "model"), "0" if flags.tiny else "1"
    script = str(ROOT / "workflow/scripts/sft.py")
    command = [
        sys.executable,
        script,
        "--policy",
        model,
        "--init",
        model,
        "--base",
        model,
        "--lineage",
        "benchmark",
    ]
    command += [
        "--filtered",
        f"{step}/filtered.parquet",
        "--rollouts",
        f"{flags.work}/filtered.parquet",
    ]
    command += [
        "--output",
        f"{step}/policy",
        "--training",
        f"{step}/training.parquet",
        "--seed",
        "0",
        "--step",
        "1",
    ]
    command += [
        "--gpus",
        gpus,
        "--epochs",
        "1",
        "--row_tokens",
        str(flags.row_tokens),
        "--lr",
        "1e-6",
    ]
    subprocess.run(command, check=True)
    told = json.loads((step / "training.json").read_text())
    seconds = told["seconds"]
    names = {"first_update_s": "to_first_update", "save_s": "save"}
    return {**{name: seconds[phase] for name, phase in names.items()}, "seconds": seconds}


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument(
        "part", choices=["prepare", "run", "weights", "check", "ours", "stage", *TRL]
    )
    for name in ("data", "work", "output", "recorded", "shape", "prompt"):
        flags.add_argument(f"--{name}", type=Path)
    flags.add_argument("--parts", default=",".join(PARTS))
    flags.add_argument(
        "--updates", type=int, default=20, help="timed updates of each part, a multiple of five"
    )
    flags.add_argument("--row_tokens", type=int, default=16384)
    flags.add_argument("--limit_s", type=float, default=400)
    flags.add_argument("--tiny", action="store_true")
    given = flags.parse_args()
    if given.part in ("prepare", "run"):
        {"prepare": prepare, "run": run}[given.part](given)
        return
    parts: dict[str, Callable[..., dict[str, Any]]] = {
        "weights": weights,
        "check": check,
        "ours": ours,
        "stage": stage,
    }
    found = (
        parts[given.part](given)
        if given.part in parts
        else trl(given.part, given.work, given.updates, given.row_tokens, STARTED)
    )
    (given.work / f"{given.part}.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
