"""What is said before any job: settings and local files with which no run can end well.

The rest is for check.py, which reads of the run in .cache/runs before a job on a GPU.
"""

# The settings that say whether a run can end well on a machine.
CHECKED = (
    *("steps", "seed", "engine", "device", "data", "traces"),
    *("sample", "eval", "sft", "vllm"),
)


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
