"""The pictures of an experiment, each made from what its runs' run.json say."""
