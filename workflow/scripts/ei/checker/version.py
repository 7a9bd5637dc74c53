"""The version of a rule set: it changes with the verdicts, and is part of lineage and memo."""

import hashlib
from pathlib import Path

VERSION = "3"  # of the built-in rules


def rules_version(reward: str | None = None) -> str:
    """The version of the rules that judge: the built-in ones, or a user's own reward.

    That of a user's reward is its name and the SHA-256 of its file, so that an edited function
    never meets the verdicts of an earlier one.
    """
    if not reward:
        return VERSION
    path, _, name = reward.rpartition(":")
    source = Path(path).read_bytes() if Path(path).is_file() else b""
    return f"{name}@{hashlib.sha256(source).hexdigest()[:16]}"
