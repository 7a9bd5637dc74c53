"""Plots of whole and of odd runs: what is drawn is what the runs' run.json say."""

import json
import math
from itertools import pairwise
from typing import Any

import matplotlib.style
import numpy as np
import pytest
from example_runs import ODD, a_run, an_experiment, stage_time, step_row
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import plots
from ei.analysis.times import RULES
from ei.plots import PICTURES, cost, rollouts, style
from ei.plots.entropy import first_updates
from ei.plots.formats import label_direction, well_separated
from helpers import script

NAMES = list(plots.pictures(None))
SETTINGS = {
    "accuracy_rollouts": "sample.rollouts",
    "accuracy_epochs": "sft.epochs",
    "accuracy_questions": "sample.questions",
}
SHARES = ["accuracy", *SETTINGS, "format", "kept", "levels"]


def picture(name: str, runs: list[dict[str, Any]], target: float | None = 0.15) -> Figure:
    with matplotlib.style.context(style.STYLE, after_reset=True):
        figure = plots.pictures(target)[name](runs)
        figure.draw_without_rendering()
    return figure


def words(figure: Figure) -> str:
    """All text in the axes of the figure."""
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def says_nothing(figure: Figure) -> bool:
    """Whether the figure only says why there is nothing to see; then that is all it says."""
    (axes, *_) = figure.axes
    if axes.axison:
        return False
    assert words(figure).startswith("no ")
    assert not axes.lines
    assert not axes.patches
    return True


def curves_with_intervals(axes: Axes) -> list[tuple[list[float], list[list[float]]]]:
    """(heights, intervals) of every line that has error bars."""
    found = []
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            line, _, (bars,) = container.lines
            intervals = [[low, high] for (_, low), (_, high) in bars.get_segments()]
            found.append((list(line.get_ydata()), intervals))
    return found


def points_of(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """(x, y) of all lines of this colour with more than a marker at a level."""
    return [
        point
        for line in axes.lines
        if line.get_color() == colour and line.get_marker() != "None"
        for point in zip(*line.get_data(), strict=True)
    ]


def bars_of(axes: Axes) -> dict[str, dict[int, float]]:
    """{segment: {step: height}} of stacked bars."""
    return {
        container.get_label(): {
            round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in container
        }
        for container in axes.containers
        if isinstance(container, BarContainer)
    }


def totals_of(axes: Axes) -> dict[int, float]:
    """{step: height of its whole bar}, whose segments lie one on another from the ground."""
    bars = [bar for c in axes.containers if isinstance(c, BarContainer) for bar in c]
    totals: dict[int, float] = {}
    for bar in bars:
        step = round(bar.get_x() + bar.get_width() / 2)
        assert bar.get_y() == pytest.approx(totals.get(step, 0.0))
        totals[step] = bar.get_y() + bar.get_height()
    return totals


every_case = pytest.mark.parametrize("runs", ODD.values(), ids=ODD)


@every_case
def test_accuracy_shows_each_step_of_the_main_run_with_its_interval(runs):
    evaluations = runs[0]["evaluations"]
    figure = picture("accuracy", runs)
    if says_nothing(figure):
        assert not evaluations
        return
    (axes,) = figure.axes
    ((heights, intervals),) = curves_with_intervals(axes)
    assert heights == [e["accuracy"] for e in evaluations]
    assert intervals == pytest.approx(np.array([e["accuracy_ci95"] for e in evaluations]))
    assert points_of(axes, style.GREY) == [(e["step"], e["format_rate"]) for e in evaluations]
    last = evaluations[-1]
    assert f"accuracy: {100 * last['accuracy']:.1f} %" in words(figure)
    assert f"format rate: {100 * last['format_rate']:.1f} %" in words(figure)
    assert "target: 15 %" in words(figure)


@every_case
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_has_a_line_for_each_value_with_the_mean_over_seeds(name, runs):
    section, key = SETTINGS[name].split(".")
    figure = picture(name, runs)
    alike = [
        run
        for run in runs
        if run["kind"] == "ei" and set(run["changes"]) <= {SETTINGS[name]} and run["evaluations"]
    ]
    if says_nothing(figure):
        assert not alike
        return
    values = sorted({run["settings"][section][key] for run in alike})
    lines = curves_with_intervals(figure.axes[0])
    assert len(lines) == len(values)
    for value, (heights, _) in zip(values, lines, strict=True):
        seeds = [run["evaluations"] for run in alike if run["settings"][section][key] == value]
        by_step = zip(*seeds, strict=False)  # up to the first seed that stopped early
        assert heights == pytest.approx(
            [np.mean([one["accuracy"] for one in same]) for same in by_step]
        )


@every_case
def test_levels_have_a_line_each_with_their_number_of_questions(runs):
    evaluations = runs[0]["evaluations"]
    figure = picture("levels", runs)
    if says_nothing(figure):
        assert not any(e["by_level"] for e in evaluations)
        return
    lines = curves_with_intervals(figure.axes[0])
    levels = sorted(evaluations[0]["by_level"])
    for level, (heights, intervals) in zip(levels, lines, strict=True):
        of_level = [e["by_level"][level] for e in evaluations]
        assert heights == [one["accuracy"] for one in of_level]
        assert intervals == pytest.approx(np.array([one["accuracy_ci95"] for one in of_level]))
        assert f"{level} ({of_level[-1]['n']}): {100 * heights[-1]:.1f} %" in words(figure)


@every_case
def test_entropy_shows_all_updates_and_what_was_sampled_before_and_evaluated_after(runs):
    run = runs[0]
    starts = first_updates(run)
    sampled = [
        (starts[step["step"]], step["sampling_entropy"])
        for step in run["steps"]
        if step["sampling_entropy"] is not None
    ]
    evaluated = [
        (starts[e["step"] + 1], e["entropy"])
        for e in run["evaluations"]
        if e["entropy"] is not None
    ]
    figure = picture("entropy", runs)
    if says_nothing(figure):
        assert not [*sampled, *evaluated, *run["updates"]]
        return
    (axes,) = figure.axes
    assert points_of(axes, style.BLUE) == sampled
    assert points_of(axes, style.RED) == evaluated
    drawn = [line for line in axes.lines if line.get_color() == style.GREY]
    assert [len(line.get_xdata()) for line in drawn] == [len(run["updates"])] * len(drawn)
    for line in drawn:
        for height, update in zip(line.get_ydata(), run["updates"], strict=True):
            expected = math.nan if update["entropy"] is None else update["entropy"]
            assert height == pytest.approx(expected, nan_ok=True)


@every_case
def test_the_path_goes_through_format_rate_and_accuracy_given_format(runs):
    path = [
        (e["format_rate"], e["accuracy_given_format"])
        for e in runs[0]["evaluations"]
        if e["accuracy_given_format"] is not None
    ]
    figure = picture("format", runs)
    if says_nothing(figure):
        assert not path
        return
    (axes,) = figure.axes
    assert points_of(axes, style.BLUE) == path
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    assert len(stars) == len([run for run in runs if run["kind"] == "sft"])


@every_case
def test_the_bars_of_what_became_of_rollouts_reach_100_percent(runs):
    steps = runs[0]["steps"]
    figure = picture("kept", runs)
    if says_nothing(figure):
        assert not steps
        return
    (axes,) = figure.axes
    assert totals_of(axes) == pytest.approx({step["step"]: 1.0 for step in steps})
    kept = bars_of(axes).get("kept", {})
    for step in steps:
        assert kept.get(step["step"], 0) == pytest.approx(step["kept"] / step["rollouts"])


@every_case
def test_length_shows_the_rollouts_of_a_step_at_the_policy_that_sampled_them(runs):
    run = runs[0]
    figure = picture("length", runs)
    keys = ("mean_response_tokens", "truncated_rate")
    sampled = run["steps"] if run["kind"] == "ei" else []
    if says_nothing(figure):
        assert not any(row[keys[0]] for row in [*sampled, *run["evaluations"]])
        return
    for axes, key in zip(figure.axes, keys, strict=True):
        assert points_of(axes, style.BLUE) == [(s["step"] - 1, s[key]) for s in sampled]
        measured = [(e["step"], e[key]) for e in run["evaluations"] if e[key] is not None]
        assert points_of(axes, style.RED) == measured
        assert axes.get_ylim()[0] == 0


@every_case
def test_the_bars_of_time_are_as_high_as_the_stages_of_a_step_took(runs):
    stages = runs[0]["stages"]
    figure = picture("time", runs)
    if says_nothing(figure):
        assert not stages
        return
    expected: dict[int, float] = {}
    for stage in stages:
        expected[stage["step"]] = expected.get(stage["step"], 0) + stage["seconds"]
    assert totals_of(figure.axes[0]) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_before_the_first_evaluation_every_plot_says_that_there_is_nothing(name):
    assert says_nothing(picture(name, ODD["no evaluation"]))


@pytest.mark.parametrize("name", SETTINGS)
def test_each_configuration_has_one_line_that_differs_in_colour_marker_and_dash(name):
    (axes,) = picture(name, an_experiment()).axes
    lines = [c.lines[0] for c in axes.containers if isinstance(c, ErrorbarContainer)]
    assert len(lines) == 3
    for property_of in (
        lambda line: line.get_color(),
        lambda line: line.get_marker(),
        lambda line: str(line._unscaled_dash_pattern),
    ):
        assert len({property_of(line) for line in lines}) == 3
    lightness = [np.dot(to_rgb(line.get_color()), [0.2126, 0.7152, 0.0722]) for line in lines]
    assert lightness == sorted(lightness, reverse=True)


def test_a_mean_over_seeds_ends_where_the_first_seed_does_and_the_others_go_on_as_thin_lines():
    runs = [a_run("main", (20, 90, 80), stopped_after=2), a_run("main-seed1", (20, 100, 150, 200))]
    figure = picture("accuracy_rollouts", runs, target=None)
    (axes,) = figure.axes
    ((heights, _),) = curves_with_intervals(axes)
    assert heights == pytest.approx([0.04, 0.19, 0.23])
    thin = [list(line.get_ydata()) for line in axes.lines if line.get_linewidth() == 0.7]
    assert thin == [[0.16], [0.3, 0.4]]
    assert "mean and range over seeds; thin: seeds that ran longer" in words(figure)


def test_the_labels_at_the_ends_of_lines_say_what_they_are():
    written = words(picture("accuracy_rollouts", an_experiment()))
    for label in (
        "G = 4, 3 seeds",
        "G = 8, 3 seeds",
        "G = 16, 3 seeds",
        "SFT baseline: 24.0 %",
        "SFT on correct traces: 27.0 %",
        "target: 15 %",
    ):
        assert label in written


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("correct", [(0, 0, 0), (20, 90, 140), (480, 495, 500)])
def test_an_axis_of_shares_starts_at_zero_and_holds_all_that_is_drawn(name, correct):
    (axes,) = picture(name, [a_run(correct=correct)]).axes
    low, high = axes.get_ylim()
    drawn = [y for line in axes.lines for y in line.get_ydata() if np.isfinite(y)]
    assert low == 0
    assert max(drawn, default=0) <= high <= 1


def test_no_two_labels_at_the_ends_of_lines_overlap():
    main, other = a_run("main", (20, 74)), a_run("G4", (20, 75), changes={"sample.rollouts": 4})
    figure = picture("accuracy_rollouts", [main, other, a_run("sft", (20, 76), kind="sft")])
    labels = figure.axes[0].texts[1:]  # the first is the subtitle
    boxes = sorted((Text.get_window_extent(label) for label in labels), key=lambda box: box.y0)
    assert len(boxes) == 4
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


def test_steps_without_updates_begin_where_the_next_does():
    updates = [{"step": 2, "update": 1}, {"step": 2, "update": 2}, {"step": 3, "update": 1}]
    run = {"updates": updates, "steps": [{"step": 1}, {"step": 2}, {"step": 3}], "evaluations": []}
    assert first_updates(run) == {1: 0, 2: 0, 3: 2, 4: 3}


def test_wrong_rollouts_are_split_by_their_status_where_that_adds_up():
    split = {"kept": 300, "wrong": 550, "no_format": 90, "undecided": 10, "duplicate": 50}
    assert rollouts.fates(step_row(1)) == split
    unsplit = step_row(1) | {"dropped": {"duplicate": 50, "wrong": 0}, "kept": 950}
    assert rollouts.fates(unsplit) == {"kept": 950, "duplicate": 50, "wrong": 0}


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
    times = [stage_time(1, stage, value) for stage, value in seconds.items()]
    assert cost.by_stage([*times, stage_time(0, "data", 4)]) == {
        0: {"others": 4},
        1: {"sample": 90, "sft": 80, "eval": 70, "score": 60, "grade": 50, "others": 3},
    }


@pytest.mark.parametrize(
    ("seconds", "height", "unit"),
    [(500, 500, "seconds"), (1200, 20, "minutes"), (18000, 5, "hours")],
)
def test_long_steps_are_shown_in_minutes_or_hours(seconds, height, unit):
    (axes,) = picture("time", [a_run(stages=[stage_time(1, "sft", seconds)])]).axes
    assert totals_of(axes) == {1: height}
    assert axes.get_ylabel() == f"{unit} of jobs"


def test_every_rule_that_takes_time_has_its_own_segment_in_the_order_of_a_step():
    rules = [rule for rule in RULES if rule != "model"]  # fetched once, for all runs
    assert [*rules, cost.OTHERS] == list(cost.STAGES)


def test_the_time_of_what_another_run_made_is_not_counted():
    run = a_run()
    run["stages"].append(stage_time(1, "eval", 9999.0, shared_from="results"))
    figure = picture("time", [run])
    assert max(totals_of(figure.axes[0]).values()) == 376
    assert "1,850 GPU-seconds" in words(figure)


def test_numbers_of_steps_on_the_path_do_not_lie_on_each_other_or_on_it():
    assert well_separated([(0.1, 0.1), (0.5, 0.5), (0.51, 0.5), (0.52, 0.5)]) == [0, 3]
    assert label_direction([(0.2, 0.5), (0.5, 0.5)], 1) == pytest.approx((1, 0))
    assert label_direction([(0.2, 0.5), (0.4, 0.7), (0.6, 0.5)], 1) == pytest.approx((0, 1))
    straight = label_direction([(0.2, 0.5), (0.4, 0.5), (0.6, 0.5)], 1)
    assert np.dot(straight, (1, 0)) == pytest.approx(0)
    at_the_bottom = label_direction([(0.8, 0.5), (0.8, 0.01)], 1)
    assert np.dot(at_the_bottom, (0, 1)) == pytest.approx(0)  # not below the axis


def test_the_chosen_step_is_circled_and_an_early_stop_is_named():
    figure = picture("accuracy", [a_run(best={"step": 2, "accuracy": 0.3}, stopped_after=3)])
    (circle,) = [line for line in figure.axes[0].lines if line.get_markersize() == 12]
    assert list(circle.get_xdata()) == [2]
    assert "stopped early after step 3; circled: best on the development split" in words(figure)


@pytest.mark.parametrize("name", ["accuracy", "accuracy_rollouts"])
def test_without_a_target_none_is_drawn(name):
    with_target, without = (picture(name, [a_run()], target) for target in (0.15, None))
    assert "target" in words(with_target)
    assert "target" not in words(without)
    assert len(with_target.axes[0].lines) == len(without.axes[0].lines) + 1


def write(folder, *runs):
    """The runs as files."""
    paths = [folder / f"{run['name']}.json" for run in runs]
    for path, run in zip(paths, runs, strict=True):
        path.write_text(json.dumps(run))
    return paths


def test_plots_are_the_same_bytes_twice_and_small(tmp_path):
    paths = write(tmp_path, *an_experiment())
    for folder in ("one", "two"):
        out = tmp_path / folder
        done = script("plots.py", "--runs", *paths, "--target_accuracy", "0.15", "--output", out)
        assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{name}.{kind}" for name in NAMES for kind in ("png", "svg"))
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
        assert (tmp_path / "one" / file).stat().st_size < 150_000
    assert {Image.open(tmp_path / "one" / f"{name}.png").size for name in NAMES} == {(960, 600)}


def test_the_plots_are_those_that_the_rules_ask_for():
    assert sorted(NAMES) == sorted(PICTURES)


def test_only_the_named_plots_are_made(tmp_path):
    (path,) = write(tmp_path, a_run())
    out = tmp_path / "plots"
    done = script("plots.py", "--runs", path, "--output", out, "--names", "accuracy", "entropy")
    assert done.returncode == 0, done.stderr
    made = sorted(file.name for file in out.iterdir())
    assert made == ["accuracy.png", "accuracy.svg", "entropy.png", "entropy.svg"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "does not exist"),
        ("{", "is not JSON"),
        ("{}", "no summary of a run"),
        ("[]", "no summary of a run"),
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
