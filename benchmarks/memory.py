#!/usr/bin/env python3
"""What fits on a small card: the real stages on one GPU whose memory is capped, model by model.

    python benchmarks/memory.py --models models/qwen0.5b models/qwen1.5b --filtered DIR \\
        --data results/data/train.parquet --caps 12 16 24 40 80 --output memory.json

`--filtered` is a folder that `benchmarks/sft.py prepare` made. For every model and cap it runs
sample.py, sft.py and eval.py as Snakemake does, in a process that may take so many GiB: torch by
`set_per_process_memory_fraction`, vLLM by its share of the card. A stage that does not fit ends
with its own sentence, which goes into the JSON. `--stages` and `--row_tokens` choose a part.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow/scripts"
sys.path.append(str(SCRIPTS))
from ei.model.folder import fingerprint  # noqa: E402

UPDATES = 8  # of 64 sequences; the first three compile and warm up
# Runs a script in a process that torch allows so many GiB of the card.
CAPPED = """
import os, runpy, sys
os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
import torch
cap, sys.argv = float(sys.argv[1]), sys.argv[2:]
if torch.cuda.is_available():
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, cap * 2**30 / total))
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# Sequences that vLLM draws at the same time, for each cap in GiB.
SEQUENCES = {12: 128, 16: 256, 24: 256, 40: 512, 80: 1024}


def run(cap: float, script: str, flags: dict[str, Any], limit: float) -> dict[str, Any]:
    """Status, seconds, last sentence and plan of a stage under a cap."""
    command = [sys.executable, "-c", CAPPED, str(cap), str(SCRIPTS / script)]
    command += [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    begun = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"fits": False, "said": f"not finished after {limit:.0f} s"}
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    found = {
        "fits": done.returncode == 0,
        "seconds": round(time.perf_counter() - begun, 1),
        "plan": next((line for line in lines if line.startswith("sft.memory")), None),
    }
    errors = [line for line in lines if line.startswith("error:")]
    return found if found["fits"] else {**found, "said": (errors or lines or [""])[-1]}


def sample(flags: argparse.Namespace, model: Path, cap: int, work: Path) -> dict[str, Any]:
    """Whether the model can be sampled, and output tokens/s without the start."""
    found = run(
        cap,
        "sample.py",
        {
            **drawing(flags, model, cap),
            "questions": flags.questions,
            "rollouts": 8,
            "output": work / "rollouts.parquet",
        },
        flags.limit_s,
    )
    if found["fits"]:
        table = pl.read_parquet(work / "rollouts.parquet", columns=["response_ids"])
        found["tokens"] = int(table["response_ids"].list.len().sum())
    return found


def drawing(flags: argparse.Namespace, model: Path, cap: int) -> dict[str, Any]:
    """The flags that sampling and evaluation have in common."""
    total = flags.card_gib
    engine = "transformers" if flags.tiny else "vllm"
    return {
        "policy": model,
        "data": flags.data,
        "prompt": ROOT / "workflow/prompts/r1_zero.txt",
        "step": 1,
        "seed": 0,
        "engine": engine,
        "device": "cpu" if flags.tiny else "cuda",
        "max_tokens": 32 if flags.tiny else 1024,
        "memory_percent": max(1, int(90 * min(cap, total) / total)),
        "sequences": SEQUENCES.get(cap, 256),
    }


def evaluate(flags: argparse.Namespace, model: Path, cap: int, work: Path) -> dict[str, Any]:
    """Whether the model can be evaluated, its entropy included."""
    empty = work / "development.parquet"
    pl.read_parquet(flags.data).head(0).write_parquet(empty)
    return run(
        cap,
        "eval.py",
        {
            **drawing(flags, model, cap),
            "development": empty,
            "questions": flags.questions,
            "output": work / "answers.parquet",
        },
        flags.limit_s,
    )


def sft(flags: argparse.Namespace, model: Path, cap: int, work: Path) -> dict[str, Any]:
    """Whether the model can be trained, peak memory, and the median tokens/s of five updates."""
    rows = pl.read_parquet(flags.filtered / "filtered.parquet").head(64 * UPDATES)
    drawn = rows.with_columns(policy=pl.lit(fingerprint(model)))  # as if the model had drawn them
    drawn.write_parquet(work / "filtered.parquet")
    found = run(
        cap,
        "sft.py",
        {
            "policy": model,
            "init": model,
            "base": model,
            "filtered": work / "filtered.parquet",
            "rollouts": work / "filtered.parquet",
            "output": work / "policy",
            "training": work / "training.parquet",
            "seed": 0,
            "step": 1,
            "gpus": 0 if flags.tiny else 1,
            "epochs": 1,
            "lr": 1e-6,
            "row_tokens": flags.row_tokens,
            "memory": flags.memory,
            **({"lora": flags.lora} if flags.lora else {}),
        },
        flags.limit_s,
    )
    if found["fits"]:
        rates = pl.read_parquet(work / "training.parquet")["tokens_per_s"].tail(5)
        report = json.loads((work / "training.json").read_text())
        found["tokens_per_s"] = round(statistics.median(rates))
        found["peak_gib"] = round(report["peak_memory_bytes"] / 2**30, 1)
        found["sft_seconds"] = {name: round(s, 1) for name, s in report["seconds"].items()}
    return found


def card() -> tuple[str, float]:
    """Name and memory (GiB) of the GPU; of a machine without one, nothing and a large number."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        line = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")
    except FileNotFoundError:
        return "cpu", 80.0
    name, mib = re.split(r", (?=\d+$)", line[0])
    return name, int(mib) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--models", type=Path, nargs="+", required=True)
    add("--filtered", type=Path, required=True)
    add("--data", type=Path, required=True)
    add("--work", type=Path, default=Path("memory_work"))
    add("--output", type=Path, required=True)
    add("--caps", type=int, nargs="+", default=[12, 16, 24, 40, 80])
    add("--stages", nargs="+", default=["sft", "sample", "eval"], choices=STAGES)
    add("--row_tokens", type=int, default=16384)
    add("--memory", default="auto", choices=["auto", "full", "small"])
    add("--lora", help='as in --lora \'{"rank": 16, "alpha": 32}\'')
    add("--questions", type=int, default=128)
    add("--limit_s", type=float, default=240)
    add("--tiny", action="store_true", help="a rehearsal on the CPU")
    flags = parser.parse_args()
    name, flags.card_gib = card()
    found: list[dict[str, Any]] = []
    for model in flags.models:
        for cap in flags.caps:
            for stage in flags.stages:
                work = flags.work / f"{model.name}-{cap}-{stage}"
                work.mkdir(parents=True, exist_ok=True)
                result = STAGES[stage](flags, model, cap, work)
                row = {"card": name, "model": model.name, "cap_gib": cap, "stage": stage, **result}
                print(json.dumps(row), flush=True)
                found.append(row)
                flags.output.write_text(json.dumps(found, indent=2) + "\n")


STAGES = {"sft": sft, "sample": sample, "eval": evaluate}

if __name__ == "__main__":
    main()
