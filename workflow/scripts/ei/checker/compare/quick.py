"""The exact rules alone: no mathematics library, microseconds to a millisecond, safe in any process."""

from dataclasses import replace

from ei.checker.answer.candidate import boxed_only
from ei.checker.answer.spelling import clean, key
from ei.checker.compare.rules import decide
from ei.checker.compare.values import Leaves
from ei.checker.parse.units import quantity
from ei.checker.settings import Settings, Verdict


def quick(reference: str, answer: str, settings: Settings) -> Verdict | None:
    """The verdict of the exact rules, or None where they cannot tell: then a worker must."""
    verdict = decide(reference, answer, Leaves(settings))
    return verdict and replace(verdict, same_string=string_judge(reference, answer))


def string_judge(reference: str, answer: str) -> bool:
    """The second opinion: whether the normalised strings are equal, units aside."""
    first, second = (
        key(quantity(clean(boxed_only(text[:4000]))).value) for text in (reference, answer)
    )
    return first == second
