"""The paths between rules: what a job reads, and what a run leaves behind."""

RUN_PLOTS = [f"plots/{name}.{kind}" for name in ("accuracy", "entropy") for kind in ("png", "svg")]


def base_model(run):
    """The folder of the run's base model: a local one, or where `rule model` puts it."""
    model = RUNS[run].settings["model"]
    if os.path.isdir(local(model)):
        return local(model)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+@[\w.-]+", model):
        raise WorkflowError(
            f"model: {model!r} is neither a folder nor a hub id with a revision (org/name@revision)"
        )
    return "models/" + "--".join(Path(model).parts)


def policy_of(run, step):
    """The policy that a step ends with; step 0 is the base model."""
    return f"{run}/step{step}/policy" if step else base_model(run)


def policy_before(wildcards):
    return policy_of(wildcards.run, int(wildcards.step) - 1)


def policy_after(wildcards):
    return policy_of(wildcards.run, int(wildcards.step))


def policy_init(wildcards):
    """The weights that training starts from."""
    start = settings_of(wildcards)["sft"]["init"]
    return policy_before(wildcards) if start == "previous" else base_model(wildcards.run)


def policy_base(wildcards):
    return base_model(wildcards.run)


def shards_of(kind):
    """An input function: the shards of a step's rollouts, or of its answers; none where other runs drew them all."""

    def get(wildcards):
        if kind == "rollouts" and reuse.covered(RUNS[wildcards.run], known_to(wildcards)):
            return []
        n = settings_of(wildcards)["shards"]
        return [f"{wildcards.run}/step{wildcards.step}/{kind}/{k}-of-{n}.parquet" for k in range(n)]

    return get


def known_to(wildcards):
    """{run: the part of its first rollouts that this step takes}."""
    return KNOWN.get(wildcards.run, {}) if wildcards.step == "1" else {}


def known_rollouts(wildcards):
    """Rollouts that need not be drawn again; made anew they would be the same, so their age does not matter."""
    return [ancient(f"{run}/step1/rollouts.parquet") for run in known_to(wildcards)]


def taken(wildcards, input):
    """What is to be taken from `known_rollouts`, as flags of gather.py."""
    if not input.known:
        return []
    settings = settings_of(wildcards)
    sample = {name: settings["sample"][name] for name in ("questions", "rollouts")}
    whose = plan.flags({**sample, "seed": settings["seed"], "step": 1})
    return ["--known", *input.known, "--data", *input.data, *whose]


def development(wildcards):
    """The questions that are kept back, if any are."""
    return [f"{wildcards.run}/data/development.parquet"] if RUNS[wildcards.run].develops else []


def source(split):
    """A params function: a split's source as data.py takes it."""

    def get(wildcards):
        value = settings_of(wildcards)["data"][split]
        return local(value) if isinstance(value, str) else json.dumps(value, sort_keys=True)

    return get


def source_files(wildcards):
    """The splits' files; a data set of the hub is no file."""
    data = settings_of(wildcards)["data"]
    return [local(data[split]) for split in ("train", "validation") if isinstance(data[split], str)]


def traces_file(wildcards):
    """The traces of an SFT baseline, where they are in a file."""
    traces = settings_of(wildcards)["traces"]
    return [local(traces)] if traces else []


def last_step(run):
    """The step that a run ends with: the last, or the one at which its patience with no better step is over."""
    steps, patience = RUNS[run].settings["steps"], RUNS[run].settings["stop"]["patience"]
    for step in range(1, steps) if patience else ():
        found = json.loads(
            Path(checkpoints.best_so_far.get(run=run, step=step).output[0]).read_text()
        )
        if found["since_best"] >= patience:
            return step
    return steps


def of_steps(name, first=0):
    """An input function: the artifact of each step of the run."""

    def get(wildcards):
        return [
            f"{wildcards.run}/step{step}/{name}"
            for step in range(first, last_step(wildcards.run) + 1)
        ]

    return get


def up_to_step(name):
    """An input function: the artifact of each step up to this one."""

    def get(wildcards):
        return [f"{wildcards.run}/step{step}/{name}" for step in range(int(wildcards.step) + 1)]

    return get


def kept_by(run):
    """What a run's stages leave behind; policies may be deleted to save disk, so they are not asked for."""
    return [path for path in plan.kept(RUNS[run], last_step(run)) if Path(path).name != "policy"]


def finished(*runs):
    """An input function: the runs' artifacts, tables and plots."""

    def get(wildcards):
        found = []
        for run in runs:
            try:
                found += kept_by(run)
            except IncompleteCheckpointException as open_question:
                found.append(
                    open_question.targetfile
                )  # and on to the next run: none waits for another's decision
                continue
            found += [f"{run}/{name}" for name in ("steps.csv", "run.json", *RUN_PLOTS)]
            found += [f"{run}/best/best.json"] if RUNS[run].develops else []
        return found

    return get


def of_experiment(experiment, kind=None):
    """The folders of an experiment's runs, the main run first."""
    return [
        run.folder
        for run in RUNS.values()
        if run.experiment == experiment and kind in (None, run.kind)
    ]


def whole_target(experiment):
    """The target that makes every run of an experiment, and its page."""
    return "sweep" if experiment == "results" else f"{Path(experiment).name}_report"


def reported(wildcards):
    """run.json of the main run and of the experiment's finished runs; of all, where all are to be made."""
    experiment = wildcards.experiment
    everything = whole_target(experiment) in (workflow.dag_settings.targets or ())
    return [
        f"{run}/run.json"
        for run in of_experiment(experiment)
        if everything or run == experiment or os.path.exists(f"{run}/steps.csv")
    ]


def shared_source(wildcards):
    return SHARED[wildcards.shared]
