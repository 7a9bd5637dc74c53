"""Which runs a plot shows, and what their accuracies come to over seeds."""

import numpy as np
import pytest
from example_runs import a_run, an_experiment

from ei.analysis.statistics import wilson
from ei.plots import curves


def test_one_run_makes_no_two_pictures_of_the_same_line():
    names = curves.worth_drawing([a_run()])
    assert names[:2] == ["accuracy", "entropy"]  # none along a setting in which nothing differs


def test_a_setting_that_differs_is_worth_a_picture_and_the_others_are_none():
    runs = [a_run(), a_run("epochs4", changes={"sft.epochs": 4})]
    found = [name for name in curves.worth_drawing(runs) if name.startswith("accuracy_")]
    assert found == ["accuracy_epochs"]


def test_seeds_of_one_configuration_are_shown_once():
    runs = [a_run(), a_run("main-seed1", (30, 90), seed=1, group="main")]
    found = [name for name in curves.worth_drawing(runs) if name.startswith("accuracy_")]
    assert found == ["accuracy_rollouts"]


def test_a_setting_shows_the_main_configuration_and_what_differs_in_it_alone():
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


def test_values_for_each_step_stand_where_their_first_would():
    runs = [a_run("main"), a_run("late", changes={"sample.rollouts": [4, 32]})]
    runs.append(a_run("early", changes={"sample.rollouts": [16, 4]}))
    assert list(curves.along(runs, "sample.rollouts")) == [(4, 32), 8, (16, 4)]


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
    means = {group: point.mean for group, point in curves.baselines(runs).items()}
    assert means == {"sft": pytest.approx(0.25)}
