#!/usr/bin/env python3
"""Kill runs at random moments, continue them, and compare what they end with.

    python benchmarks/chaos.py --kills 30 --folder /tmp/chaos --output chaos.md

The run is a small experiment on a CPU: two steps with two epochs each, a run of the sweep, an SFT
baseline, and the page. It is killed again and again until it is done, then begun anew in another
folder, until there were so many kills: by turns SIGKILL for all of its processes, SIGKILL for
Snakemake alone, SIGINT and SIGTERM. A run is equal if its tables, evaluations and policies have the
bytes of one that nobody disturbed.
"""

import argparse
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from ei.runs.settings import merge, with_preset  # noqa: E402

SMALL = {
    "steps": 2,
    "data": {"development": 8},
    "sample": {"questions": 24, "rollouts": 4, "batch": 8, "max_tokens": 96},
    "sft": {"batch": 8, "epochs": 2, "entropy_rollouts": 8},
    "eval": {"questions": 16, "batch": 8, "max_tokens": 96, "entropy_rollouts": 8},
}
SWEEP = {"sweep": {"epochs1": {"sft": {"epochs": 1}}}}
# How a run ends before its time: a name, the signal, and whether all of its processes get it.
WAYS = [
    ("SIGKILL, all", signal.SIGKILL, True),
    ("SIGKILL, Snakemake", signal.SIGKILL, False),
    ("SIGINT, all", signal.SIGINT, True),
    ("SIGTERM, Snakemake", signal.SIGTERM, False),
]
# What must be equal to the byte. Times of updates and of jobs are not.
EQUAL = ["rollouts.parquet", "scored.parquet", "filtered.parquet", "responses.parquet", "eval.json",
         "development.json", "best.json", "steps.csv", "comparisons.json", "discussion.md",
         "policy/*.safetensors"]  # fmt: skip


def prepare(folder: Path) -> None:
    """Write the experiment's settings into a new working folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    demo = yaml.safe_load((ROOT / "workflow/presets/demo.yaml").read_text())
    settings: dict[str, Any] = merge(with_preset(config, demo), SMALL) | SWEEP
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))


def command(folder: Path, *flags: str) -> list[str]:
    """Snakemake on all of the experiment, page and all."""
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "sweep",
        "--directory", str(folder), "--workflow-profile", str(ROOT / "profiles/default"),
        "--cores", "2", *flags,
    ]  # fmt: skip


def start(folder: Path) -> subprocess.Popen[bytes]:
    """A run in a process group of its own; what it prints goes to a file beside its folder."""
    with folder.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            command(folder), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def end(run: subprocess.Popen[bytes], number: int, everybody: bool) -> None:
    """Send the signal, and wait until the whole group is gone; stages left behind finish."""
    (os.killpg if everybody else os.kill)(run.pid, number)
    run.wait()
    while alive(run.pid):
        time.sleep(0.1)


def alive(group: int) -> bool:
    """Whether any process of the group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def unlock(folder: Path) -> None:
    subprocess.run(command(folder, "--unlock"), check=True, capture_output=True)


def digests(folder: Path) -> dict[str, str]:
    """{file: SHA-256} of what must be equal."""
    found = {}
    for pattern in EQUAL:
        for path in sorted(folder.glob(f"results/**/{pattern}")):
            # so_far/ has a page's stand-ins of a run while it is unfinished: they tell when it was
            # looked at, and nothing reads them later.
            if not path.name.startswith(".") and "so_far" not in path.parts:
                name = str(path.relative_to(folder))
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def finished_jobs(folder: Path) -> int:
    """Snakemake's records of files that were made: how far the run had come."""
    return len(list(folder.glob(".snakemake/metadata/*")))


def chaos(folder: Path, ways: Iterator[Any], longest: float, dice: random.Random) -> Any:
    """Yield (way, seconds, records) for each kill of one run, until it is done."""
    while True:
        run, seconds = start(folder), dice.uniform(1.0, longest)
        try:
            if run.wait(seconds) != 0:
                raise SystemExit(f"the run failed: see {folder.with_suffix('.log')}")
            return
        except subprocess.TimeoutExpired:
            name, number, everybody = next(ways)
            end(run, number, everybody)
        yield name, seconds, finished_jobs(folder)
        unlock(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how many at least")
    parser.add_argument("--longest", type=float, default=40.0, help="seconds until a kill, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, required=True, help="a new folder for the runs")
    parser.add_argument("--output", type=Path, required=True, help="the table, in Markdown")
    flags = parser.parse_args()
    dice, ways = random.Random(flags.seed), itertools.cycle(WAYS)
    calm = flags.folder / "calm"
    prepare(calm)
    began = time.monotonic()
    subprocess.run(command(calm), check=True)
    print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
    wanted, lines = digests(calm), ["| run | kill | after, s | files made |", "|---|---|---|---|"]
    kills, verdicts = 0, []
    for number in itertools.count(1):
        folder = flags.folder / f"run{number}"
        prepare(folder)
        for name, seconds, records in chaos(folder, ways, flags.longest, dice):
            kills += 1
            lines.append(f"| {number} | {name} | {seconds:.1f} | {records} |")
            print(lines[-1], flush=True)
        found = digests(folder)
        different = sorted(k for k in wanted.keys() | found if wanted.get(k) != found.get(k))
        verdicts.append({"run": number, "files": len(found), "different": different})
        print(json.dumps(verdicts[-1]), flush=True)
        if kills >= flags.kills:
            break
    lines += ["", *(f"- run {v['run']}: {v['files']} files, {len(v['different'])} different"
                    for v in verdicts)]  # fmt: skip
    flags.output.write_text("\n".join(lines) + "\n")
    sys.exit(1 if any(verdict["different"] for verdict in verdicts) else 0)


if __name__ == "__main__":
    main()
