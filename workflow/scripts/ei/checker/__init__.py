"""The answer checker: does a response hold the reference answer?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ei.checker.settings import Settings, Verdict
    from ei.checker.table import score, score_pairs

__all__ = ["Settings", "Verdict", "score", "score_pairs"]


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: workers and the workflow need no polars."""
    if name in ("Settings", "Verdict"):
        from ei.checker import settings

        return getattr(settings, name)
    if name in ("score", "score_pairs"):
        from ei.checker import table

        return getattr(table, name)
    raise AttributeError(name)
