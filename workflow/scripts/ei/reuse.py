"""Which of its first step's rollouts a run takes from others, and what sharing saves.

A rollout of step 1 is drawn from the base policy, and its random draw depends on (seed, step, question, sample)
alone. The questions of D_b = 512 are the first of those of 1,024, the rollouts of G = 4 the first of those of 8. So
what a run draws in step 1 is a rectangle D_b x G with one corner at the first rollout of the first question, and of two
runs that differ in nothing else, each can take the part of the other's rectangle that lies within its own.

What is promised is that a rollout is drawn with the same random numbers, whoever draws it. An engine whose sums depend
on what else is in a batch may round a probability otherwise, and then, rarely, another token is drawn, as it may be
with another number of shards.
"""

from collections.abc import Iterable, Mapping, Sequence, Set

from ei.plan import EVALUATION, Run, lineage, merge, paths, stages

Rectangle = tuple[int, int]  # (questions, rollouts of each)
Sources = Mapping[str, Mapping[str, Rectangle]]


def rectangle(run: Run) -> Rectangle:
    """The rollouts of a step of the run."""
    sample = run.settings["sample"]
    return sample["questions"], sample["rollouts"]


def family(run: Run) -> str:
    """Equal for runs whose first rollouts differ in nothing but how many they are."""
    any_size = merge(run.settings, {"sample": {"questions": None, "rollouts": None}})
    return f"{run.experiment} {lineage(any_size, 'sample', 1)}"


def cover(wanted: Rectangle, offered: Mapping[str, Rectangle]) -> dict[str, Rectangle]:
    """The fewest of the offered rectangles that hold all that can be had of the wanted one, cut to it.

    Of equal ones the first is taken. The most questions come first, the most rollouts last.
    """
    cut = {name: (min(d, wanted[0]), min(g, wanted[1])) for name, (d, g) in offered.items()}
    found: dict[str, Rectangle] = {}
    for name, (d, g) in sorted(cut.items(), key=lambda item: (-item[1][0], -item[1][1])):
        if all(g > other for _, other in found.values()):
            found[name] = (d, g)
    return found


def area(steps: Iterable[Rectangle]) -> int:
    """The rollouts in the union of what `cover` found."""
    total = below = 0
    for d, g in steps:
        total += d * (g - below)
        below = g
    return total


def sources(all_runs: Mapping[str, Run]) -> dict[str, dict[str, Rectangle]]:
    """{run: {earlier run of its experiment: the part of its first rollouts to take}}, where there is any.

    A run that wants just what an earlier one draws is not among them: it has a link.
    """
    drawn: dict[str, dict[str, Rectangle]] = {}
    seen: set[str] = set()
    found = {}
    for name, run in all_runs.items():
        line = lineage(run.settings, "sample", 1)
        if run.kind != "ei" or line in seen:
            continue
        seen.add(line)
        earlier = drawn.setdefault(family(run), {})
        if earlier:
            found[name] = cover(rectangle(run), earlier)
        earlier[name] = rectangle(run)
    return found


def covered(run: Run, taken: Mapping[str, Rectangle]) -> bool:
    """Whether what the run takes from others is all it wants."""
    return rectangle(run) in taken.values()


def saved(
    jobs: Sequence[tuple[str, Sequence[str]]], all_runs: Mapping[str, Run], taken: Sources
) -> str | None:
    """What sharing saves of the planned jobs, in a line, from each one's rule and outputs; None if it saves nothing.

    A link is no job; it stands for those of the stage whose artifacts it is to. `taken` is what `sources` found.
    """
    linked = {path for rule, outputs in jobs if rule == "share" for path in outputs}
    made = {path for rule, outputs in jobs if rule == "gather" for path in outputs}
    spared = wanted = drawn = 0
    for name, run in all_runs.items():
        spared += sum(jobs_of(run, stage) for _, stage in linked_stages(run, linked))
        first = f"{name}/step1/rollouts.parquet"
        known = taken.get(name, {})
        if run.kind == "ei" and first in linked | made:
            wanted += area([rectangle(run)])
        if first in made:
            drawn += area([rectangle(run)]) - area(known.values())
            spared += run.settings["shards"] if covered(run, known) else 0
    total = sum(rule != "share" for rule, _ in jobs) + spared
    rollouts = f" (step 1 draws {drawn:,} rollouts instead of {wanted:,})" if drawn < wanted else ""
    return f"sharing saves {spared} of {total} jobs{rollouts}" if spared else None


def linked_stages(run: Run, links: Set[str]) -> list[tuple[int, str]]:
    """(step, stage) of which some artifact is among the links."""
    return [(step, stage) for stage, step, _ in stages(run) if links & set(paths(run, stage, step))]


def jobs_of(run: Run, stage: str) -> int:
    """How many jobs a stage of a step is."""
    sharded = stage == "eval" or (stage == "sample" and run.kind == "ei")
    return (run.settings["shards"] if sharded else 0) + (
        2 if run.develops and stage in EVALUATION else 1
    )
