"""Which files runs share: equal lineages are equal files, and a later run links to them."""

from collections.abc import Iterator, Mapping

from ei.runs import probes
from ei.runs.experiment import Run
from ei.runs.lineage import PROBE_STAGES, STAGES, folder, lineage, probed, shards, work


def artifacts(run: Run) -> Iterator[tuple[str, str]]:
    """(path, identity) of every file that runs could share; equal identities are equal files."""
    known: dict[tuple[str, int], str] = {}
    for stage, step in work(run):
        line = lineage(run.settings, stage, step, known)
        for name in STAGES[stage].leaves:
            yield f"{folder(run, stage, step)}/{name}", f"{line}/{name.rsplit('/', 1)[-1]}"
    for probe, step, lines in probed(run):
        for stage, line in lines.items():
            for name in STAGES[stage].leaves:
                yield f"{run.folder}/step{step}/{probe}/{name}", f"{line}/{probe}/{name}"


def shared(all_runs: Mapping[str, Run]) -> dict[str, str]:
    """{file: the equal file of an earlier run}, for every file that need not be made again."""
    first: dict[str, str] = {}
    links = {}
    for run in all_runs.values():
        for path, identity in artifacts(run):
            if first.setdefault(identity, path) != path:
                links[path] = first[identity]
    return links


def records(
    run: Run, all_runs: Mapping[str, Run], links: Mapping[str, str], last: int
) -> list[str]:
    """The benchmark records of the jobs that made a run's files up to step `last`, but of probes.

    Probes are made when nothing else is to do, so a step does not wait for them.
    """
    found = []
    for stage, step in work(run, last):
        made_by = owner(run, stage, step, all_runs, links)
        place = f"{folder(made_by, stage, step)}/benchmarks"
        found += [f"{place}/{name}.jsonl" for name in jobs(made_by, stage)]
    return found


def records_of_probes(
    run: Run, all_runs: Mapping[str, Run], links: Mapping[str, str], last: int
) -> list[str]:
    """The same of the probes of a run that ends with step `last`."""
    found = []
    for probe, step in probes.planned(run.settings, last):
        responses = f"{run.folder}/step{step}/{probe}/responses.parquet"
        made_by = owner_of(responses, run, all_runs, links)
        place = f"{made_by.folder}/step{step}/benchmarks/{probe}"
        for stage in PROBE_STAGES:
            found += [f"{place}/{name}.jsonl" for name in jobs(made_by, stage)]
    return found


def jobs(run: Run, stage: str) -> Iterator[str]:
    """What the run's jobs of a stage are called in logs and benchmark records."""
    count = shards(run.settings, stage)
    for rule in STAGES[stage].rules:
        if rule in STAGES[stage].sharded:
            yield from (f"{rule}-{k}-of-{count}" for k in range(count))
        else:
            yield rule


def owner(
    run: Run, stage: str, step: int, all_runs: Mapping[str, Run], links: Mapping[str, str]
) -> Run:
    """The run whose jobs do the stage: this one, or the one that it links to.

    Answers have no links of their own; they were drawn where they were graded.
    """
    leaves = STAGES["grade" if stage == "eval" else stage].leaves
    return owner_of(f"{folder(run, stage, step)}/{leaves[0]}", run, all_runs, links)


def owner_of(path: str, run: Run, all_runs: Mapping[str, Run], links: Mapping[str, str]) -> Run:
    """The run whose job makes a file of this run: this one, or the one that the file links to."""
    if path not in links:
        return run
    return all_runs[links[path].removesuffix(path.removeprefix(run.folder))]
