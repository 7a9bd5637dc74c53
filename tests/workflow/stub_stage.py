#!/usr/bin/env python3
"""Stands in for a stage: makes its outputs out of nothing and notes when it ran, on which GPUs."""

import os
import sys
import time
from pathlib import Path

started = time.time()
name = Path(sys.argv[0]).stem
if name == "check":
    sys.exit()
flags = dict(zip(sys.argv, sys.argv[1:], strict=False))
output = Path(flags["--output"])
seconds = float(os.environ.get("STUB_SECONDS", 1.5))
time.sleep({"sample": seconds, "eval": seconds, "sft": seconds / 3}.get(name, 0))
splits = ("train.parquet", "validation.parquet", "development.parquet", "data.json")
files = {
    "data": [output / part for part in splits],
    "score": [output, output.with_suffix(".json"), output.with_suffix(".pairs.parquet")],
    "filter": [output, output.with_suffix(".json")],
    "plots": [
        output / f"{plot}.{kind}" for plot in ("accuracy", "entropy") for kind in ("png", "svg")
    ],
}.get(name, [output])
if "--development" in flags and name in ("score", "metrics"):
    second = Path(flags["--development"])
    files += [second, second.with_suffix(".json"), second.with_suffix(".pairs.parquet")]
if name == "sft":
    training = Path(flags["--training"])
    files = [output / "config.json", training, training.with_suffix(".json")]
    files.append(training.with_name("tensorboard") / "events")
for file in files:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{name} {flags.get('--lineage')}")
with Path("trace.tsv").open("a") as trace:
    step = flags.get("--step", "-")
    print(
        name,
        str(output).partition("/step")[0],
        step,
        os.environ.get("CUDA_VISIBLE_DEVICES"),
        started,
        time.time(),
        sep="\t",
        file=trace,
    )
