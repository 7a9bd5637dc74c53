#!/usr/bin/env python3
"""Time the sft stage and TRL's SFTTrainer on the same sequences; check the GPU path against fp32.

    benchmarks/sft.py prepare --recorded recorded.jsonl.gz --shape DIR \\
        --prompt workflow/prompts/r1_zero.txt --data DIR
    benchmarks/sft.py run --data DIR --work /tmp/sft --output sft.json
    benchmarks/sft.py run --data DIR --work /tmp/sft --output sft.json --tiny  (a dry run, no GPU)

`prepare` needs recorded responses (JSON lines with `question` and `response`) and a folder with the
model's configuration and tokenizer; the weights are random. `run` gives every part a process of its
own, writes the JSON after each, and starts no part later than `--limit_s`. Only the parts named
trl_* need TRL.
"""

import time

STARTED = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))
from sft_ours import check, ours  # noqa: E402
from sft_trl import BATCH, TRL, trl, versions, work_of  # noqa: E402

PARTS = ["weights", "check", "ours", "stage", "trl_flex", "trl_default", "trl_padded"]


def prepare(flags: argparse.Namespace) -> None:
    """Write the recorded sequences as filtered.parquet, and the model's small files, to --data."""
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
        f"{'':20} {'tokens/s':>26} {'of 790 TFLOP/s':>15} {'GiB':>6}"
        f" {'first update':>13} {'save':>6}"
    )
    for part, values in found.items():
        for name in [
            name for name in values if isinstance(values[name], dict) and "median" in values[name]
        ]:
            speed = values[name]
            spread = f"{speed['median']:,.0f} ({speed['smallest']:,.0f} - {speed['largest']:,.0f})"
            print(
                f"{part if name == 'speed' else name:20} {spread:>26} {speed['share']:>15.1%} "
                f"{values['peak_gib']:>6.1f} {values['first_update_s']:>12.1f}s "
                f"{values.get('save_s', 0):>5.1f}s"
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


def stage(flags: argparse.Namespace) -> dict[str, Any]:
    """The whole stage on eight updates, kernels already compiled: seconds to the first, to save."""
    import polars as pl

    from ei.model.folder import fingerprint

    step = flags.work / "step"
    shutil.rmtree(step, ignore_errors=True)
    step.mkdir()
    model, gpus = flags.work / "model", "0" if flags.tiny else "1"
    table = pl.read_parquet(flags.work / "filtered.parquet")
    table = table.with_columns(policy=pl.lit(fingerprint(model)))  # as if it had drawn them
    table.head(BATCH * 8).write_parquet(step / "filtered.parquet")
    table.write_parquet(step / "rollouts.parquet")
    flags_of = {
        "policy": model,
        "init": model,
        "base": model,
        "filtered": step / "filtered.parquet",
        "rollouts": step / "rollouts.parquet",
        "output": step / "policy",
        "training": step / "training.parquet",
        "seed": 0,
        "step": 1,
        "gpus": gpus,
        "epochs": 1,
        "row_tokens": flags.row_tokens,
        "lr": 1e-6,
    }
    command = [sys.executable, str(ROOT / "workflow/scripts/sft.py")]
    command += [text for name, value in flags_of.items() for text in (f"--{name}", str(value))]
    subprocess.run(command, check=True)
    seconds = json.loads((step / "training.json").read_text())["seconds"]
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
    if given.part in TRL:
        found = trl(given.part, given.work, given.updates, given.row_tokens, STARTED)
    else:
        own = {"weights": weights, "check": check, "ours": ours, "stage": stage}
        given.started = STARTED
        found = own[given.part](given)
    (given.work / f"{given.part}.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
