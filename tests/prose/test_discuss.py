"""The two sentences in every case: better, worse, cannot tell, no SFT, collapse, one step, several seeds."""

import json
import re

import pytest

import discuss
from ei.analysis.verdict import verdict
from ei.prose.words import figures, interval, points, steps
from helpers import script


def run(name, accuracies, kind="ei", group=None, seed=0, best=None):
    evaluations = [
        {
            "step": step,
            "n": 500,
            "accuracy": accuracy,
            "accuracy_ci95": [accuracy - 0.04, accuracy + 0.04],
        }
        for step, accuracy in enumerate(accuracies)
    ]
    top = None if best is None else {**evaluations[best], "n": 200}
    return {
        "run": f"results/{name}", "name": name, "group": group or name, "kind": kind, "seed": seed,
        "evaluations": evaluations, "development": evaluations if best is not None else [], "best": top,
        "stopped_after": None, "skipped_too_long": {"train": 0, "validation": 0},
    }  # fmt: skip


def compared(what, a, a_step, b, b_step, half=0.03, p=None):
    """A comparison of two steps with an interval of this half width."""
    of_a, of_b = a["evaluations"][a_step]["accuracy"], b["evaluations"][b_step]["accuracy"]
    difference = of_a - of_b
    sides = ({name: run[name] for name in ("run", "name", "group")} for run in (a, b))
    a_side, b_side = (
        {**side, "step": step} for side, step in zip(sides, (a_step, b_step), strict=True)
    )
    return {
        "what": what, "a": a_side, "b": b_side, "n": 500, "accuracy_a": of_a, "accuracy_b": of_b,
        "difference": difference, "ci95": [difference - half, difference + half], "only_a": 40, "only_b": 30,
        "mcnemar_p": p if p is not None else (0.001 if abs(difference) > half else 0.4),
    }  # fmt: skip


def among(one):
    """The comparisons of a run with itself."""
    last = len(one["evaluations"]) - 1
    found = [compared("steps", one, step, one, step - 1) for step in range(1, last + 1)]
    best = one["best"]["step"] if one["best"] else last
    if best < last - 1:
        found.append(compared("steps", one, last, one, best))
    return [*found, compared("base", one, last, one, 0)]


def said(runs, comparisons):
    """The two sentences; there must be two."""
    first = discuss.discussion(runs, comparisons).split("\n\n")[0]
    sentences = re.split(r"(?<=\.) (?=[A-Z])", first)
    assert len(sentences) == 2
    assert all(sentence.endswith(".") for sentence in sentences)
    return sentences


def with_sft(of_main, of_sft, **how):
    main, sft = run("main", [0.1, of_main]), run("sft", [0.1, of_sft], kind="sft")
    return said([main, sft], [*among(main), compared("sft", main, 1, sft, 1, **how)])[0]


def test_better_than_sft():
    assert with_sft(0.5, 0.4) == (
        "After 1 step expert iteration solves 50.0 % of the 500 validation questions and plain SFT 40.0 %:"
        " expert iteration is better (+10.0 points, 95 % interval +7.0 to +13.0)."
    )


def test_worse_than_sft():
    assert with_sft(0.3, 0.4).endswith(
        ": expert iteration is worse (-10.0 points, 95 % interval -13.0 to -7.0)."
    )


def test_no_difference_where_the_interval_holds_zero():
    assert with_sft(0.41, 0.4).endswith(
        ": no difference can be told (+1.0 points, 95 % interval -2.0 to +4.0, McNemar p = 0.40)."
    )


def test_no_difference_where_the_interval_and_mcnemar_disagree():
    assert "no difference can be told" in with_sft(0.5, 0.4, p=0.06)
    assert "no difference can be told" in with_sft(0.41, 0.4, p=0.01)


def test_without_an_sft_run_the_base_policy_is_what_is_left():
    main = run("main", [0.1, 0.5])
    assert said([main], among(main))[0] == (
        "After 1 step expert iteration solves 50.0 % of the 500 validation questions, more than its base policy's"
        " 10.0 % (+40.0 points, 95 % interval +37.0 to +43.0); there is no run of plain SFT to compare it with."
    )


def test_sft_on_all_traces_is_the_one_in_the_sentence():
    main = run("main", [0.1, 0.5])
    filtered, sft = (
        run(name, [0.1, share], kind="sft")
        for name, share in (("sft_filtered", 0.45), ("sft", 0.4))
    )
    against = [compared("sft", main, 1, other, 1) for other in (filtered, sft)]
    runs = [main, filtered, sft]
    assert "plain SFT 40.0 %" in said(runs, [*among(main), *against])[0]
    assert "main at step 1 against sft_filtered at step 1: better" in discuss.discussion(
        runs, [*among(main), *against]
    )


def of_steps(*accuracies, best=None):
    main = run("main", accuracies, best=best)
    return said([main], among(main))[1]


def test_a_rise_at_every_step():
    assert (
        of_steps(0.1, 0.2, 0.3)
        == "From the base policy to step 2 accuracy went 10.0, 20.0, 30.0 %: it rose at every step."
    )


def test_rises_a_fall_and_a_step_that_cannot_be_told():
    assert of_steps(0.1, 0.2, 0.3, 0.31, 0.2) == (
        "From the base policy to step 4 accuracy went 10.0, 20.0, 30.0, 31.0, 20.0 %: it rose at steps 1 and 2, it"
        " fell at step 4 (-11.0 points, 95 % interval -14.0 to -8.0), and at step 3 no difference from the step before"
        " can be told (+1.0 points, 95 % interval -2.0 to +4.0, McNemar p = 0.40); the last step is worse than step 3,"
        " the highest of them (-11.0 points, 95 % interval -14.0 to -8.0)."
    )


def test_no_step_that_differs_from_the_one_before():
    assert ": at no step a difference from the step before can be told (+1.0 points" in of_steps(
        0.1, 0.11, 0.1
    )


def test_late_collapse_names_the_best_step_of_the_development_split():
    """Each fall is too small to be told, all of them together are not."""
    found = of_steps(0.1, 0.5, 0.48, 0.46, best=1)
    assert found.endswith(
        "; the last step is worse than step 1, the best on the development split"
        " (-4.0 points, 95 % interval -7.0 to -1.0)."
    )
    assert "the last step is worse" not in of_steps(0.1, 0.5, 0.49, 0.48, best=1)


def test_one_step_alone():
    assert of_steps(0.1, 0.3) == (
        "There is one step alone, so no two steps can be compared with each other: it raised accuracy from 10.0 % to"
        " 30.0 % (+20.0 points, 95 % interval +17.0 to +23.0)."
    )
    assert "it lowered accuracy from 30.0 % to 10.0 %" in of_steps(0.3, 0.1)
    assert (
        "between the base policy's 10.0 % and this step's 11.0 % no difference can be told"
        in of_steps(0.1, 0.11)
    )


def three_seeds(*accuracies):
    names = ("main", "main-seed1", "main-seed2")
    mains = [
        run(name, one, group="main", seed=seed)
        for seed, (name, one) in enumerate(zip(names, accuracies, strict=True))
    ]
    sft = run("sft", [0.1, 0.4], kind="sft")
    against = [compared("sft", one, len(one["evaluations"]) - 1, sft, 1) for one in mains]
    return said([*mains, sft], [*(one for main in mains for one in among(main)), *against])


def test_several_seeds_give_mean_and_range_and_must_agree():
    first, second = three_seeds([0.1, 0.3, 0.5], [0.1, 0.3, 0.52], [0.1, 0.3, 0.48])
    assert first == (
        "With 3 seeds, after 2 steps expert iteration solves 50.0 % (48.0 % to 52.0 %) of the 500 validation questions"
        " and plain SFT 40.0 %: expert iteration is better (+10.0 points on average, from +8.0 to +12.0; with the first"
        " seed 95 % interval +7.0 to +13.0)."
    )
    assert "10.0, 30.0, 50.0 % with seed 0: it rose at every step with every seed." in second


def test_seeds_that_disagree_tell_no_difference():
    first, second = three_seeds([0.1, 0.3, 0.5], [0.1, 0.45, 0.3], [0.1, 0.3, 0.41])
    assert "no difference can be told" in first
    assert "it rose at step 1 with every seed" in second
    assert "at step 2 no difference from the step before can be told with every seed" in second
    assert second.endswith(
        "; with 1 of 3 seeds the last step is worse than the highest of them"
        " (seed 1, step 1: -15.0 points, 95 % interval -18.0 to -12.0)."
    )


@pytest.mark.parametrize(
    ("ci95", "p", "expected"),
    [
        ([0.01, 0.05], 0.01, 1),
        ([-0.05, -0.01], 0.01, -1),
        ([0.0, 0.05], 0.01, 0),
        ([0.01, 0.05], 0.05, 0),
    ],
)
def test_a_verdict_needs_both_an_interval_without_zero_and_a_small_p(ci95, p, expected):
    assert verdict([{"ci95": ci95, "mcnemar_p": p}]) == expected


def test_no_comparison_is_no_verdict():
    assert verdict([]) == 0


def test_numbers_as_they_are_said():
    assert (points(0.0004), points(-0.0004), points(-0.026)) == ("+0.0", "+0.0", "-2.6")
    assert interval([-0.058, 0.006]) == "-5.8 to +0.6"
    assert [steps(numbers) for numbers in ([5], [1, 2], [1, 2, 3], [1, 2, 5])] == [
        "step 5", "steps 1 and 2", "steps 1 to 3", "steps 1, 2 and 5",
    ]  # fmt: skip
    assert figures([{"difference": 0.1, "ci95": [0.05, 0.15], "mcnemar_p": 0.001}]) == (
        "+10.0 points, 95 % interval +5.0 to +15.0"
    )


def test_the_list_below_has_the_numbers_of_every_run(tmp_path):
    main, other = run("main", [0.1, 0.3, 0.2], best=1), run("G4", [0.1, 0.2, 0.25])
    main["stopped_after"] = 2
    main["skipped_too_long"] = {"train": 3, "validation": 1}
    comparisons = [*among(main), compared("main", other, 2, main, 2)]
    for name, value in (
        ("main", main),
        ("G4", other),
        ("comparisons", {"comparisons": comparisons}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    out = tmp_path / "discussion.md"
    result = script(
        "discuss.py", "--runs", tmp_path / "main.json", tmp_path / "G4.json",
        "--comparisons", tmp_path / "comparisons.json", "--output", out,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    text = out.read_text()
    assert result.stdout.strip() == text.split("\n\n")[0]
    assert "- 2 runs, seed 0.\n" in text
    assert (
        "main, 500 validation questions, accuracy after step (with 95 % Wilson interval) 0: 10.0 % [6.0, 14.0]"
        in text
    )
    assert (
        "best of 3 evaluations of the 200 questions of the development split: step 1, 30.0 % [26.0, 34.0]"
        in text
    )
    assert "main stopped early, after step 2." in text
    assert (
        "left out as too long for the model, 3 questions of the steps' batches and 1 question of the"
        in text
    )
    assert text.count("too long") == 1
    assert "G4 at step 2 against main at step 2: better (+5.0 points" in text


def test_no_run_of_expert_iteration_is_an_error_in_words(tmp_path):
    (tmp_path / "sft.json").write_text(json.dumps(run("sft", [0.1, 0.2], kind="sft")))
    (tmp_path / "comparisons.json").write_text('{"comparisons": []}')
    result = script(
        "discuss.py", "--runs", tmp_path / "sft.json", "--comparisons", tmp_path / "comparisons.json",
        "--output", tmp_path / "discussion.md",
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr == "error: none of the runs is one of expert iteration\n"
