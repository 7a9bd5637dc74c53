"""A finished run, which several files of tests look at."""

import pytest

from helpers import miniature, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A working folder with a finished run of two steps, which have a learning rate each."""
    folder = tmp_path_factory.mktemp("finished")
    miniature(folder, data={"development": 8}, sft={"epochs": 2, "lr": [3e-4, 2e-4]})
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout[-3000:]
    return folder
