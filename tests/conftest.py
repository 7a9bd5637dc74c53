"""Marks tests that read the shared data, and ends the suite by saying what it left out and why."""

import inspect
from collections import Counter
from dis import get_instructions
from pathlib import Path

import pytest
from hypothesis import settings

import helpers

# The same examples every time: a test that passed when a change was made passes where it lands.
# To look for others: pytest --hypothesis-profile default
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")

SLOW = 15  # seconds on two cores, from which a test bears the marker `slow`
LENIENCE = 3  # times SLOW: what a busy machine may add before we complain


def reads_shared_data(item: pytest.Item) -> bool:
    """Whether the test's own body calls `helpers.shared`, which skips where a file is absent."""
    if not isinstance(item, pytest.Function):
        return False
    body = inspect.unwrap(item.function)
    # attributes of that name (`lineage.shared`) are other instructions
    return body.__globals__.get("shared") is helpers.shared and any(
        (step.opname, step.argval) == ("LOAD_GLOBAL", "shared") for step in get_instructions(body)
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Add the marker `data`, so that no test that needs data can forget it."""
    for item in items:
        if reads_shared_data(item):
            item.add_marker(pytest.mark.data)


def skipped(terminal: pytest.TerminalReporter) -> list[str]:
    """One line for each reason: how many tests it took away, and from which files."""
    count: Counter[str] = Counter()
    files: dict[str, set[str]] = {}
    for report in terminal.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        count[reason] += 1
        files.setdefault(reason, set()).add(Path(report.nodeid.split("::")[0]).name)
    return [
        f"{number} x {reason} ({', '.join(sorted(files[reason]))})"
        for reason, number in count.most_common()
    ]


def unmarked(terminal: pytest.TerminalReporter) -> list[str]:
    """Tests far beyond the limit of `slow` that lack the marker, slowest first."""
    calls = [
        report
        for report in terminal.stats.get("passed", [])
        if report.when == "call" and "slow" not in report.keywords
    ]
    late = [report for report in calls if report.duration > LENIENCE * SLOW]
    return [
        f"{report.nodeid} took {report.duration:.0f} s: mark it slow"
        for report in sorted(late, key=lambda report: -report.duration)
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print both lists; nothing where all tests ran and the slow ones are marked."""
    lines = skipped(terminalreporter)
    if lines:
        terminalreporter.section("not tested here, and why")
    for line in lines + unmarked(terminalreporter):
        terminalreporter.write_line(line)
