"""What plots show beyond the numbers: labels, axes, what stands out, and the stage itself."""

import json
from itertools import pairwise

import numpy as np
import pytest
from drawn import (
    NAMES,
    SETTINGS,
    SHARES,
    curves_with_intervals,
    picture,
    says_nothing,
    totals_of,
    words,
)
from example_runs import ODD, a_run, an_experiment, evaluation, stage_time, step_row
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Text
from PIL import Image

from ei.analysis.times import RULES
from ei.plots import PICTURES, cost, rollouts
from ei.plots.entropy import first_updates
from ei.plots.formats import label_direction, well_separated
from helpers import script


@pytest.mark.parametrize("name", NAMES)
def test_before_the_first_evaluation_every_plot_says_that_there_is_nothing(name):
    assert says_nothing(picture(name, ODD["no evaluation"]))


def test_learning_rates_are_written_as_powers_of_ten():
    found = words(picture("accuracy_lr", an_experiment()))
    for rate in ("1e-5", "2e-5", "1e-4"):
        assert f"lr = {rate}, 3 seeds: " in found


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


def test_the_base_under_other_prompts_is_a_labelled_line_across_the_plot():
    prompts = {"question": evaluation(0, 310), "chat": evaluation(0, 150)}
    figure = picture("accuracy", [a_run(prompts=prompts)], target=None)
    (axes,) = figure.axes
    levels = [list(line.get_ydata()) for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert levels == [[0.62, 0.62], [0.3, 0.3]]
    assert "base, question: 62.0 %" in words(figure)
    assert "base, chat: 30.0 %" in words(figure)
    assert axes.get_ylim()[1] >= 0.62


def test_the_curve_of_an_experiment_stands_beside_where_its_sft_baselines_ended():
    written = words(picture("accuracy", an_experiment()))
    assert "SFT baseline: 24.0 %" in written
    assert "SFT on correct traces: 27.0 %" in written


def test_pass_at_k_before_and_after_stands_above_the_distinct_correct_responses():
    tries = [
        evaluation(step, 50, samples=8, pass_at_k={"1": 0.1 + step / 10, "8": 0.5 - step / 50})
        for step in (0, 5)
    ]
    steps = [step_row(step, distinct_correct=500 - 50 * step) for step in range(1, 6)]
    figure = picture("breadth", [a_run(samples=tries, steps=steps)])
    upper, lower = figure.axes
    assert [list(line.get_ydata()) for line in upper.lines] == [
        pytest.approx([0.1, 0.6]),
        pytest.approx([0.5, 0.4]),
    ]
    assert "pass@1: 60.0 %" in words(figure)
    (line,) = lower.lines
    assert list(line.get_xdata()) == [0, 1, 2, 3, 4]  # the policies that sampled them
    assert list(line.get_ydata()) == pytest.approx([1.8, 1.6, 1.4, 1.2, 1.0])


def test_without_several_responses_the_plot_of_breadth_says_so():
    steps = [step_row(1, distinct_correct=500)]
    assert "pass@k was not measured" in words(picture("breadth", [a_run(steps=steps)]))


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
    runs = [a_run(), a_run("G4", changes={"sample.rollouts": 4})]
    with_target, without = (picture(name, runs, target) for target in (0.15, None))
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
