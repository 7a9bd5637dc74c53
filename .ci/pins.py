"""Print uv.lock as the `constraint-dependencies` of pyproject.toml: exact versions, no hosts.

    uv lock --upgrade && python .ci/pins.py

The lock file names the package index of whoever made it, so it stays out of the repository; this
list carries the versions, which is what two checkouts must agree on. To move to newer versions,
empty the list in pyproject.toml, run the line above, and paste what it prints.
"""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def pins(lock: dict[str, Any]) -> dict[str, list[str]]:
    """{name: its pins}: one `name==version`, or one a marker where uv chose different versions."""
    wanted = [edge for package in lock["package"] for edge in package.get("dependencies", [])]
    # uv names the version on an edge of the graph only where it chose more than one
    markers = {
        (edge["name"], edge["version"]): edge["marker"] for edge in wanted if "version" in edge
    }
    found: dict[str, list[str]] = {}
    for package in lock["package"]:
        name, version = package["name"], package["version"]
        marker = markers.get((name, version))
        found.setdefault(name, []).append(
            f"{name}=={version}; {marker}" if marker else f"{name}=={version}"
        )
    return found


def direct(project: dict[str, Any]) -> set[str]:
    """Names that pyproject.toml itself pins: its dependencies, extras and groups."""
    lists = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    return {line.split("==")[0].split("[")[0] for lines in lists for line in lines}


def main() -> None:
    """Print the list in the order of uv.lock, without what pyproject.toml already pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    pinned = direct(project) | {project["project"]["name"]}
    print("constraint-dependencies = [")
    for name, lines in pins(lock).items():
        if name not in pinned:
            print(*(f'    "{line}",' for line in lines), sep="\n")
    print("]")


if __name__ == "__main__":
    main()
