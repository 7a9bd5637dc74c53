#!/usr/bin/env python3
"""Say in two sentences what was measured: expert iteration against plain SFT, and its steps against each other.

discuss.py --runs results/run.json results/sft/run.json --comparisons results/report/comparisons.json \\
    --output results/report/discussion.md

Below the sentences stand the numbers they come from.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ei import stage
from ei.analysis.choice import last_step
from ei.analysis.statistics import DRAWS
from ei.analysis.verdict import ALPHA, verdict
from ei.files import read_json, whole
from ei.prose.conclusion import Measured, two_sentences
from ei.prose.words import counted, figures, listed, percent
from ei.stage import UserError

Run = dict[str, Any]
NEEDS = (
    f"A difference is told where its 95 % interval (bootstrap over questions, {DRAWS:,} draws) leaves out 0 and"
    f" McNemar's exact p is below {ALPHA}; with several seeds, where that holds with each. Nothing is corrected for the"
    " number of comparisons."
)


def main_runs(runs: list[Run]) -> list[Run]:
    """The main run and its repeats with other seeds; without a main run, those of the first group."""
    steps = [run for run in runs if run["kind"] == "ei"]
    if not steps:
        raise UserError("none of the runs is one of expert iteration")
    group = "main" if any(run["group"] == "main" for run in steps) else steps[0]["group"]
    return [run for run in steps if run["group"] == group]


def discussion(runs: list[Run], comparisons: list[dict[str, Any]]) -> str:
    """The two sentences as the first paragraph, and under `Measured` a list of the numbers."""
    sentences = two_sentences(Measured(main_runs(runs), comparisons))
    lines = "\n".join(f"- {line}" for line in measured(runs, comparisons))
    return f"{sentences}\n\n## Measured\n\n{lines}\n"


def measured(runs: list[Run], comparisons: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the list."""
    seeds = [str(seed) for seed in sorted({run["seed"] for run in runs})]
    yield f"{counted(len(runs), 'run')}, {'seed' if len(seeds) == 1 else 'seeds'} {listed(seeds)}."
    for run in main_runs(runs):
        yield from of_run(run)
    for run in runs:
        if run["kind"] == "sft":
            yield f"{run['name']}: {one_evaluation(run['evaluations'][-1])}."
    names = {run["run"] for run in main_runs(runs)}
    for one in comparisons:
        if one["what"] == "main" or (one["what"] in ("base", "sft") and one["a"]["run"] in names):
            yield f"{side(one['a'])} against {side(one['b'])}: {compared(one)}."
    yield NEEDS


def of_run(run: Run) -> Iterator[str]:
    """The run's validation accuracy by step, its best step, whether it stopped early, and what was left out."""
    accuracies = ", ".join(f"{part['step']}: {one_evaluation(part)}" for part in run["evaluations"])
    asked = counted(run["evaluations"][0]["n"], "validation question")
    yield f"{run['name']}, {asked}, accuracy after step (with 95 % Wilson interval) {accuracies}."
    if run["best"]:
        best = run["best"]
        yield (
            f"{run['name']}, best of {counted(len(run['development']), 'evaluation')} of the"
            f" {counted(best['n'], 'question')} of the development split: step {best['step']}, {one_evaluation(best)}."
        )
    if run["stopped_after"] is not None:
        yield f"{run['name']} stopped early, after step {last_step(run)}."
    skipped = run["skipped_too_long"]
    if any(skipped.values()):
        yield (
            f"{run['name']}: left out as too long for the model, {counted(skipped['train'], 'question')} of the steps'"
            f" batches and {counted(skipped['validation'], 'question')} of the validation set."
        )


def one_evaluation(evaluation: dict[str, Any]) -> str:
    """68.8 % [64.6, 72.7]"""
    low, high = evaluation["accuracy_ci95"]
    return f"{percent(evaluation['accuracy'])} [{100 * low:.1f}, {100 * high:.1f}]"


def side(side: dict[str, Any]) -> str:
    """`G4 at step 5`"""
    return f"{side['name']} at step {side['step']}"


def compared(one: dict[str, Any]) -> str:
    """The verdict with its figures and the questions that differ."""
    word = {1: "better", -1: "worse", 0: "no difference can be told"}[verdict([one])]
    return f"{word} ({figures([one])}; of {one['n']:,} questions {one['only_a']} for, {one['only_b']} against)"


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="run.json files")
    parser.add_argument("--comparisons", type=Path, required=True, help="from compare.py")
    parser.add_argument("--output", type=Path, required=True)
    flags = parser.parse_args()
    text = discussion(
        [read_json(path) for path in flags.runs], read_json(flags.comparisons)["comparisons"]
    )
    with whole(flags.output) as partial:
        partial.write_text(text, encoding="utf-8")
    print(text.split("\n\n")[0])


if __name__ == "__main__":
    stage.run(main)
