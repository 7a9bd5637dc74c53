"""What a check has to say."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ei.stage import UserError

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """A sentence; a `fatal` one means that the run surely fails, another is a warning."""

    sentence: str
    fatal: bool = True


@contextlib.contextmanager
def noting(findings: list[Finding]) -> Iterator[None]:
    """Add what a UserError says to the findings, so that the next check can have its say too."""
    try:
        yield
    except UserError as error:
        findings.append(Finding(str(error)))


def problems(findings: Iterable[Finding]) -> str | None:
    """The fatal findings, each once, as the text of one error; None where there are none."""
    found = list(dict.fromkeys(one.sentence for one in findings if one.fatal))
    if len(found) < 2:
        return found[0] if found else None
    listed = "\n".join(f"  {number}. {one}" for number, one in enumerate(found, start=1))
    return f"{len(found)} things keep this run from ending well:\n{listed}"


def report(findings: Iterable[Finding], log: logging.Logger) -> list[str]:
    """The warnings, which are logged too; raises UserError with all that is fatal."""
    findings = list(findings)
    warnings = list(dict.fromkeys(one.sentence for one in findings if not one.fatal))
    for sentence in warnings:
        log.warning("warning: %s", sentence)
    if found := problems(findings):
        raise UserError(found)
    return warnings
