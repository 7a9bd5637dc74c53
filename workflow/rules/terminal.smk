"""What is said at the terminal; the thinking is in workflow/scripts/ei/terminal.py."""

from snakemake.logging import logger

from ei.cost.telling import Estimate
from ei.terminal import listen


def called(run):
    """What a run is called there: "main", "G16", "demo", "demo G2"."""
    preset = "" if run.experiment == "results" else Path(run.experiment).name
    return " ".join(filter(None, [preset, "" if preset and run.name == "main" else run.name]))


def there(path):
    """Whether a file is up to date, or a link to another run's will be made in its place."""
    return path in SHARED or (os.path.exists(path) and path not in STALE)


if listen(logger, {folder: called(run) for folder, run in RUNS.items()}):
    logger.addHandler(Estimate(RUNS, there))
