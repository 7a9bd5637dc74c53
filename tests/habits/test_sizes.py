"""Files and functions stay short enough to be read at once."""

import ast
import subprocess
from pathlib import Path

from helpers import ROOT

FILE, FUNCTION = 300, 40  # lines
TRACKED = subprocess.run(
    ["git", "ls-files", "Snakefile", "*.py", "*.smk", "*.js", "*.css"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split()  # fmt: skip
OURS = [path for path in TRACKED if "vendor" not in path]


def test_no_file_is_longer_than_300_lines() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in OURS}
    assert {path: count for path, count in lines.items() if count > FILE} == {}


def long_functions(path: Path) -> list[tuple[str, int]]:
    """Name and lines of each function that is too long."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [(name, lines) for name, lines in found if lines > FUNCTION]


def test_no_function_of_the_workflow_is_longer_than_40_lines() -> None:
    code = [path for path in OURS if path.startswith("workflow/") and path.endswith(".py")]
    found = {path: long_functions(ROOT / path) for path in code}
    assert {path: names for path, names in found.items() if names} == {}
