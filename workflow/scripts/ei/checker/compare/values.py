"""Whether two values are equal: units and signs under the settings, bases, ratios, then arithmetic.

True, False, or None: not decided by this rule set.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ei.checker.answer.spelling import key, without_thousands
from ei.checker.compare.arithmetic import evaluate, exact, same_value
from ei.checker.compare.rational import Unknown
from ei.checker.parse.units import Quantity, same_unit
from ei.checker.settings import Settings

BASED = re.compile(r"^(-?[\dA-F.]+)_\{?(\d+)\}?$")
SHORT_UNIT = re.compile(r"^(-?[\d.,]+)\s?[mgshL]$")


@dataclass
class Leaves:
    """How the leaves are compared, and what was met on the way."""

    settings: Settings
    used: set[str] = field(default_factory=set)

    def texts(self, first: str, second: str) -> bool | None:
        """Whether two expressions are equal."""
        return same_value(first, second)

    def equations(
        self, first: tuple[str, str], second: tuple[str, str], directed: bool = False
    ) -> bool | None:
        """Whether two equations (or, directed, inequalities l < r) have the same solutions."""
        return proportional(first, second, directed)


def every(results: Iterable[bool | None]) -> bool | None:
    """False if any is, else None if any is, else True."""
    found: bool | None = True
    for result in results:
        if result is False:
            return False
        if result is None:
            found = None
    return found


def either(*results: bool | None) -> bool | None:
    """True if any is, else None if any is, else False."""
    return True if True in results else None if None in results else False


def values(first: Quantity, second: Quantity, leaves: Leaves) -> bool | None:
    """Whether two values are equal, their units, percent and degree signs under the settings."""
    settings = leaves.settings
    if not same_unit(first.unit, second.unit, settings.units == "required"):
        leaves.used.add("units")
        return False
    if (
        settings.units == "optional"
        and not first.unit
        and (short := SHORT_UNIT.match(second.value))
        and exact(first.value) is not None
    ):
        second = replace(
            second, value=short[1]
        )  # 20m: an expression in m is no answer where a number is asked for
    if settings.units == "required" and first.degrees != second.degrees:
        return False
    if (
        _mark(first) != _mark(second)
        and (_mark(first) or first.unit)
        and (_mark(second) or second.unit)
    ):
        leaves.used.add("units")
        return False  # 20 degrees, 20 miles and 20%
    if first.percent != second.percent:
        return _percents(first, second, leaves)
    return texts(first.value, second.value, leaves)


def _mark(value: Quantity) -> str:
    return "degrees" if value.degrees else "%" if value.percent else ""


def _percents(ref: Quantity, ans: Quantity, leaves: Leaves) -> bool | None:
    """28% against 28 and 0.28; a sign may not be added to a reference below one: 0.5% is not 0.5."""
    leaves.used.add("percent")
    setting = leaves.settings.percent
    if setting == "required":
        return False
    first, second = (f"({q.value})/100" if q.percent else q.value for q in (ref, ans))
    scaled = texts(first, second, leaves)
    if setting == "value":
        return scaled
    number = exact(ref.value)
    small = ans.percent and number is not None and abs(number) < 1
    return either(scaled, False if small else texts(ref.value, ans.value, leaves))


def texts(first: str, second: str, leaves: Leaves) -> bool | None:
    """Whether two values without units are equal: numerals with a base, ratios, then arithmetic."""
    first, second = without_thousands(first), without_thousands(second)
    if key(first) == key(second):
        return True
    bases = BASED.match(first), BASED.match(second)
    if any(bases):
        leaves.used.add("base")
        return _based(first, second, leaves.settings)
    if ":" in first or ":" in second:
        parts = [_ratio(text) for text in (first, second)]
        if not all(parts) or len(parts[0]) != len(parts[1]):
            return False
        return every(leaves.texts(a, b) for a, b in zip(*parts, strict=True))
    tolerance = leaves.settings.tolerance
    if tolerance and "." in first + second:
        a, b = exact(first), exact(second)
        if a is not None and b is not None:
            return abs(a - b) <= tolerance * abs(a)
    return leaves.texts(first, second)


def _based(first: str, second: str, settings: Settings) -> bool:
    parts = []
    for text in (first, second):
        match = BASED.match(text)
        parts.append((match[1] if match else text.strip(), match[2] if match else None))
    if settings.base == "optional" and None in (parts[0][1], parts[1][1]):
        return parts[0][0] == parts[1][0]
    return parts[0] == parts[1]


def _ratio(text: str) -> list[str]:
    """The members of `a:b`, or of a fraction, as they stand: 6:8 is not 3:4, for it may be a time of day."""
    if ":" in text:
        return [part.strip() for part in text.split(":")]
    match = re.fullmatch(r"\\frac\{([^{}]*)\}\{([^{}]*)\}|(\w+)/(\w+)", text.strip())
    return [match[1] or match[3], match[2] or match[4]] if match else []


def proportional(first: tuple[str, str], second: tuple[str, str], directed: bool) -> bool | None:
    """Whether left minus right of one is a constant multiple of the other's; None where arithmetic cannot tell."""
    ratios = set()
    try:
        for point in range(4):
            a, b = (
                evaluate(side[0], point)[0] - evaluate(side[1], point)[0]
                for side in (first, second)
            )
            if a == 0 or b == 0 or isinstance(a, complex) or isinstance(b, complex):
                return None
            ratios.add(a / b)
    except Unknown:
        return None
    if len(ratios) == 1:
        return not directed or ratios.pop() > 0
    return None if "frac" in "".join(first + second) or "/" in "".join(first + second) else False
