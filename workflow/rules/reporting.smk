"""What the files of whole runs and experiments are made from, and which runs there are."""


def of_experiment(experiment, kind=None):
    """The folders of an experiment's runs, the main run first."""
    return [
        run.folder
        for run in RUNS.values()
        if run.experiment == experiment and kind in (None, run.kind)
    ]


def finished(*runs):
    """What finished runs leave at the top of their folders; it depends on all that is below."""
    names = ["steps.csv", "run.json"]
    names += [f"plots/{name}.{kind}" for name in OF_RUN for kind in ("png", "svg")]
    found = [f"{run}/{name}" for run in runs for name in names]
    for run in runs:
        found += [f"{run}/best/best.json", f"{run}/best/policy"] if RUNS[run].develops else []
    return found


def of_preset(preset, report=False):
    """What a preset's target makes: its main run, or all of its runs and the page.

    A preset that repeats its runs with several seeds is a study, and always makes all.
    """
    folder = f"results/{preset}"
    if not report and not PRESETS[preset].get("seeds"):
        return finished(folder)
    return finished(*of_experiment(folder)) + [f"{folder}/report/index.html"]


def records_of_jobs(wildcards):
    """The benchmark records of every job that made a file of the run, wherever it ran."""
    run = wildcards.run
    made = (RUNS[run], RUNS, SHARED, last_step(run))
    return sharing.records(*made) + sharing.records_of_probes(*made)


def records_so_far(wildcards):
    """The same as far as the job's step."""
    run = wildcards.run
    return sharing.records(RUNS[run], RUNS, SHARED, int(wildcards.step))


def identity(wildcards, input):
    """What a run is, as flags of summarize.py."""
    run = RUNS[wildcards.run]
    return setting_rules.flags(
        {
            "name": run.name,
            "group": run.group,
            "kind": run.kind,
            "seed": run.settings["seed"],
            "steps": len(input.evaluations) - 1,
            "settings": setting_rules.scientific(run.settings),
            "changes": run.changes,
        }
    )


def target_accuracy(wildcards):
    """The line to draw into plots of accuracy, as a flag of plots.py; none where none is set."""
    run = getattr(wildcards, "run", None) or wildcards.experiment
    target = RUNS[run].settings["target_accuracy"]
    return setting_rules.flags({"target_accuracy": target})


def summaries(wildcards):
    return [f"{run}/run.json" for run in of_experiment(wildcards.experiment)]


def graded(wildcards):
    """The graded validation responses of every step and probe of the reported runs."""
    found = []
    for run in of_experiment(wildcards.experiment):
        last = last_step(run)
        found += [f"{run}/step{step}" for step in range(last + 1)]
        planned = probes.planned(RUNS[run].settings, last)
        found += [f"{run}/step{step}/{probe}" for probe, step in planned]
    return [f"{folder}/responses.parquet" for folder in found]


def shown_before(wildcards):
    """What every page so far was made after, so that none takes the place of the final one."""
    return [
        f"{run}/step{step}/so_far.json"
        for run in of_experiment(wildcards.experiment)
        for step in range(last_step(run) + 1)
    ]


def browsed(wildcards):
    """The rollouts of the main run, which the page shows."""
    run = wildcards.experiment
    names = ("scored.parquet", "filtered.parquet")
    return [f"{run}/step{n}/{name}" for n in range(1, last_step(run) + 1) for name in names]
