#!/usr/bin/env python3
"""Train a policy on its own correct rollouts: policy n-1 and filtered.parquet make policy n.

    sft.py --policy workflow/demo/policy --init workflow/demo/policy \\
        --base workflow/demo/policy --filtered results/demo/step1/filtered.parquet \\
        --rollouts results/demo/step1/rollouts.parquet --seed 0 --step 1 --gpus 0 --epochs 1 \\
        --row_tokens 1024 --output example/policy --training example/training.parquet

Beside training.parquet, one row for every update, it writes training.json (a summary, with the
entropy of the policy that sampled) and tensorboard/. docs/sft.md explains the settings.
"""

import time

STARTED = time.perf_counter()  # before the imports, which take most of a short training's time

import argparse  # noqa: E402
import functools  # noqa: E402
import os  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from ei import stage  # noqa: E402
from ei.training.recipe import Options, Recipe  # noqa: E402

if TYPE_CHECKING:
    from ei.training.processes import World

PATHS = {
    "policy": "policy n-1, which sampled the rollouts",
    "init": "the policy that training starts from",
    "base": "the base policy, whose tokenizer and configuration the new policy gets",
    "filtered": "filtered.parquet, the rollouts to train on",
    "rollouts": "rollouts.parquet, on which the sampling policy's entropy is measured",
    "output": "the folder of policy n",
    "training": "training.parquet, one row for every update",
}


def set_environment() -> None:
    """Set variables that torch reads when it is imported, unless the user has set them."""
    # Threads that spin while waiting made updates 100 times slower on two cores that other
    # processes used as well.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Rows differ in length: whole blocks, freed and asked for again at another size, would
    # fragment.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    # In the work folder, so that the second step finds its kernels compiled.
    cache = Path(".snakemake/torchinductor").resolve()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))


def read_flags() -> argparse.Namespace:
    """The flags: paths, identities, and the keys of config.yaml's section `sft`."""
    parser = stage.parser(__doc__)
    for name, text in PATHS.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    parser.add_argument(
        "--replayed",
        type=Path,
        nargs="*",
        default=[],
        help="filtered.parquet of earlier steps, in their order, to train on as well",
    )
    parser.add_argument("--seed", type=int, required=True, help="of the run")
    parser.add_argument("--step", type=int, required=True, help="n, the step of the new policy")
    stage.add_lineage(parser)
    stage.add_settings(parser, Recipe)
    stage.add_settings(parser, Options)
    return parser.parse_args()


def train(job: dict[str, Any], started: float, world: "World") -> None:
    """One process's part of the job, whose fields are given; its imports start threads."""
    from ei.training.job import Job, run_job

    run_job(Job(**job), started, world)


def main() -> None:
    flags = read_flags()
    recipe = stage.settings_from(flags, Recipe, seed=f"{flags.seed}/{flags.step}")
    options = stage.settings_from(flags, Options)
    set_environment()
    from ei.training.processes import launch

    job = {
        **stage.settings(flags, *PATHS, "replayed", "lineage", "step"),
        "recipe": recipe,
        "options": options,
        "settings": {**asdict(recipe), **asdict(options), **stage.settings(flags, "seed", "step")},
    }
    launch(functools.partial(train, job, STARTED), options.gpus)


if __name__ == "__main__":
    stage.run(main)
