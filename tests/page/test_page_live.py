"""A page of a run that goes on, in a browser: served, from disk, in both themes, on a phone.

Skipped where no Chromium is installed; nothing is downloaded for it.
"""

import functools
import http.server
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import pytest
from chromium import CHROMIUM, browser
from page_rows import scored, write

from ei.files import whole
from helpers import script
from summaries import evaluation, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]

LONG = "What is $1/3$ of a very long line of words that goes on and on until it is cut? " * 3


def write_step(folder: Path, step: int) -> None:
    """A step's evaluation, one question that step 1 solves, and the run's summary so far."""
    of = folder / f"step{step}"
    status = {"status": "correct" if step else "wrong", "reward": float(step), "response": "x"}
    status["response_ids"] = [1]
    row = {"question_id": "q", "sample": 0, "question": LONG, "answer": "7"} | status
    write(scored([row]), of / "responses.parquet")
    evaluations = [evaluation(n, 0.2 * n, lineage="") for n in range(step + 1)]
    (of / "eval.json").write_text(json.dumps(evaluations[-1]))
    found = run("main", [0.0] * (step + 1), run=str(folder), evaluations=evaluations)
    found["settings"]["steps"] = 5
    (of / "so_far.json").write_text(json.dumps(found))


def show(folder: Path) -> None:
    """What the pipeline does after a step."""
    made = script("progress.py", "--experiment", folder)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which two steps are there, and its page."""
    folder = tmp_path_factory.mktemp("live") / "results"
    for step in (0, 1):
        write_step(folder, step)
    show(folder)
    return folder


def newer(folder: Path, step: int) -> None:
    """Put a page in the place of the old one that says to be of this step."""
    path = folder / "so_far/index.html"
    text = re.sub(r"main: step \d of 5", f"main: step {step} of 5", path.read_text())
    with whole(path) as partial:
        partial.write_text(text + "\n" * step)


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """One browser for all tests of this file."""
    with browser() as started:
        yield started


@pytest.fixture
def address(first: Path) -> Iterator[str]:
    """The page's address at a server of the run's folder, as `python -m http.server` is one."""
    handler = functools.partial(Quiet, directory=str(first))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/report/index.html"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that does not tell of each request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def opened(chromium: "Browser", address: str, theme: str = "light", width: int = 1280) -> "Page":
    """The page, as soon as its first question is shown."""
    from playwright.sync_api import ViewportSize

    size = ViewportSize(width=width, height=844)
    page = chromium.new_page(viewport=size, color_scheme="dark" if theme == "dark" else "light")
    page.set_default_timeout(30_000)  # ms
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    return page


def test_a_served_page_shows_the_next_step_by_itself_and_stays_where_it_was(
    chromium: "Browser", first: Path, address: str
) -> None:
    page = opened(chromium, address)
    assert "main: step 1 of 5" in page.inner_text("#so-far")
    page.evaluate("scrollTo(0, 300)")
    page.wait_for_timeout(200)  # until it has asked the server for the first time
    newer(first, 2)
    page.wait_for_selector("#so-far:has-text('main: step 2 of 5')")
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("scrollY") == 300
    page.close()


def test_a_reader_who_searches_is_asked_first(
    chromium: "Browser", first: Path, address: str
) -> None:
    page = opened(chromium, address)
    page.fill("[name=text]", "line of words")
    page.wait_for_timeout(200)
    newer(first, 3)
    page.wait_for_selector("#newer:visible")
    assert page.input_value("[name=text]") == "line of words"
    page.click("#newer")
    page.wait_for_selector("#so-far:has-text('main: step 3 of 5')")
    page.close()


def test_a_page_from_disk_says_when_it_was_made_and_asks_for_nothing(
    chromium: "Browser", first: Path, tmp_path: Path
) -> None:
    copy = shutil.copy(first / "so_far/index.html", tmp_path)
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto(Path(copy).as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(3500)  # longer than between two questions to a server
    assert asked == [Path(copy).as_uri()]
    assert "Made at 2" in page.inner_text("#so-far")
    page.close()


@pytest.mark.parametrize(("theme", "paper"), [("light", 255), ("dark", 20)])
def test_the_plots_have_the_papers_colour(
    chromium: "Browser", first: Path, theme: str, paper: int
) -> None:
    page = opened(chromium, (first / "so_far/index.html").as_uri(), theme)
    picture = page.locator("#plots img").first.screenshot()
    corner = matplotlib.image.imread(io.BytesIO(picture))[4, 4]
    assert abs(255 * float(corner[0]) - paper) < 3
    page.close()


def test_a_chosen_theme_is_that_of_the_plots_too(chromium: "Browser", first: Path) -> None:
    page = opened(chromium, (first / "so_far/index.html").as_uri(), "dark")
    page.click("#theme")  # from "as the system", which is dark, to light
    assert page.evaluate("getComputedStyle(document.querySelector('#plots img')).filter") == "none"
    page.close()


def test_a_question_worth_a_look_is_a_click_away_and_fits_a_phone(
    chromium: "Browser", first: Path
) -> None:
    page = opened(chromium, (first / "so_far/index.html").as_uri(), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.select_option("[name=level]", "", force=True)
    page.click("#worth a >> nth=0")
    page.wait_for_selector("#question code:text-is('q')")
    assert page.url.endswith("#rollouts/validation/q/1")
    page.close()
