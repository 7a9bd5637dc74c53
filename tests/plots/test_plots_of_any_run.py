"""Plots of whole and of odd runs: what is drawn is what the runs' run.json say."""

import math

import numpy as np
import pytest
from drawn import (
    SETTINGS,
    bars_of,
    curves_with_intervals,
    picture,
    points_of,
    says_nothing,
    totals_of,
    words,
)
from example_runs import ODD

from ei.plots import curves, style
from ei.plots.entropy import first_updates

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
    if says_nothing(figure):  # what it would show, another picture shows
        assert not (alike and curves.compares(runs, SETTINGS[name]))
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
