"""The page itself: the template filled, scripts and styles inlined, the responses as blocks at its end."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ei.page import tables
from ei.page.markdown import parts, to_html
from ei.page.source import Source, blocks, summary
from ei.plots import PICTURES

ASSETS = Path(__file__).parent / "assets"
CAPTIONS = Path(__file__).parents[3] / "report"  # where the rules name them
STYLES = ("page.css", "browser.css", "vendor/temml.css", "mathematics.css")
SCRIPTS = (
    "vendor/temml.min.js", "theme.js", "tables.js", "store.js", "mathematics.js", "diff.js",
    "list.js", "filters.js", "question.js", "compare.js", "browser.js",
)  # fmt: skip


def page(
    runs: list[tables.Run],
    pairs: list[dict[str, Any]],
    discussion: str,
    plots: Path | None,
    sources: list[Source],
) -> Iterator[str]:
    """The page in pieces, which are 25 MB together; `runs` has the browsed run first."""
    style, script = inlined(STYLES), "(() => {\n'use strict';\n" + inlined(SCRIPTS) + "})();\n"
    sentences, measured = parts(discussion)
    head = template().render(
        run=runs[0],
        sentences=Markup(to_html(sentences)),
        measured=Markup(to_html(measured)),
        run_columns=tables.RUN_COLUMNS,
        runs=[tables.run_row(run) for run in runs],
        comparison_columns=tables.COMPARISON_COLUMNS,
        comparisons=tables.comparison_groups(pairs),
        plots=pictures(plots) if plots else [],
        names=[run["name"] for run in runs],
        settings=tables.settings_table(runs),
        sources=[summary(source) for source in sources],
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    shell, end = head.split("<!-- blocks -->")
    yield shell
    # The indexes stand before the responses: a browser can use them while it still reads the rest.
    for source in sources:
        *responses, found = blocks(source)
        yield from (block(*one) for one in (found, *responses))
    yield end


def template() -> jinja2.Template:
    """The page's template; whatever it is given is escaped."""
    loader = jinja2.FileSystemLoader(ASSETS)
    return jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")


def inlined(names: Iterable[str]) -> str:
    """The files one after another."""
    text = "\n".join((ASSETS / name).read_text() for name in names)
    if "</script" in text or "</style" in text:
        raise ValueError("an asset holds the tag that would end the element around it")
    return text


def block(name: str, content: str) -> str:
    """Packed content as an element that no browser runs or shows."""
    return f'<script type="application/octet-stream" id="{name}">{content}</script>\n'


def pictures(folder: Path) -> list[dict[str, str]]:
    """The plots that are in the folder, known ones first in their order: name, caption and data address."""
    names = [path.stem for path in sorted(folder.glob("*.svg"))]
    found = []
    for name in sorted(
        names, key=lambda name: (PICTURES.index(name) if name in PICTURES else len(PICTURES), name)
    ):
        data = base64.b64encode((folder / f"{name}.svg").read_bytes()).decode()
        found.append(
            {"name": name, "caption": caption(name), "address": f"data:image/svg+xml;base64,{data}"}
        )
    return found


def caption(name: str) -> str:
    """The caption that `snakemake --report` shows too; the bare name for a plot without one."""
    path = CAPTIONS / f"{name}.rst"
    return " ".join(path.read_text().split()) if path.exists() else name
