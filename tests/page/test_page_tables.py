"""The page's tables, and its conclusion as HTML."""

from ei.page.markdown import split_at_heading, to_html
from ei.page.tables import (
    COMPARISON_COLUMNS,
    RUN_COLUMNS,
    Cell,
    comparison_groups,
    comparison_row,
    duration,
    flat,
    run_row,
    run_table,
    settings_table,
    share,
)
from summaries import compared, run

MAIN = run("main", [0.1, 0.2, 0.3])


def texts(cells: list[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def test_a_comparison_shows_its_numbers_and_the_verdict() -> None:
    cells = texts(comparison_row(compared("steps", MAIN, 2, MAIN, 1)))
    shown = dict(zip(COMPARISON_COLUMNS, cells, strict=True))
    assert shown == {
        "A": "main, step 2",
        "B": "main, step 1",
        "Questions": "500",
        "A, %": "30.0",
        "B, %": "20.0",
        "A − B, points [95 %]": "+10.0 [+7.0, +13.0]",
        "Only A correct": "40",
        "Only B correct": "30",
        "McNemar p": "0.001",
        "Verdict": "A better",
    }
    worse, unclear = compared("steps", MAIN, 1, MAIN, 2), compared("steps", MAIN, 2, MAIN, 1, p=0.1)
    assert [texts(comparison_row(one))[-1] for one in (worse, unclear)] == [
        "B better",
        "not significant",
    ]


def test_a_run_shows_its_first_and_last_accuracy_with_the_interval_of_the_last() -> None:
    shown = texts(run_row(MAIN | {"best": {"step": 1, "accuracy": 0.25}}))
    assert len(shown) == len(RUN_COLUMNS)
    assert shown[:8] == ["main", "EI", "–", "2", "4", "2", "0", "10.0"]
    assert shown[8:12] == ["30.0 [26.0, 34.0]", "1 (25.0 %)", "90.0", "0.300"]
    assert shown[12:] == ["10.0 min", "25.0 min", "20.0 min"]  # GPU, wall, sum of jobs


def test_a_run_without_a_gpu_has_no_gpu_time() -> None:
    on_cpu = MAIN | {"gpu_seconds": 0.0}
    columns, rows = run_table([on_cpu])
    assert "GPU time" not in columns
    assert len(columns) == len(rows[0]) == len(RUN_COLUMNS) - 1
    columns, (first, _) = run_table([on_cpu, MAIN])
    assert first[columns.index("GPU time")].text == "–"


def test_an_sft_run_has_no_rollouts_and_does_not_list_what_every_sft_run_changes() -> None:
    changes = {"steps": 1, "early_stopping.patience": None, "sft.lr": 0.1}
    shown = texts(run_row(run("sft", [0.1, 0.2], kind="sft", changes=changes)))
    assert shown[1:5] == ["SFT", "sft.lr 0.1", "–", "–"]


def test_missing_measures_are_dashes_that_sort_first() -> None:
    assert share(None).value < share(0.0).value
    assert duration(None).text == "–"


def test_seconds_are_shown_in_the_unit_that_a_person_would_use() -> None:
    assert [duration(s).text for s in (45, 600, 9000)] == ["45 s", "10.0 min", "2.5 h"]


def test_a_comparison_with_a_probe_names_the_prompt_or_the_number_of_responses() -> None:
    prompt = compared("prompt", MAIN, 2, MAIN, 0) | {"prompt": "question"}
    tries = compared("samples", MAIN, 2, MAIN, 0) | {"k": 8}
    assert texts(comparison_row(prompt))[:2] == ["main, step 2", "main, step 0, prompt question"]
    assert texts(comparison_row(tries))[:2] == ["main, step 2, pass@8", "main, step 0, pass@8"]


def test_comparisons_stand_in_groups_and_an_empty_group_is_left_out() -> None:
    pairs = [compared(what, MAIN, 2, MAIN, 1) for what in ("steps", "sft")]
    assert [(group["title"], len(group["rows"])) for group in comparison_groups(pairs)] == [
        ("Against the SFT baseline", 1),
        ("Steps of a run against each other", 1),
    ]


def test_settings_that_differ_from_the_first_run_are_marked() -> None:
    settings = {"model": "base", "sample": {"questions": 4, "rollouts": 8}, "steps": 2}
    table = settings_table([MAIN, run("other", [0.1], settings=settings)])
    rows = {row["key"]: row for row in table}
    assert not rows["model"]["differs"]
    assert [cell["differs"] for cell in rows["sample.rollouts"]["cells"]] == [False, True]
    assert [cell["text"] for cell in rows["sft.epochs"]["cells"]] == ["2", "–"]


def test_nested_settings_become_dotted_names() -> None:
    assert flat({"a": {"b": {"c": 1}}, "d": None}) == {"a.b.c": 1, "d": None}


def test_the_discussion_is_escaped_and_keeps_its_lists() -> None:
    markdown = "A **bold** <b>word</b> & 5 %.\n\n- one\n  more\n- two"
    paragraph, bullets = to_html(markdown).split("\n")
    assert paragraph == "<p>A <strong>bold</strong> &lt;b&gt;word&lt;/b&gt; &amp; 5\u00a0%.</p>"
    assert bullets == "<ul><li>one more</li><li>two</li></ul>"


def test_the_discussion_is_split_at_its_first_heading() -> None:
    assert split_at_heading("Two sentences. Here.\n\n## Measured\n\n- n 500\n") == (
        "Two sentences. Here.",
        "- n 500",
    )
    assert split_at_heading("No heading.") == ("No heading.", "")
    assert split_at_heading("") == ("", "")
