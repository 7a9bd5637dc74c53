"""Limits and policies of the checker: what is a setting, and its default."""

import hashlib
import json
from dataclasses import asdict, dataclass

from ei.checker.version import VERSION

STATUSES = ("correct", "wrong", "no_format", "unparsable", "timeout", "error")


@dataclass(frozen=True)
class Settings:
    """Everything that a verdict depends on besides the pair; docs/checker.md has a table of examples."""

    timeout_s: float = 2.0  # wall-clock seconds of one comparison; then its process is killed
    max_chars: int = 2000  # longest answer (after unwrapping a box) that is parsed
    memory_mb: int = 900  # address space of a worker, MiB; Math-Verify alone needs about 250
    tag_space: str = (
        "one"  # between </think> and <answer>: "one" space, or "any" white space, none included
    )
    list_order: str = "any"  # "any" or "same": are the values of a bare list, 1, 2, ordered
    percent: str = (
        "optional"  # "optional": 28% is 28 and 0.28; "value": only 0.28; "required": only 28%
    )
    units: str = "optional"  # "optional": a unit that one side lacks is no difference; "required"
    base: str = "required"  # "required": 101_2 is not 101; "optional"
    tolerance: float = 0.0  # relative difference that decimals may have; 0 is exact

    def fingerprint(self) -> str:
        """Sixteen hex digits that name this checker version with these settings."""
        text = json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Verdict:
    """What the checker says of one (reference, answer) pair, and the rule that decided."""

    status: str
    rule: str
    extracted: str | None = None
    milliseconds: float = 0.0
