"""Pictures: which runs are in them, what their axes and lines say, and that every one is made whatever is missing."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pytest
from example_runs import ODD, a_run, an_experiment, step_row
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import plots
from ei.analysis.statistics import wilson
from ei.plots import PICTURES, cost, curves, rollouts, style
from ei.plots.entropy import first_updates
from ei.plots.formats import apart, away
from helpers import script

NAMES = list(plots.pictures(None))
SHARES = [
    "accuracy",
    "accuracy_rollouts",
    "accuracy_epochs",
    "accuracy_questions",
    "format",
    "kept",
    "levels",
]


def picture(name: str, runs: list[dict[str, Any]], bar: float | None = 0.15) -> Figure:
    with matplotlib.style.context(style.STYLE, after_reset=True):
        figure = plots.pictures(bar)[name](runs)
        figure.draw_without_rendering()
    return figure


def words(figure: Figure) -> str:
    """All that is written in the axes of the figure."""
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def marked(axes: Axes) -> list[Any]:
    """The lines that have markers and more than one point."""
    return [
        line
        for line in axes.lines
        if line.get_marker() in style.MARKERS and len(line.get_xdata()) > 1
    ]


def test_the_picture_of_a_setting_shows_the_main_configuration_and_what_differs_in_it_alone():
    runs = [*an_experiment(), a_run("both", changes={"sample.rollouts": 4, "sft.epochs": 1})]
    chosen = {
        setting: {
            value: [run["name"] for run in same]
            for value, same in curves.along(runs, setting).items()
        }
        for setting in ("sample.rollouts", "sft.epochs")
    }
    assert chosen == {
        "sample.rollouts": {
            4: ["G4", "G4-seed1", "G4-seed2"],
            8: ["main", "main-seed1", "main-seed2"],
            16: ["G16", "G16-seed1", "G16-seed2"],
        },
        "sft.epochs": {
            1: ["epochs1", "epochs1-seed1", "epochs1-seed2"],
            2: ["main", "main-seed1", "main-seed2"],
            4: ["epochs4", "epochs4-seed1", "epochs4-seed2"],
        },
    }


def test_the_main_run_is_the_one_of_that_name_else_the_first_of_expert_iteration():
    sft, first, main = a_run("sft", kind="sft"), a_run("G4"), a_run("main")
    assert curves.main_run([sft, first, main]) is main
    assert curves.main_run([sft, first]) is first
    assert curves.main_run([sft]) is sft


def test_a_point_over_seeds_is_their_mean_with_the_mean_interval_and_their_range():
    runs = [a_run("main", (20, 100)), a_run("main-seed1", (20, 150))]
    base, after = curves.curve(runs)
    ends = [wilson(100, 500), wilson(150, 500)]
    assert base[1:] == (0.04, *wilson(20, 500), 0.04, 0.04, 2)
    assert after.mean == pytest.approx(0.25)
    assert (after.low, after.high) == pytest.approx(np.mean(ends, axis=0))
    assert (after.least, after.most, after.runs) == (0.2, 0.3, 2)


def test_the_baseline_is_where_its_sft_ended_not_its_base_policy():
    runs = [
        a_run("sft", (20, 120), kind="sft"),
        a_run("sft-seed1", (20, 130), kind="sft"),
        a_run("other", (20,), kind="sft"),
    ]
    assert {group: point.mean for group, point in curves.baselines(runs).items()} == {
        "sft": pytest.approx(0.25)
    }


@pytest.mark.parametrize("name", ["accuracy_rollouts", "accuracy_epochs", "accuracy_questions"])
def test_each_configuration_has_one_line_that_differs_in_colour_marker_and_dash(name):
    (axes,) = picture(name, an_experiment()).axes
    lines = marked(axes)
    assert len(lines) == 3
    for look_of in (lambda line: line.get_color(), lambda line: line.get_marker()):
        assert len({look_of(line) for line in lines}) == 3
    lightness = [np.dot(to_rgb(line.get_color()), [0.2126, 0.7152, 0.0722]) for line in lines]
    assert lightness == sorted(lightness, reverse=True)


def test_a_mean_over_seeds_ends_where_the_first_seed_does_and_the_others_go_on_as_thin_lines():
    runs = [a_run("main", (20, 90, 80), stopped_after=2), a_run("main-seed1", (20, 100, 150, 200))]
    (axes,) = picture("accuracy_rollouts", runs, bar=None).axes
    (mean,) = marked(axes)
    assert list(mean.get_ydata()) == pytest.approx([0.04, 0.19, 0.23])
    thin = [list(line.get_ydata()) for line in axes.lines if line.get_linewidth() == 0.7]
    assert thin == [[0.16], [0.3, 0.4]]


def test_the_ends_of_lines_name_what_they_are():
    written = words(picture("accuracy_rollouts", an_experiment()))
    for name in (
        "G = 4, 3 seeds",
        "G = 8, 3 seeds",
        "G = 16, 3 seeds",
        "SFT baseline: 24.0 %",
        "15 % to beat",
    ):
        assert name in written


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("rights", [(0, 0, 0), (20, 90, 140), (480, 495, 500)])
def test_an_axis_of_shares_starts_at_zero_and_holds_all_that_is_drawn(name, rights):
    (axes,) = picture(name, [a_run(rights=rights)]).axes
    low, high = axes.get_ylim()
    drawn = [y for line in axes.lines for y in line.get_ydata() if np.isfinite(y)]
    assert low == 0
    assert max(drawn, default=0) <= high <= 1


def test_the_share_cut_off_and_the_tokens_start_at_zero():
    assert [axes.get_ylim()[0] for axes in picture("length", [a_run()]).axes] == [0, 0]


def test_no_two_labels_at_the_ends_of_lines_overlap():
    main, other = a_run("main", (20, 74)), a_run("G4", (20, 75), changes={"sample.rollouts": 4})
    figure = picture("accuracy_rollouts", [main, other, a_run("sft", (20, 76), kind="sft")])
    labels = figure.axes[0].texts[1:]  # the first is the subtitle
    boxes = sorted((Text.get_window_extent(label) for label in labels), key=lambda box: box.y0)
    assert len(boxes) == 4
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


@pytest.mark.parametrize(
    "colour", [style.ORANGE, style.YELLOW, style.SKY, style.PINK, style.BLUE, style.BLACK, "#FFFFFF"]
)
def test_words_can_be_read_on_white(colour):
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(style.ink(colour))
    )
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


def test_a_dark_colour_stays_as_it_is():
    assert style.ink(style.BLUE) == style.BLUE.lower()


@pytest.mark.parametrize("seed", range(20))
def test_spread_places_keep_their_order_and_their_gap_and_move_only_where_crowded(seed):
    draw = random.Random(seed)
    wanted = [draw.random() for _ in range(6)]
    places = style.spread(wanted, 0.05)
    in_order = [place for _, place in sorted(zip(wanted, places, strict=True))]
    assert all(upper - lower >= 0.05 - 1e-9 for lower, upper in pairwise(in_order))
    assert min(places) >= 0
    assert max(places) <= 1 + 1e-9
    assert style.spread([0.1, 0.9, 0.5], 0.05) == pytest.approx([0.1, 0.9, 0.5])
    assert style.spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


def test_steps_without_updates_begin_where_the_next_does():
    updates = [{"step": 2, "update": 1}, {"step": 2, "update": 2}, {"step": 3, "update": 1}]
    run = {"updates": updates, "steps": [{"step": 1}, {"step": 2}, {"step": 3}], "evaluations": []}
    assert first_updates(run) == {1: 0, 2: 0, 3: 2, 4: 3}


def test_wrong_rollouts_are_split_by_their_status_where_that_adds_up():
    split = {"kept": 300, "wrong": 550, "no_format": 90, "undecided": 10, "duplicate": 50}
    assert rollouts.parts(step_row(1)) == split
    unsplit = {**step_row(1), "dropped": {"duplicate": 50, "wrong": 0}, "kept": 950}
    assert rollouts.parts(unsplit) == {"kept": 950, "duplicate": 50, "wrong": 0}


def test_the_bars_of_what_became_of_rollouts_reach_100_percent():
    (axes,) = picture("kept", [a_run()]).axes
    for step in range(1, 6):
        heights = [
            bar.get_height()
            for bar in axes.patches
            if abs(bar.get_x() + bar.get_width() / 2 - step) < 0.01
        ]
        assert sum(heights) == pytest.approx(1)


def test_the_longest_stages_are_named_and_the_rest_are_others():
    seconds = {
        "sample": 90,
        "sft": 80,
        "eval": 70,
        "score": 60,
        "grade": 50,
        "filter": 2,
        "metrics": 1,
    }
    stages = [{"step": 1, "stage": stage, "seconds": s} for stage, s in seconds.items()]
    assert cost.by_stage([*stages, {"step": None, "stage": "data", "seconds": 4}]) == {
        0: {"others": 4},
        1: {"sample": 90, "sft": 80, "eval": 70, "score": 60, "grade": 50, "others": 3},
    }


def test_the_time_of_what_another_run_made_is_not_counted():
    run = a_run()
    run["stages"].append({"step": 1, "stage": "eval", "seconds": 9999.0, "shared_from": "results"})
    (axes,) = picture("time", [run]).axes
    assert axes.get_ylim()[1] < 600  # seconds
    assert "1,850 GPU-seconds" in words(axes.figure)


def test_numbers_of_steps_on_the_path_do_not_lie_on_each_other_or_on_it():
    assert apart([(0.1, 0.1), (0.5, 0.5), (0.51, 0.5), (0.52, 0.5)]) == [0, 3]
    assert away([(0.2, 0.5), (0.5, 0.5)], 1) == pytest.approx((1, 0))
    assert away([(0.2, 0.5), (0.4, 0.7), (0.6, 0.5)], 1) == pytest.approx((0, 1))
    assert np.dot(away([(0.2, 0.5), (0.4, 0.5), (0.6, 0.5)], 1), (1, 0)) == pytest.approx(0)
    assert np.dot(away([(0.8, 0.5), (0.8, 0.01)], 1), (0, 1)) == pytest.approx(
        0
    )  # not below the axis


def test_the_chosen_step_is_circled_and_an_early_stop_is_named():
    figure = picture("accuracy", [a_run(best={"step": 2, "accuracy": 0.3}, stopped_after=3)])
    (circle,) = [line for line in figure.axes[0].lines if line.get_markersize() == 12]
    assert list(circle.get_xdata()) == [2]
    assert "stopped early after step 3; circled: best on the development split" in words(figure)


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_made_of_every_run(name, case):
    picture(name, ODD[case], bar=0.15)


@pytest.mark.parametrize("name", ["accuracy", "accuracy_rollouts"])
def test_without_a_bar_none_is_drawn(name):
    assert "to beat" in words(picture(name, [a_run()]))
    assert "to beat" not in words(picture(name, [a_run()], bar=None))


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_with_nothing_to_show_says_so(name):
    figure = picture(name, ODD["nothing but names"])
    assert words(figure).startswith("no ")


def test_pictures_are_the_same_bytes_twice_and_small(tmp_path):
    paths = []
    for run in an_experiment():
        paths.append(tmp_path / f"{run['name']}.json")
        paths[-1].write_text(json.dumps(run))
    for folder in ("one", "two"):
        done = script("plots.py", "--runs", *paths, "--bar", "0.15", "--output", tmp_path / folder)
        assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{name}.{kind}" for name in NAMES for kind in ("png", "svg"))
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
        assert (tmp_path / "one" / file).stat().st_size < 150_000
    assert {Image.open(tmp_path / "one" / f"{name}.png").size for name in NAMES} == {(960, 600)}


def test_the_pictures_are_those_that_the_rules_ask_for():
    assert sorted(NAMES) == sorted(PICTURES)


def test_only_the_named_pictures_are_made(tmp_path):
    path: Path = tmp_path / "run.json"
    path.write_text(json.dumps(a_run()))
    done = script(
        "plots.py", "--runs", path, "--output", tmp_path / "plots", "--names", "accuracy", "entropy"
    )
    assert done.returncode == 0, done.stderr
    made = sorted(file.name for file in (tmp_path / "plots").iterdir())
    assert made == ["accuracy.png", "accuracy.svg", "entropy.png", "entropy.svg"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "does not exist"),
        ("{", "is not JSON"),
        ("{}", "no summary of a run"),
        ("[]", "no summary"),
    ],
)
def test_a_file_that_is_no_summary_of_a_run_is_named(tmp_path, text, says):
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    done = script("plots.py", "--runs", path, "--output", tmp_path / "plots")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {path}")
    assert says in done.stderr
    assert not (tmp_path / "plots").exists()
