"""The page in a browser: what a reader does with it, from small tables.

Skipped where no Chromium is installed; nothing is downloaded for it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from chromium import CHROMIUM, browser
from page_rows import scored, write

from helpers import script
from summaries import run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]

HOSTILE = (
    "</script><img src=x onerror=\"document.title='hit'\"> $\\href{javascript:alert(1)}{x}$"
    " </think> <answer> 7 </answer>"
)
THIRD = "It is $\\frac{1}{3}$. </think> <answer> \\frac{1}{3} </answer>"
QUESTIONS = {
    # id: level, subject, question, reference, and the status of the response to it at steps 0, 1, 2
    "q1": ("Level 1", "algebra", "What is $1/3$?", "\\frac{1}{3}", ("wrong", "correct", "correct")),
    "q2": (
        "Level 2",
        "geometry",
        "How many sides has a square?",
        "4",
        ("correct", "wrong", "wrong"),
    ),
    "q3": ("Level 2", "algebra", "Say <b>seven</b>.", "7", ("no_format", "no_format", "correct")),
}
ORDER = ["q1", "q3", "q2"]  # of the list: by level, subject and id
TEXTS = {
    "q1": ("It is $1$. </think> <answer> 1 </answer>", THIRD, THIRD),
    "q2": ("four sides </think> <answer> 4 </answer>",
           "five sides </think> <answer> 5 </answer>", "none"),
    "q3": ("purple", "cut short", HOSTILE),
}  # fmt: skip


def responses(step: int, samples: int) -> pl.DataFrame:
    """The responses to all questions at a step; the samples of a question are alike."""
    made: list[dict[str, Any]] = []
    for key, (level, subject, question, answer, statuses) in QUESTIONS.items():
        text = TEXTS[key][step]
        extracted = text.partition("<answer>")[2].partition("</answer>")[0].strip() or None
        about = {
            "question_id": key,
            "question": question,
            "answer": answer,
            "level": level,
            "subject": subject,
        }
        written = {
            "response": text,
            "extracted": extracted,
            "status": statuses[step],
            "response_ids": [1] * len(text),
        }
        cut = {"finish_reason": "length" if text == "cut short" else "stop"}
        made += [about | written | cut | {"sample": sample} for sample in range(samples)]
    return scored(made)


def write_run(folder: Path) -> None:
    """Three evaluations and two steps of rollouts, two of a question; SFT saw the first of them."""
    for step in range(3):
        write(responses(step, 1), folder / f"step{step}/responses.parquet")
        if step:
            rollouts = responses(step, 2)
            write(rollouts, folder / f"step{step}/scored.parquet")
            kept = rollouts.filter((pl.col("status") == "correct") & (pl.col("sample") == 0))
            write(kept, folder / f"step{step}/filtered.parquet")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a main run and two others."""
    folder = tmp_path_factory.mktemp("page")
    write_run(folder)
    paths = []
    for name, accuracy, changes in (
        ("main", 0.3, {}),
        ("G16", 0.1, {"sample.rollouts": 16}),
        ("G4", 0.5, {"sample.rollouts": 4}),
    ):
        sample = {"questions": 3, "rollouts": changes.get("sample.rollouts", 2)}
        settings = {"sample": sample, "sft": {"epochs": 2}}
        where = str(folder) if name == "main" else name
        made = run(name, [0.1, 0.2, accuracy], run=where, changes=changes, settings=settings)
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(made))
    made = script(
        "page.py", "--runs", *paths, "--browse", folder, "--output", folder / "index.html"
    )
    assert made.returncode == 0, made.stderr
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def opened(address: str) -> Iterator[tuple["Page", list[str]]]:
    """The open page, and its console messages, errors and network requests so far."""
    trouble: list[str] = []
    with browser() as chromium:
        page = chromium.new_page()
        page.set_default_timeout(10_000)  # ms
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request",
            lambda request: trouble.append(request.url) if request.url != address else None,
        )
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        yield page, trouble


@pytest.fixture
def page(opened: tuple["Page", list[str]]) -> Iterator["Page"]:
    """The page with its filters cleared; at the end there was no message, error or request."""
    page, trouble = opened
    page.select_option("[name=source]", "validation")
    page.click("button[type=reset]")
    page.wait_for_selector("#list .item >> nth=2")
    yield page
    assert trouble == []


def listed(page: "Page", count: int) -> list[str]:
    """The ids of the listed questions, once there are so many."""
    from playwright.sync_api import expect

    expect(page.locator("#found")).to_have_text(f"{count} of 3 questions")
    names = [item.get_attribute("id") or "" for item in page.locator("#list .item").all()]
    return sorted(ORDER[int(name.removeprefix("item-"))] for name in names)


def choose(page: "Page", key: str) -> None:
    """Choose a question of the full list, and wait until it is shown."""
    page.click(f"#item-{ORDER.index(key)}")
    page.wait_for_selector(f"#question code:text-is('{key}')")


def test_a_heading_sorts_the_runs_by_number_and_again_backwards(page: "Page") -> None:
    def column(number: int) -> list[str]:
        return page.locator(f"#runs tbody td:nth-child({number})").all_inner_texts()

    page.click("#runs th:nth-child(4) button")
    assert column(4) == ["2", "4", "16"]
    page.click("#runs th:nth-child(4) button")
    assert column(4) == ["16", "4", "2"]
    page.click("#runs th:nth-child(1) button")
    assert column(1) == ["G4", "G16", "main"]
    assert page.get_attribute("#runs th:nth-child(1)", "aria-sort") == "ascending"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "correct"}, ["q1", "q2", "q3"]),
        ({"status": "correct", "step": "2"}, ["q1", "q3"]),
        ({"status": "cut"}, ["q3"]),
        ({"change": "first", "step": "1"}, ["q1"]),
        ({"change": "first", "step": "0"}, []),  # by the base policy: no step's merit
        ({"change": "lost"}, ["q2"]),
        ({"change": "lost", "step": "2"}, []),
        ({"level": "1"}, ["q2", "q3"]),
        ({"level": "1", "subject": "0"}, ["q3"]),
    ],
)
def test_filters_leave_the_questions_that_match_all_of_them(
    page: "Page", filters: dict[str, str], expected: list[str]
) -> None:
    for name, value in filters.items():
        page.select_option(f"[name={name}]", value)
    assert listed(page, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("SQUARE", ["q2"]), ("purple", ["q3"]), ("nowhere", [])]
)
def test_a_search_finds_questions_by_their_text_and_by_their_responses(
    page: "Page", text: str, expected: list[str]
) -> None:
    page.fill("[name=text]", text)
    assert listed(page, len(expected)) == expected


def test_all_responses_to_a_validation_question_stand_side_by_side(page: "Page") -> None:
    choose(page, "q2")
    names = page.locator("#question .response header strong").all_inner_texts()
    assert names == ["Step 0", "Step 1", "Step 2"]
    assert page.locator("#question .badge").all_inner_texts() == ["correct", "wrong", "wrong"]
    page.check("#question input[name=shown-step][value='1']", force=True)
    assert page.locator("#question .response header strong").all_inner_texts() == ["Response 0"]


def test_training_rollouts_say_which_of_them_sft_saw(page: "Page") -> None:
    page.select_option("[name=source]", "training")
    page.wait_for_selector("#question .badge:text-is('kept for SFT')")
    badges = page.locator("#question .badge").all_inner_texts()
    assert badges == ["correct", "kept for SFT", "correct", "dropped: duplicate"]


def test_mathematics_is_set_and_the_answer_marked(page: "Page") -> None:
    choose(page, "q1")
    assert page.locator("#question .asked math").count() == 1
    assert page.locator("#question dd mark math mfrac").count() == 1
    assert page.locator("#question mark.extracted math mfrac").count() == 2
    page.check("#question .bar input[type=checkbox]")
    # Only what was extracted, below the texts, is still typeset.
    assert page.locator("#question .response math").count() == 2
    page.uncheck("#question .bar input[type=checkbox]")


def test_hostile_text_stays_text(page: "Page") -> None:
    choose(page, "q3")
    assert page.locator("#question img, #question a, #question b").count() == 0
    assert "</script><img src=x" in page.inner_text("#question")
    assert page.locator("#question .broken").inner_text() == "$\\href{javascript:alert(1)}{x}$"
    assert page.title().startswith("Expert iteration")


def test_a_response_that_was_cut_off_says_so(page: "Page") -> None:
    choose(page, "q3")
    assert page.locator("#question .ends").count() == 1


def test_two_steps_are_compared_word_by_word(page: "Page") -> None:
    choose(page, "q2")
    page.click("details.compare summary")
    page.select_option("select[aria-label=Before]", "0")
    page.select_option("select[aria-label=After]", "1")
    assert page.locator(".diff del").all_inner_texts() == ["four", "4"]
    assert page.locator(".diff ins").all_inner_texts() == ["five", "5"]


def test_the_list_can_be_used_with_the_keyboard_only(page: "Page") -> None:
    choose(page, "q1")
    page.focus("#list")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#question code:text-is('q3')")
    page.keyboard.press("End")
    page.wait_for_selector("#question code:text-is('q2')")
    assert page.get_attribute("#list", "aria-activedescendant") == "item-2"


def test_the_address_names_what_is_shown(page: "Page", address: str) -> None:
    chromium = page.context.browser
    assert chromium is not None
    other = chromium.new_page()
    other.goto(f"{address}#rollouts/training/q2/1")
    other.wait_for_selector("html[data-ready]")
    assert other.inner_text("#question dd code") == "q2"
    assert other.locator("#question input[name=shown-step]:checked").get_attribute("value") == "1"
    other.close()


def test_the_colour_button_cycles_through_light_dark_and_system(page: "Page") -> None:
    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    seen = []
    for _ in range(3):
        page.click("#theme")
        seen.append(paper())
    assert seen == [
        "rgb(255, 255, 255)",
        "rgb(20, 23, 28)",
        "rgb(255, 255, 255)",
    ]  # light, dark, as the system


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_width_scrolls_the_page_sideways(page: "Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
