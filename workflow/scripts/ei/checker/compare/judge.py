"""The exact rules with Math-Verify behind them. Imported by workers only: it takes seconds and 150 MB."""

from dataclasses import replace

from ei.checker.compare.quick import string_judge
from ei.checker.compare.rules import decide
from ei.checker.compare.symbolic import SymbolicLeaves
from ei.checker.settings import Settings, Verdict


def judge(reference: str, answer: str, settings: Settings) -> Verdict:
    """The verdict on a pair; "unparsable" where no rule can tell."""
    leaves = SymbolicLeaves(settings)
    verdict = decide(reference, answer, leaves)
    verdict = verdict or Verdict("unparsable", "math-verify", answer[: settings.max_chars])
    return replace(verdict, same_string=string_judge(reference, answer))
