#!/usr/bin/env python3
"""Say all that can be known of a run before a job on a GPU, in seconds: what fails, fails here.

    check.py --plan .cache/runs/results/demo.json

It looks at the model (can its class be sampled, trained and written back?), the tokenizer, the
prompts of all questions beside the context, and the room on the disk and in GPU memory. All that is
wrong is listed at once. Where the device is the CPU, the model's class is left to the first job.

A plan is what the workflow writes of a run when it starts: its settings, and where its files are.
What was checked before, with the same settings and the same files, is not checked again.
"""

import argparse
import functools
import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ei import stage

log = logging.getLogger("check")
Plan = dict[str, Any]


def state_of(plan: Path) -> str:
    """A hash of the plan, and of size and time of the files that are looked at."""
    found = json.loads(plan.read_text())
    folders = [Path(found["model"]), Path(found["data"])]
    files = [file for folder in folders for file in sorted(folder.glob("*")) if file.is_file()]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(f"{plan.read_text()}{stats}".encode()).hexdigest()


def of_prompts(plan: Plan, tokenizer: Any) -> list[Any]:
    """What is to be said of the prompts of all questions that the run asks.

    A run that shares its questions may have only those yet that its next job reads.
    """
    from ei import prompt
    from ei.files import read_columns
    from ei.model import folder
    from ei.preflight import prompts
    from ei.preflight.local import has_chat_template
    from ei.sampling.table import ASKED

    paths = {split: Path(plan["data"]) / f"{split}.parquet" for split in prompts.SPLITS}
    tables = {split: read_columns(path, *ASKED) for split, path in paths.items() if path.is_file()}
    model = Path(plan["model"])
    own, *probes = (prompt.read_template(Path(path)) for path in plan["prompts"])
    chats = has_chat_template(model)  # else those probes are left out
    templates = [own, *(probe for probe in probes if chats or not probe.chat)]
    asked = prompts.asked_by(plan["settings"], tables, templates)
    skip = plan["settings"]["data"]["skip_too_long"]
    return prompts.findings(asked, folder.context(model), tokenizer, skip)


def of_model(plan: Plan) -> Iterator[Any]:
    """What is to be said of the model's class and the GPU's memory; this imports torch."""
    from ei.model import architecture, folder
    from ei.preflight import gpu_room, machine
    from ei.preflight.finding import Finding, noting

    model, settings = Path(plan["model"]), plan["settings"]
    found: list[Finding] = []
    with noting(found):
        architecture.check(model)
    yield from found
    memory = [gpu["memory_gib"] for gpu in machine.gpus()]
    if not memory or found:
        return
    size = gpu_room.size_of(model)
    yield from gpu_room.of_sft(size, settings["sft"], min(memory))
    if settings["engine"] == "vllm":
        config, context = folder.read_config_json(model), folder.context(model)
        percent = settings["vllm"]["memory_percent"]
        yield from gpu_room.of_vllm(size, config, context, percent, min(memory))


def findings(plan: Plan) -> list[Any]:
    """All of them; a check that cannot be made because of an earlier finding is left out."""
    from ei.model import folder
    from ei.preflight import disk_room, machine
    from ei.preflight.finding import Finding, noting

    model, settings = Path(plan["model"]), plan["settings"]
    wanted = settings["sft"]["gpus"]
    found: list[Finding] = machine.findings(settings["engine"], settings["device"], wanted, wanted)
    tokenizer = functools.cache(lambda: folder.load_tokenizer(model))
    unusable: list[Finding] = []
    with noting(unusable):
        folder.check(model)
    if unusable:
        return found + unusable
    with noting(found):
        found += of_prompts(plan, tokenizer)
    found += disk_room.of_run(settings, model, Path(plan["run"]))
    if settings["device"] == "cuda":
        with noting(found):
            tokenizer()
        found += of_model(plan)
    return found


def read_flags() -> argparse.Namespace:
    parser = stage.parser(__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="a run's file in .cache/runs")
    return parser.parse_args()


def main() -> None:
    plan = read_flags().plan
    passed, state = plan.with_suffix(".passed"), state_of(plan)
    if passed.is_file() and passed.read_text(errors="replace") == state:
        return
    from ei.preflight.finding import report

    report(findings(json.loads(plan.read_text())), log)
    passed.write_text(state)


if __name__ == "__main__":
    stage.run(main)
