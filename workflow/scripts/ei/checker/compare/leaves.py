"""Whether two expressions are equal, by the cheapest rule set that can tell.

Three sets, each imported when it is first needed: exact fractions (`exact.py`), many digits and
test points (`precise.py`, mpmath), algebra (`calculus.py`, sympy).
"""

from dataclasses import dataclass, field
from functools import lru_cache

from ei.checker.compare.exact import Unknown, same_exactly
from ei.checker.parse.tree import Tree, parts
from ei.checker.settings import Settings

EXACT, PRECISE, ALGEBRA = range(3)
RULE_NAMES = ("arithmetic", "digits", "algebra")


class NeedsMore(Exception):
    """A rule set beyond the one that is allowed must decide."""


@dataclass
class Leaves:
    """How expressions are compared: the settings, the highest rule set, and which ones decided."""

    settings: Settings
    level: int = EXACT
    used: set[str] = field(default_factory=set)

    def same(self, first: Tree, second: Tree) -> bool:
        """Whether two expressions are equal."""
        if first == second:
            return True
        algebra = needs_algebra(first) or needs_algebra(second)
        for level in (EXACT, ALGEBRA if algebra else PRECISE):
            if level > self.level:
                raise NeedsMore(RULE_NAMES[level])
            found = _same(first, second, level)
            if found is not None:
                if level:
                    self.used.add(RULE_NAMES[level])
                return found
        self.used.add("undecided")
        return False

    def same_solutions(
        self, first: tuple[Tree, Tree], second: tuple[Tree, Tree], directed: bool = False
    ) -> bool:
        """Whether two equations (or, directed, inequalities l < r) have the same solutions."""
        if first == second:
            return True
        if self.level < ALGEBRA:
            raise NeedsMore("algebra")
        from ei.checker.compare.calculus import same_solutions

        self.used.add("algebra")
        try:
            return same_solutions(first, second, directed)
        except Unknown:
            self.used.add("undecided")
            return False


@lru_cache(maxsize=1024)
def _same(first: Tree, second: Tree, level: int) -> bool | None:
    """What one rule set says; None where it cannot tell."""
    try:
        if level == EXACT:
            return same_exactly(first, second)
        if level == PRECISE:
            from ei.checker.compare.precise import same_value

            return same_value(first, second)
        from ei.checker.compare.calculus import same_by_algebra

        return same_by_algebra(first, second)
    except Unknown:
        return None


def needs_algebra(tree: Tree) -> bool:
    """Whether the expression has an integral, a limit, or a sum without end."""
    return any(
        part[0] in ("int", "lim")
        or (part[0] in ("sum", "prod") and any(p == ("const", "oo") for p in parts(part[3])))
        for part in parts(tree)
    )
