"""Facts that several files state: version, licence, linters, supported Pythons."""

import re
import tomllib

import yaml

from helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CI = (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_the_citation_is_of_this_version_and_licence() -> None:
    assert (CITATION["version"], CITATION["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_changelog_has_the_cited_release_with_its_date_below_what_is_unreleased() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", changelog, flags=re.MULTILINE)
    assert headings[:2] == [("Unreleased", ""), (CITATION["version"], CITATION["date-released"])]


def test_a_commit_is_held_to_linters_of_the_ci_run() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"  # a remote one would bring a second version of each linter
    commands = [
        re.sub(r'^(bash -c ")?uv run |"$', "", hook["entry"]) for hook in repository["hooks"]
    ]
    assert len(commands) == 4
    assert [command for command in commands if f'"{command}"' not in CI] == []


def test_the_default_python_is_the_oldest_that_is_supported() -> None:
    default = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert PROJECT["requires-python"].startswith(f">={default},")
