#!/usr/bin/env python3
"""Say all that can be known before the first GPU job, in seconds: what fails, fails here.

    check.py --settings '{"steps": 1, "seed": 0, "device": "cpu", "data": {"skip_too_long": false},
        "sample": {"questions": 8, "rollouts": 4, "max_tokens": 128},
        "eval": {"questions": 16, "max_tokens": 128}}' \\
        --machine results/demo/machine.json --policy workflow/demo/policy \\
        --data results/demo/data --prompts workflow/prompts/demo.txt --output example/check.json

It looks at the model (can its class be sampled and trained, and written back?), the tokenizer, the
prompts of the real questions beside the context, and the room on the disk and in GPU memory. All
that is wrong is listed at once. Where the device is the CPU, the model is left to the first job.
"""

import argparse
import functools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ei import prompt, stage
from ei.files import load_json, read_columns, stamp, write_json
from ei.model import folder
from ei.preflight import disk_room, prompts
from ei.preflight.finding import Finding, noting, report
from ei.preflight.local import has_chat_template
from ei.sampling.table import ASKED

log = logging.getLogger("check")


def read_flags() -> argparse.Namespace:
    """The flags: a run's settings, and the files that its first jobs read."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--settings", type=json.loads, required=True, help="the run's settings, as JSON")
    add("--machine", type=Path, required=True, help="machine.json")
    add("--policy", type=Path, required=True, help="the base model")
    add("--data", type=Path, required=True, help="the folder of the questions, from data.py")
    add("--prompts", type=Path, nargs="+", required=True, help="the run's own, then its probes'")
    add("--output", type=Path, required=True, help="check.json, in the run's folder")
    return parser.parse_args()


def of_prompts(flags: argparse.Namespace, tokenizer: Any) -> list[Finding]:
    """What is to be said of the prompts of all questions that the run asks."""
    train, *held_out = (
        read_columns(flags.data / f"{name}.parquet", *ASKED)
        for name in ("train", "validation", "development")
    )
    own, *probes = (prompt.read_template(path) for path in flags.prompts)
    chats = has_chat_template(flags.policy)  # else those probes are left out
    templates = [own, *(probe for probe in probes if chats or not probe.chat)]
    tables = dict(zip(("validation", "development"), held_out, strict=True))
    asked = prompts.asked_by(flags.settings, train, tables, templates)
    skip = flags.settings["data"]["skip_too_long"]
    return prompts.findings(asked, folder.context(flags.policy), tokenizer, skip)


def of_model(flags: argparse.Namespace) -> Iterator[Finding]:
    """What is to be said of the model's class and the GPU's memory; this imports torch."""
    from ei.model import architecture
    from ei.preflight import gpu_room

    found: list[Finding] = []
    with noting(found):
        architecture.check(flags.policy)
    yield from found
    memory = [gpu["memory_gib"] for gpu in load_json(flags.machine)["gpus"]]
    if not memory or found:
        return
    settings, size = flags.settings, gpu_room.size_of(flags.policy)
    yield from gpu_room.of_sft(size, settings["sft"], min(memory))
    if settings["engine"] == "vllm":
        config, context = folder.read_config_json(flags.policy), folder.context(flags.policy)
        percent = settings["vllm"]["memory_percent"]
        yield from gpu_room.of_vllm(size, config, context, percent, min(memory))


def findings(flags: argparse.Namespace) -> list[Finding]:
    """All of them; a check that cannot be made because of an earlier finding is left out."""
    found: list[Finding] = []
    tokenizer = functools.cache(lambda: folder.load_tokenizer(flags.policy))
    with noting(found):
        folder.check(flags.policy)
    if not found:
        with noting(found):
            found += of_prompts(flags, tokenizer)
        found += disk_room.of_run(flags.settings, flags.policy, flags.output.parent)
        if flags.settings["device"] == "cuda":
            with noting(found):
                tokenizer()
            found += of_model(flags)
    return found


def main() -> None:
    flags = read_flags()
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    warnings = report(findings(flags), log)
    write_json({"warnings": warnings}, flags.output, stamp("", {}))


if __name__ == "__main__":
    stage.run(main)
