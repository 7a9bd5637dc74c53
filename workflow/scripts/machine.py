#!/usr/bin/env python3
"""Write down the machine that a run starts on, and stop where it lacks what the run needs.

    machine.py --engine transformers --device cpu --gpus 0 --sft_gpus 1 \\
        --output example/machine.json

Run by gpurun.py it fails where a GPU is needed and none is there, before anything is downloaded.
"""

import logging
from pathlib import Path

from ei import stage
from ei.files import stamp, write_json
from ei.preflight.finding import report
from ei.preflight.machine import findings, machine

log = logging.getLogger("machine")


def main() -> None:
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--engine", choices=["vllm", "transformers"], required=True, help="what is to sample")
    add("--device", choices=["cuda", "cpu"], required=True, help="where the policy is to run")
    add("--gpus", type=int, required=True, help="how many GPUs were granted")
    add("--sft_gpus", type=int, required=True, help="how many SFT wants")
    add("--output", type=Path, required=True, help="the JSON file to write")
    flags = parser.parse_args()
    report(findings(flags.engine, flags.device, flags.gpus, flags.sft_gpus), log)
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(machine(flags.output.parent), flags.output, stamp("", {}))


if __name__ == "__main__":
    stage.run(main)
