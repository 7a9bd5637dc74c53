"""What is said at the terminal; the thinking is in workflow/scripts/ei/terminal.py."""

from snakemake.logging import logger

from ei.terminal import listen


def called(run):
    """What a run is called there: "main", "G16", "demo", "demo G2"."""
    preset = "" if run.experiment == "results" else Path(run.experiment).name
    return " ".join(filter(None, [preset, "" if preset and run.name == "main" else run.name]))


listen(logger, {folder: called(run) for folder, run in RUNS.items()})
