#!/usr/bin/env python3
"""Write the conclusion of an experiment in a few sentences, with the numbers behind it.

    compare.py --runs results/demo/run.json results/demo/sft/run.json \\
        --output example/comparisons.json
    discuss.py --runs results/demo/run.json results/demo/sft/run.json \\
        --comparisons example/comparisons.json --output example/discussion.md

The first sentence compares expert iteration with the SFT baseline, the second its steps with each
other. The next say what the controls allow to be claimed: runs that select otherwise, the base
policy under other prompts, pass@k. Below them stand the numbers that they come from.
"""

import argparse
from pathlib import Path

from ei import stage
from ei.files import read_comparisons, read_run, whole
from ei.prose import measured
from ei.prose.claims import claims
from ei.prose.conclusion import Measured, two_sentences
from ei.schema import Comparison, RunSummary

NUMBERS = "## Measured"


def main_runs(runs: list[RunSummary]) -> list[RunSummary]:
    """The main run and its repeats with other seeds; without one, the runs of the first group."""
    expert = [run for run in runs if run["kind"] == "ei"]
    if not expert:
        raise stage.UserError("none of the runs is one of expert iteration")
    group = "main" if any(run["group"] == "main" for run in expert) else expert[0]["group"]
    return [run for run in expert if run["group"] == group]


def discussion(runs: list[RunSummary], comparisons: list[Comparison]) -> str:
    """Markdown: the two sentences, what the controls allow to be claimed, and then the numbers.

    Each is a block of its own; the numbers are a list under `Measured`.
    """
    mains = main_runs(runs)
    found = Measured(mains, comparisons)
    conclusion = [two_sentences(found), " ".join(claims(found, runs))]
    numbers = "\n".join(f"- {line}" for line in measured.lines(runs, mains, comparisons))
    return "\n\n".join([*filter(None, conclusion), NUMBERS, numbers]) + "\n"


def read_flags() -> argparse.Namespace:
    """The flags: the runs, and what compare.py made of the same runs."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--runs", type=Path, nargs="+", required=True, metavar="FILE", help="run.json of each run")
    add("--comparisons", type=Path, required=True, help="what compare.py made of these runs")
    add("--output", type=Path, required=True, help="a Markdown file")
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    runs = [read_run(path) for path in flags.runs]
    text = discussion(runs, read_comparisons(flags.comparisons))
    with whole(flags.output) as partial:
        partial.write_text(text, encoding="utf-8")
    print(text.split(f"\n\n{NUMBERS}")[0])


if __name__ == "__main__":
    stage.run(main)
