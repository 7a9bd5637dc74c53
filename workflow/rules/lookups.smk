"""What rules ask for: settings, flags and paths, each from a job's wildcards."""


def settings_of(wildcards):
    """The settings of a job's run at its step; stops where the run cannot end well."""
    refuse_impossible(wildcards.run)
    return setting_rules.at_step(RUNS[wildcards.run].settings, step_of(wildcards))


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


def priority_of_evaluation(wildcards):
    """Before later sampling, so that curves grow while runs go on; after it where there are shards.

    Who sets `shards` wants one run to be fast, and its next step waits for sampling alone. Its
    evaluations then take the GPUs that training leaves free. Sampling has priority 10, probes 0.
    """
    return 30 if settings_of(wildcards)["shards"] == 1 else 5


def threads(wildcards):
    return settings_of(wildcards)["threads"]


def prompt(wildcards):
    return literal(prompt_file(settings_of(wildcards)["prompt"]))


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
    """An input function: the shards of a step's rollouts, of its first round or a further one."""

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
