"""What the stages of expert iteration share: pure functions, and the files that go between them."""

__version__ = "0.1.0"


def checker_version() -> str:
    """The version of the answer checker; a new one reruns `score` and what follows."""
    from ei.checker.version import VERSION

    return VERSION
