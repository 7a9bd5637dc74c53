#!/usr/bin/env python3
"""Train a policy on its own correct rollouts: policy n-1 and filtered.parquet make policy n.

    sft.py --policy results/step1/policy --init results/step1/policy --base models/base \\
        --filtered results/step2/filtered.parquet --rollouts results/step2/rollouts.parquet \\
        --output results/step2/policy --training results/step2/training.parquet \\
        --lineage 6c0f... --seed 0 --step 2 --gpus 1

Beside training.parquet (one row for every update) come training.json (a summary, with the entropy of the policy that
sampled) and tensorboard/. docs/sft.md explains the settings.
"""

import time

STARTED = time.perf_counter()  # before the imports, which take most of a short training's time

import argparse  # noqa: E402
import os  # noqa: E402
from dataclasses import fields  # noqa: E402
from pathlib import Path  # noqa: E402

from ei.stage import boolean, parser, run, settings  # noqa: E402

PATHS = ("policy", "init", "base", "filtered", "rollouts", "output", "training")


def arguments() -> argparse.Namespace:
    """The flags: paths, identities, and the keys of config.yaml's section `sft`."""
    flags = parser(__doc__)
    for name in PATHS:
        flags.add_argument(f"--{name}", type=Path, required=True)
    flags.add_argument("--lineage", required=True)
    flags.add_argument("--seed", type=int, required=True)
    flags.add_argument("--step", type=int, required=True)
    flags.add_argument("--epochs", type=int, default=2)
    flags.add_argument("--lr", type=float, default=5e-5)
    flags.add_argument("--batch", type=int, default=64, help="sequences of one update, at most")
    flags.add_argument(
        "--min_updates",
        type=int,
        default=8,
        help="a small filtered set is cut into at least so many",
    )
    flags.add_argument("--clip", type=float, default=1.0, help="the largest gradient norm")
    flags.add_argument("--warmup", type=float, default=0.05, help="share of the updates")
    flags.add_argument("--weight_decay", type=float, default=0.0)
    flags.add_argument(
        "--row_tokens",
        type=int,
        default=16384,
        help="tokens that go through the model at once, at most",
    )
    flags.add_argument("--gpus", type=int, default=1, help="0 trains on the CPU")
    flags.add_argument(
        "--append_eos",
        type=boolean,
        default=False,
        help="end every response with the end-of-text token",
    )
    flags.add_argument("--entropy_rollouts", type=int, default=256)
    return flags.parse_args()


def set_environment() -> None:
    """Variables that torch reads when it is imported; what the user has set stays."""
    # Threads that spin while they wait made updates 100 times slower on two cores that other processes used as well.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Rows differ in length, and whole blocks that are freed and asked for again at another size would fragment.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    # In the work folder, so that the second step finds its kernels compiled.
    os.environ.setdefault(
        "TORCHINDUCTOR_CACHE_DIR", str(Path(".snakemake/torchinductor").resolve())
    )


def main() -> None:
    flags = arguments()
    set_environment()
    from ei.training.job import Job
    from ei.training.launch import launch
    from ei.training.schedule import Recipe

    names = [field.name for field in fields(Recipe) if field.name != "seed"]
    recipe = Recipe(seed=f"{flags.seed}/{flags.step}", **settings(flags, *names))
    used = settings(flags, *names, "seed", "step", "gpus", "append_eos", "entropy_rollouts")
    paths = settings(flags, *PATHS)
    job = Job(
        **paths,
        lineage=flags.lineage,
        step=flags.step,
        recipe=recipe,
        append_eos=flags.append_eos,
        entropy_rollouts=flags.entropy_rollouts,
        settings=used,
    )
    launch(job, flags.gpus, STARTED)


if __name__ == "__main__":
    run(main)
