"""The page's tables and words."""

from typing import Any

from page_literals import run_json

from ei.page.markdown import parts, to_html
from ei.page.tables import comparison_groups, duration, flat, run_row, settings_table, share, told


def pair(low: float, high: float, p: float, what: str = "steps") -> dict[str, Any]:
    """A comparison of step 2 with step 1."""
    sides = {
        "a": {"run": "r", "name": "main", "step": 2},
        "b": {"run": "r", "name": "main", "step": 1},
    }
    counts = {"n": 500, "accuracy_a": 0.5, "accuracy_b": 0.4, "only_a": 60, "only_b": 10}
    return (
        sides
        | counts
        | {"what": what, "difference": (low + high) / 2, "ci95": [low, high], "mcnemar_p": p}
    )


def texts(cells: list[dict[str, Any]]) -> list[str]:
    return [one["text"] for one in cells]


def test_better_needs_an_interval_without_zero_and_a_small_p() -> None:
    assert told(pair(0.02, 0.1, 0.001)) == "A better"
    assert told(pair(-0.1, -0.02, 0.001)) == "B better"
    assert told(pair(-0.01, 0.1, 0.001)) == "cannot tell"
    assert told(pair(0.02, 0.1, 0.2)) == "cannot tell"


def test_a_run_shows_its_first_and_last_accuracy_with_the_interval_of_the_last() -> None:
    shown = texts(run_row(run_json("results", best={"step": 1, "accuracy": 0.25})))
    assert shown[:8] == ["main", "EI", "–", "2", "4", "2", "0", "10.0"]
    assert shown[8:] == ["30.0 [26.0, 34.0]", "1 (25.0 %)", "90.0", "0.300", "10.0 min", "20.0 min"]


def test_an_sft_run_has_no_rollouts_and_no_batch_of_questions() -> None:
    assert texts(run_row(run_json("results/sft", kind="sft")))[1:5] == ["SFT", "–", "–", "–"]


def test_missing_measures_are_dashes_that_sort_first() -> None:
    assert share(None)["value"] < share(0.0)["value"]
    assert duration(None)["text"] == "–"


def test_seconds_are_said_in_the_unit_that_a_person_would_use() -> None:
    assert [duration(s)["text"] for s in (45, 600, 9000)] == ["45 s", "10.0 min", "2.5 h"]


def test_comparisons_stand_in_groups_and_an_empty_group_is_left_out() -> None:
    groups = comparison_groups([pair(0.1, 0.2, 0.001), pair(0.1, 0.2, 0.001, "sft")])
    assert [(group["title"], len(group["rows"])) for group in groups] == [
        ("Against the SFT baseline", 1),
        ("One step against the step before", 1),
    ]


def test_settings_that_differ_from_the_first_run_are_marked() -> None:
    other = run_json(
        "s", settings={"model": "base", "sample": {"questions": 4, "rollouts": 8}, "steps": 2}
    )
    rows = {row["key"]: row for row in settings_table([run_json("r"), other])}
    assert not rows["model"]["differs"]
    assert [cell["differs"] for cell in rows["sample.rollouts"]["cells"]] == [False, True]
    assert texts(rows["sft.epochs"]["cells"]) == ["2", "–"]


def test_nested_settings_become_dotted_names() -> None:
    assert flat({"a": {"b": {"c": 1}}, "d": None}) == {"a.b.c": 1, "d": None}


def test_the_discussion_is_escaped_and_keeps_its_lists() -> None:
    paragraph, bullets = to_html("A **bold** <b>word</b> & 5 %.\n\n- one\n  more\n- two").split(
        "\n"
    )
    assert paragraph == "<p>A <strong>bold</strong> &lt;b&gt;word&lt;/b&gt; &amp; 5\u00a0%.</p>"
    assert bullets == "<ul><li>one more</li><li>two</li></ul>"


def test_the_discussion_parts_at_its_first_heading() -> None:
    assert parts("Two sentences. Here.\n\n## Measured\n\n- n 500\n") == (
        "Two sentences. Here.",
        "- n 500",
    )
    assert parts("No heading.") == ("No heading.", "")
    assert parts("") == ("", "")
