"""What is imported is declared, and what is declared has one exact version everywhere."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from helpers import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
EXTRAS = [
    Requirement(line)
    for lines in PYPROJECT["project"]["optional-dependencies"].values()
    for line in lines
]
DEVELOPMENT = [Requirement(line) for line in PYPROJECT["dependency-groups"]["dev"]]
CONSTRAINTS = [Requirement(line) for line in PYPROJECT["tool"]["uv"]["constraint-dependencies"]]
DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml"}  # of modules that are named otherwise
ENVIRONMENTS = sorted((ROOT / "workflow/envs").glob("*.yaml"))


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def third_party(folders: list[str]) -> dict[str, str]:
    """{distribution: one file that imports it}, without the project's own files and folders."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    homes = ("workflow", "tests", "benchmarks")
    project = [path for home in homes for path in (ROOT / home).rglob("*.py")]
    own = {path.stem for path in project} | {path.parent.name for path in project}
    return {
        canonical(DISTRIBUTIONS.get(module, module)): str(path.relative_to(ROOT))
        for path in files
        for module in imported(path) - own - sys.stdlib_module_names
    }


@pytest.mark.parametrize(
    ("folders", "declared"),
    [
        (["workflow"], [*RUNTIME, *EXTRAS]),
        (["tests"], [*RUNTIME, *EXTRAS, *DEVELOPMENT]),
    ],
)
def test_every_import_is_a_declared_dependency(
    folders: list[str], declared: list[Requirement]
) -> None:
    names = {canonical(requirement.name) for requirement in declared}
    assert {name: path for name, path in third_party(folders).items() if name not in names} == {}


def test_the_search_for_imports_finds_some() -> None:
    assert {"polars", "torch", "sympy", "huggingface-hub"} <= set(third_party(["workflow"]))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_a_conda_environment_has_the_versions_of_pyproject(path: Path) -> None:
    *conda, pip = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    declared = {
        canonical(requirement.name): (requirement.extras, requirement.specifier)
        for requirement in [*RUNTIME, *EXTRAS]
    }
    listed = [Requirement(line) for line in pip["pip"]]
    assert listed
    assert {
        requirement.name: str(requirement.specifier)
        for requirement in listed
        if declared.get(canonical(requirement.name)) != (requirement.extras, requirement.specifier)
    } == {}
    python = next(line for line in conda if line.startswith("python="))
    assert Requirement(f"python{PYPROJECT['project']['requires-python']}").specifier.contains(
        python.removeprefix("python=")
    )


def test_every_version_is_exact() -> None:
    for requirement in [*RUNTIME, *EXTRAS, *DEVELOPMENT, *CONSTRAINTS]:
        operators = [specifier.operator for specifier in requirement.specifier]
        assert operators == ["=="], f"{requirement} has no exact version"


def reachable(roots: list[Requirement]) -> set[str]:
    """Names of the installed distributions that the roots need here, themselves included."""
    names: set[str] = set()
    waiting = [(root.name, frozenset(root.extras)) for root in roots]
    visited = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in visited:
            continue
        visited.add((name, extras))
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        names.add(canonical(name))
        for requirement in map(Requirement, lines):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in extras or {""}):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return names


def test_what_the_dependencies_depend_on_is_pinned_and_installed_as_pinned() -> None:
    everything = [*RUNTIME, *EXTRAS, *DEVELOPMENT]
    pins = {
        canonical(requirement.name): requirement.specifier
        for requirement in [*CONSTRAINTS, *everything]
        if requirement.marker is None or requirement.marker.evaluate()
    }
    installed = {name: importlib.metadata.version(name) for name in reachable(everything)}
    assert len(installed) > len(RUNTIME)
    assert {
        name: version
        for name, version in installed.items()
        if name not in pins or not pins[name].contains(version, prereleases=True)
    } == {}
