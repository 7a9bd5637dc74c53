"""What rules ask for: settings, flags and paths, each from a job's wildcards."""

# The settings that say whether a run can end well on a machine.
CHECKED = (
    *("steps", "seed", "engine", "device", "data", "traces"),
    *("sample", "eval", "sft", "vllm"),
)


def settings_of(wildcards):
    """The settings of a job's run at its step; stops where the run cannot end well."""
    refuse_impossible(wildcards.run)
    return setting_rules.at_step(RUNS[wildcards.run].settings, step_of(wildcards))


@cache
def refuse_impossible(run):
    """Stop where two settings of a run contradict each other, or local files do not suit them.

    All reasons are said at once. The rest is for check.py, which reads of the run in .cache/runs
    before any job on a GPU.
    """
    try:
        experiment.refuse_contradictions(RUNS[run])
    except UserError as error:
        raise WorkflowError(str(error))
    settings = RUNS[run].settings
    model, data = settings["model"], settings["data"]
    folder = local(model) if os.path.isdir(local(model)) else fetched(model)
    files = {
        split: data[split] for split in ("train", "validation") if isinstance(data[split], str)
    }
    sources = {split: Path(local(path)) for split, path in files.items()}
    prompts = [Path(path) for path in prompt_files(settings)]
    found = local_findings(settings, Path(run), Path(folder), sources, prompts)
    for one in found:
        if not one.fatal:
            logger.warning(f"warning: {run}: {one.sentence}")
    if wrong := problems(found):
        raise WorkflowError(f"{run}: {wrong}")
    plan = {
        "run": run,
        "model": folder,
        "data": f"{run}/data",
        "prompts": [str(path) for path in prompts],
        "settings": {key: settings[key] for key in CHECKED if key in settings},
    }
    write_plan(Path(f".cache/runs/{run}.json"), plan)


def prompt_files(settings):
    """The run's prompt, and those of its probes."""
    names = [settings["prompt"], *(settings["probes"]["prompts"] or {}).values()]
    return list(dict.fromkeys(map(prompt_file, names)))


def step_of(wildcards):
    """The step that a job is for; 0 where it is for the whole run."""
    return int(getattr(wildcards, "step", 0))


def setting(*keys):
    """A params function: one value of the run's settings."""

    def get(wildcards):
        value = settings_of(wildcards)
        for key in keys:
            value = value[key]
        return value

    return get


def flags(section, *leave_out):
    """A params function: a section of the run's settings as command-line flags."""

    def get(wildcards):
        return setting_rules.flags(settings_of(wildcards)[section], leave_out)

    return get


def lineage(stage):
    """A params function: the hash of every setting that the output depends on."""

    def get(wildcards):
        settings = RUNS[wildcards.run].settings
        return lineages.lineage(settings, stage, step_of(wildcards))

    return get


def if_stale(output):
    """An input function: a file newer than this output if that was made with other settings.

    Else the same file, whose time does not matter then. Snakemake's own records mostly say as much,
    but they may be lost.
    """

    def get(wildcards):
        return MARKER if output.format(**dict(wildcards.items())) in STALE else ancient(MARKER)

    return get


def gpus(section=None):
    """A resources function: the GPUs of a job; none where the device is the CPU."""

    def get(wildcards):
        settings = settings_of(wildcards)
        if settings["device"] == "cpu":
            return 0
        return settings[section]["gpus"] if section else 1

    return get


def threads(wildcards):
    return settings_of(wildcards)["threads"]


def prompt(wildcards):
    return literal(prompt_file(settings_of(wildcards)["prompt"]))


def probe_prompt(wildcards):
    settings = probes.changed(settings_of(wildcards), wildcards.probe)
    return literal(prompt_file(settings["prompt"]))


def probe_flags(section, *more):
    """A params function: the flags of a section as a probe changes it, and `more` flags."""

    def get(wildcards):
        changed = probes.changed(settings_of(wildcards), wildcards.probe)[section]
        return [*setting_rules.flags(changed), *more]

    return get


def probe_lineage(stage):
    """A params function: the hash of every setting that a probe's output depends on."""

    def get(wildcards):
        settings = RUNS[wildcards.run].settings
        return lineages.probe_lineages(settings, wildcards.probe, step_of(wildcards))[stage]

    return get


def of_probes(name):
    """An input function: this file of each probe of the run."""

    def get(wildcards):
        run = wildcards.run
        found = probes.planned(RUNS[run].settings, last_step(run))
        return [f"{run}/step{step}/{probe}/{name}" for probe, step in found]

    return get


def scored_in(name):
    """An input function: the scored rollouts of a further round of the step, where there is one."""

    def get(wildcards):
        drawn = lineages.is_done(settings_of(wildcards), name)
        return [f"{wildcards.run}/step{wildcards.step}/{name}/scored.parquet"] if drawn else []

    return get


def rounds_so_far(wildcards):
    """The same of each step up to the job's."""
    return [path for name in rounds_of(wildcards) for path in so_far(name, 1)(wildcards)]


def rounds_of(wildcards):
    """Where the scored rollouts of the run's further rounds lie in a step's folder."""
    settings = RUNS[wildcards.run].settings
    return [f"{name}/scored.parquet" for name in ROUNDS if lineages.is_done(settings, name)]


def shards_of(kind):
    """An input function: the shards of a step's rollouts, or of its answers."""

    def get(wildcards):
        n = settings_of(wildcards)["shards"]
        folder = f"{wildcards.run}/step{wildcards.step}/{kind.format(**dict(wildcards.items()))}"
        return [f"{folder}/{k}-of-{n}.parquet" for k in range(n)]

    return get


def last_step(run):
    """The step that a run ends with: the last, or the one at which early stopping ends it."""
    steps, patience = RUNS[run].settings["steps"], RUNS[run].settings["early_stopping"]["patience"]
    for step in range(1, steps) if patience else ():
        best = checkpoints.best_so_far.get(run=run, step=step).output[0]
        if json.loads(Path(best).read_text())["since_best"] >= patience:
            return step
    return steps


def of_steps(name, first=0):
    """An input function: this file of each step of the run."""

    def get(wildcards):
        run = wildcards.run
        return [f"{run}/step{step}/{name}" for step in range(first, last_step(run) + 1)]

    return get


def so_far(name, first=0):
    """An input function: this file of each step up to the job's."""

    def get(wildcards):
        return [f"{wildcards.run}/step{n}/{name}" for n in range(first, int(wildcards.step) + 1)]

    return get


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


def shared_from(wildcards):
    return SHARED[wildcards.shared]


def base_model(run):
    """The folder of the run's base model: a local one, or where `rule model` puts it."""
    model = RUNS[run].settings["model"]
    if os.path.isdir(local(model)):
        return literal(local(model))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+@[\w.-]+", model):
        raise WorkflowError(
            f"model: {model!r} is neither a folder nor a hub id with a revision (org/name@revision)"
        )
    return fetched(model)


def fetched(model):
    """Where `rule model` puts a model of the hub."""
    return "models/" + "--".join(Path(model).parts)


def known_model(run):
    """The same folder, whatever its time: its content, or its revision, is in all lineages."""
    return ancient(base_model(run))


def machine_for_model(wildcards):
    """The machine check of the first run that needs the model: no download in vain."""
    folder = f"models/{wildcards.org}--{wildcards.name}@{wildcards.revision}"
    first = next(run for run in RUNS if base_model(run) == folder)
    return ancient(f"{first}/machine.json")


def machine_for_data(wildcards):
    return ancient(f"{wildcards.run}/machine.json")


def source_files(wildcards):
    """The files of the questions; a data set of the hub is no file."""
    data = settings_of(wildcards)["data"]
    files = {
        split: data[split] for split in ("train", "validation") if isinstance(data[split], str)
    }
    for split, path in files.items():
        if split not in data.get("sha256", {}):
            raise WorkflowError(f"data.{split}: the file {path} does not exist")
    return [literal(local(path)) for path in files.values()]


def source(split):
    """A params function: where a split comes from, as data.py takes it."""

    def get(wildcards):
        value = settings_of(wildcards)["data"][split]
        return local(value) if isinstance(value, str) else json.dumps(value, sort_keys=True)

    return get


def initial_policy(wildcards):
    """The weights that training starts from: those that sampled, or the base model's."""
    if settings_of(wildcards)["sft"]["init"] == "base":
        return known_model(wildcards.run)
    return policy(wildcards.run, int(wildcards.step) - 1)


def replayed(wildcards):
    """What the steps before this one kept, where it is trained on again."""
    earlier = settings_of(wildcards)["sft"].get("replay") == "all"
    steps = range(1, step_of(wildcards)) if earlier else ()
    return [f"{wildcards.run}/step{step}/filtered.parquet" for step in steps]


def base_policy(wildcards):
    return known_model(wildcards.run)


def verdicts_before(wildcards):
    """The verdicts of the step before: the same answers to the same questions come again."""
    step = int(wildcards.step) - 1
    return [f"{wildcards.run}/step{step}/scored.pairs.parquet"] if step else []


def traces_file(wildcards):
    """The traces of an SFT baseline, where they are in a file."""
    traces = settings_of(wildcards)["traces"]
    return [literal(local(traces))] if traces else []


def traces_flag(wildcards, input):
    return ["--traces", *input.traces] if input.traces else []


def shown_so_far(wildcards):
    """What was shown of the steps before: with early stopping nothing else asks for it in time."""
    return [f"{wildcards.run}/step{n}/so_far.json" for n in range(int(wildcards.step))]


def lineage_of_last(wildcards):
    run = wildcards.run
    return lineages.lineage(RUNS[run].settings, "metrics", last_step(run))


def best_policy(wildcards):
    run = wildcards.run
    best = checkpoints.best_so_far.get(run=run, step=last_step(run)).output[0]
    return policy(run, json.loads(Path(best).read_text())["step"])


def exported_policy(wildcards):
    """The best policy; without questions to choose it on, the last one."""
    run = wildcards.run
    return f"{run}/best/policy" if RUNS[run].develops else policy(run, last_step(run))


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
