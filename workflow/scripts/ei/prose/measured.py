"""The numbers behind the conclusion, as the lines of a list."""

from collections.abc import Iterator, Sequence

from ei.analysis.choice import last_step
from ei.analysis.statistics import DRAWS
from ei.analysis.verdict import ALPHA, Verdict, verdict
from ei.prose.words import counted, figures, listed, percent, points, with_interval
from ei.schema import BestStep, Comparison, Evaluation, RunSummary, Side

RULE = (
    f"We report a difference when its 95 % interval (bootstrap over questions, {DRAWS:,} draws)"
    f" excludes 0 and McNemar's exact p is below {ALPHA}; with several seeds, when that holds for"
    " each. There is no correction for multiple comparisons."
)
OUTCOMES = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.UNCLEAR: "no significant difference",
}


def lines(
    runs: Sequence[RunSummary], main_runs: Sequence[RunSummary], comparisons: Sequence[Comparison]
) -> Iterator[str]:
    """What there is, the main runs, the SFT baselines, how they compare, and the rule for that."""
    seeds = [str(seed) for seed in sorted({run["seed"] for run in runs})]
    yield f"{counted(len(runs), 'run')}, {'seed' if len(seeds) == 1 else 'seeds'} {listed(seeds)}."
    for run in main_runs:
        yield from of_run(run)
    for run in runs:
        if run["kind"] == "sft":
            yield f"{run['name']}: {accuracy(run['evaluations'][-1])}."
    names = {run["run"] for run in main_runs}
    for one in comparisons:
        of_main = one["what"] in ("base", "sft") and one["a"]["run"] in names
        if of_main or one["what"] == "main":
            yield f"{side(one['a'])} against {side(one['b'])}: {outcome(one)}."
    yield from between_seeds(main_runs)
    yield RULE


def between_seeds(main_runs: Sequence[RunSummary]) -> Iterator[str]:
    """How far seeds alone are apart, which the intervals over questions do not hold."""
    ends = [run["evaluations"][-1]["accuracy"] for run in main_runs]
    if len(ends) > 1:
        apart = points(max(ends) - min(ends)).lstrip("+")
        yield (
            f"The {len(ends)} seeds of main end up to {apart} points apart: between runs of one"
            " seed each, a difference of that size may be chance, whatever its interval over"
            " questions."
        )


def of_run(run: RunSummary) -> Iterator[str]:
    """Validation accuracy by step, the best step, an early stop, and questions left out."""
    name, evaluations, best = run["name"], run["evaluations"], run["best"]
    by_step = ", ".join(f"{one['step']}: {accuracy(one)}" for one in evaluations)
    validation = counted(evaluations[0]["n"], "validation question")
    yield f"{name}, {validation}, accuracy after each step [95 % Wilson interval]: {by_step}."
    if best:
        tried = counted(len(run["development"]), "evaluation")
        yield (
            f"{name}, best of {tried} on {counted(best['n'], 'development question')}:"
            f" step {best['step']}, {accuracy(best)}."
        )
    yield from of_probes(run)
    if run["stopped_after"] is not None:
        yield f"{name} stopped early, after step {last_step(run)}."
    skipped = run["skipped_too_long"]
    if any(skipped.values()):
        yield (
            f"{name} left out questions that are too long for the model: {skipped['train']:,} of"
            f" its training batches, {skipped['validation']:,} of the validation set."
        )


def of_probes(run: RunSummary) -> Iterator[str]:
    """The base policy's accuracy under other prompts, and pass@k where it was measured."""
    name, prompts = run["name"], run.get("prompts", {})
    if prompts:
        each = ", ".join(f"{prompt}: {accuracy(one)}" for prompt, one in prompts.items())
        n = counted(next(iter(prompts.values()))["n"], "validation question")
        yield f"{name}, the base policy under other prompts, {n}, a box being enough: {each}."
    for one in run.get("samples", []):
        tries = ", ".join(f"{k}: {percent(p)}" for k, p in one.get("pass_at_k", {}).items())
        n = counted(one["n"], "validation question")
        yield f"{name} at step {one['step']}, pass@k over {n}: {tries}."


def accuracy(evaluation: Evaluation | BestStep) -> str:
    """`68.8 % [64.6, 72.7]`"""
    return with_interval(evaluation["accuracy"], evaluation["accuracy_ci95"])


def side(side: Side) -> str:
    """`G4 at step 5`"""
    return f"{side['name']} at step {side['step']}"


def outcome(one: Comparison) -> str:
    """The verdict with its figures, and how many questions speak for either side."""
    questions = f"of {one['n']:,} questions {one['only_a']} for, {one['only_b']} against"
    return f"{OUTCOMES[verdict([one])]} ({figures([one])}; {questions})"
