"""The README is short, its first two commands are those of .ci/run, and links lead somewhere."""

import re
from pathlib import Path

import pytest

from helpers import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> list[str]:
    """The content of each fenced block, in order."""
    return re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The fragments that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_has_1300_words_at_most() -> None:
    assert len(README.split()) <= 1300  # as `wc -w` counts


def test_the_first_two_blocks_are_the_demo_and_the_tests() -> None:
    assert blocks(README)[:2] == [
        "pip install uv && uv run snakemake demo --cores all\n",
        "pip install uv && uv run pytest\n",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_finds_it_and_its_heading(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in re.findall(r"\]\(([^()\s]+)\)", text):
        if link.startswith(("http:", "https:")):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (
            heading and heading not in anchors(target.read_text(encoding="utf-8"))
        ):
            broken.append(link)
    assert broken == []


def test_every_page_of_docs_is_in_their_index() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    names = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in names if f"({name})" not in index} == set()
