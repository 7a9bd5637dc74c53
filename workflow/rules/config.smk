"""config.yaml, read before Snakemake does: what is wrong with the file is said in one sentence."""

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Where the workflow itself lies: a checkout, whatever the working folder is and whoever includes it
# as a module.
RULES = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
BASE, SCRIPTS = RULES.parents[1], RULES.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
from ei.runs import strict
from ei.stage import UserError


def read_strictly(path):
    """The settings in a YAML file; stops in one sentence where they cannot be read."""
    try:
        return strict.read_yaml(Path(path))
    except UserError as error:
        raise WorkflowError(str(error))


# A working folder without settings of its own takes those of the workflow.
CONFIG = "config.yaml" if os.path.exists("config.yaml") else str(BASE / "config.yaml")
read_strictly(CONFIG)
