"""The page itself: the template filled, scripts and styles inlined, the responses as blocks."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import jinja2
from markupsafe import Markup

from ei.analysis.verdict import ALPHA
from ei.files import reading
from ei.page import tables
from ei.page.markdown import split_at_heading, to_html
from ei.page.so_far import SoFar
from ei.page.source import Source, blocks, summary
from ei.page.worth import KINDS
from ei.plots import PICTURES
from ei.plots.curves import worth_drawing
from ei.schema import Comparison, RunSummary

ASSETS = Path(__file__).parent / "assets"
CAPTIONS = Path(__file__).parents[3] / "report"  # the rules name them too, for snakemake --report
STYLES = (  # later rules override earlier ones
    "page.css",
    "tables.css",
    "worth.css",
    "browser.css",
    "question.css",
    "vendor/temml.css",
    "mathematics.css",
)
# In the order in which they use each other: they share one scope.
SCRIPTS = (
    "vendor/temml.min.js",
    "theme.js",
    "tables.js",
    "store.js",
    "mathematics.js",
    "diff.js",
    "list.js",
    "filters.js",
    "question.js",
    "compare.js",
    "browser.js",
)
LIVE = ("live.js",)  # of a page that is made again while its experiment runs
SPLIT = "<!-- blocks -->"  # where the template has the responses


def page(
    runs: list[RunSummary],
    comparisons: list[Comparison],
    discussion: str,
    plots: Path | None,
    sources: list[Source],
    packed: Iterable[str],
    so_far: SoFar | None = None,
) -> Iterator[str]:
    """The page in pieces, which are 25 MB together at full size; the browsed run is the first.

    `discussion` is Markdown, empty for none; `plots` is a folder of SVG files. With `so_far` the
    page says that more is to come, and asks the server that it came from for a newer one. `packed`
    are the elements of the sources.
    """
    conclusion, numbers = split_at_heading(discussion)
    run_columns, run_rows = tables.run_table(runs)
    filled = template().render(
        run=runs[0],
        so_far=so_far,
        conclusion=Markup(to_html(conclusion)),
        numbers=Markup(to_html(numbers)),
        alpha=ALPHA,
        run_columns=run_columns,
        runs=run_rows,
        took=tables.took(runs[0]),
        comparison_columns=tables.COMPARISON_COLUMNS,
        comparisons=tables.comparison_groups(comparisons),
        plots=pictures(plots, worth_drawing(runs)) if plots else [],
        names=[run["name"] for run in runs],
        settings=tables.settings_table(runs),
        sources=[summary(source) for source in sources],
        kinds=KINDS,
        **style_and_script(live=so_far is not None),
    )
    head, end = filled.split(SPLIT)
    yield head
    yield from packed
    yield end


def style_and_script(live: bool) -> dict[str, str]:
    """The page's style, its script, and the hash by which its security policy allows that."""
    scripts = inlined((*SCRIPTS, *(LIVE if live else ())))
    script = f"(() => {{\n'use strict';\n{scripts}}})();\n"
    return {
        "style": Markup(inlined(STYLES)),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def elements(source: Source, level: int = 9) -> Iterator[str]:
    """The source's responses as elements of the page; `level` is gzip's, 1 (fast) to 9 (small).

    The index comes before the responses: a browser can use it while it still reads the rest.
    """
    *responses, index = blocks(source, level)
    yield from (block(*one) for one in (index, *responses))


def template() -> jinja2.Template:
    """The page's template; whatever it is given is escaped, and a missing name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")


def inlined(names: Iterable[str]) -> str:
    """The assets one after another."""
    text = "\n".join((ASSETS / name).read_text() for name in names)
    if "</script" in text or "</style" in text:
        raise ValueError("an asset holds the tag that would end the element around it")
    return text


def block(name: str, content: str) -> str:
    """Packed content as an element that no browser runs or shows."""
    return f'<script type="application/octet-stream" id="{name}">{content}</script>\n'


def pictures(folder: Path, worth: Iterable[str] = PICTURES) -> list[dict[str, str]]:
    """Caption and data URL of each plot in the folder: ours in their order, then others by name.

    Of ours, only those that are worth showing.
    """
    names = {path.stem for path in folder.glob("*.svg")}
    others = sorted(names - set(PICTURES))
    return [
        {"caption": caption(name), "address": data_url(folder / f"{name}.svg")}
        for name in (*worth, *others)
        if name in names
    ]


def data_url(picture: Path) -> str:
    """The SVG file as a URL that holds it whole; what no browser would draw raises UserError."""
    with reading(picture, "an SVG file"):
        try:
            ElementTree.parse(picture)
        except ElementTree.ParseError as error:
            raise ValueError(str(error)) from None
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def caption(name: str) -> str:
    """The caption that `snakemake --report` shows too; the bare name for a plot without one."""
    path = CAPTIONS / f"{name}.rst"
    return " ".join(path.read_text().split()) if path.exists() else name
