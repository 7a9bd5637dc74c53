"""The two sentences in every case: better, worse, unclear, no SFT, collapse, one step, seeds."""

import json
import re

import pytest

import discuss
from ei.prose.measured import lines
from ei.prose.words import clauses, figures, interval, listed, named_steps, points
from helpers import script
from summaries import compared, run


def against_itself(one):
    """The comparisons of a run with itself."""
    last = len(one["evaluations"]) - 1
    found = [compared("steps", one, step, one, step - 1) for step in range(1, last + 1)]
    best = one["best"]["step"] if one["best"] else last
    if best < last - 1:
        found.append(compared("steps", one, last, one, best))
    return [*found, compared("base", one, last, one, 0)]


def sentences(runs, comparisons):
    """The two sentences; there must be two."""
    paragraph = discuss.discussion(runs, comparisons).split("\n\n")[0]
    found = re.split(r"(?<=\.) (?=[A-Z])", paragraph)
    assert len(found) == 2
    assert all(sentence.endswith(".") for sentence in found)
    return found


def first_sentence(of_main, of_sft, **how):
    main, sft = run("main", [0.1, of_main]), run("sft", [0.1, of_sft], kind="sft")
    pairs = [*against_itself(main), compared("sft", main, 1, sft, 1, **how)]
    return sentences([main, sft], pairs)[0]


def test_better_than_sft():
    assert first_sentence(0.5, 0.4) == (
        "After 1 step, expert iteration solves 50.0 % of the 500 validation questions and the SFT"
        " baseline 40.0 %: expert iteration is better (+10.0 points, 95 % interval +7.0 to +13.0)."
    )


def test_worse_than_sft():
    assert first_sentence(0.3, 0.4).endswith(
        ": expert iteration is worse (-10.0 points, 95 % interval -13.0 to -7.0)."
    )


def test_no_significant_difference_where_the_interval_holds_zero():
    assert first_sentence(0.41, 0.4).endswith(
        ": no significant difference (+1.0 points, 95 % interval -2.0 to +4.0, McNemar p = 0.40)."
    )


def test_no_significant_difference_where_the_interval_and_mcnemar_disagree():
    assert "no significant difference" in first_sentence(0.5, 0.4, p=0.06)
    assert "no significant difference" in first_sentence(0.41, 0.4, p=0.01)


@pytest.mark.parametrize(
    ("reached", "outcome"),
    [
        (0.5, "more than the base policy's 10.0 % (+40.0 points, 95 % interval +37.0 to +43.0)"),
        (0.05, "fewer than the base policy's 10.0 % (-5.0 points, 95 % interval -8.0 to -2.0)"),
        (0.11, "not significantly different from the base policy's 10.0 % (+1.0 points"),
    ],
)
def test_without_an_sft_run_the_last_step_is_compared_with_the_base_policy(reached, outcome):
    main = run("main", [0.1, reached])
    said = sentences([main], against_itself(main))[0]
    assert f"validation questions, {outcome}" in said
    assert said.endswith("; there is no SFT baseline to compare with.")


def test_of_two_baselines_the_sentence_names_that_on_all_traces():
    main = run("main", [0.1, 0.5])
    filtered, sft = (
        run(name, [0.1, share], kind="sft")
        for name, share in (("sft_filtered", 0.45), ("sft", 0.4))
    )
    pairs = [compared("sft", main, 1, other, 1) for other in (filtered, sft)]
    text = discuss.discussion([main, filtered, sft], [*against_itself(main), *pairs])
    assert "the SFT baseline 40.0 %" in text.split("\n\n")[0]
    assert "main at step 1 against sft_filtered at step 1: better" in text


def second_sentence(*accuracies, best=None):
    main = run("main", accuracies, best=best)
    return sentences([main], against_itself(main))[1]


def test_a_rise_at_every_step():
    assert second_sentence(0.1, 0.2, 0.3) == (
        "Accuracy from the base policy to step 2 was 10.0, 20.0, 30.0 %: it rose at every step."
    )


def test_rises_a_fall_and_a_step_without_a_significant_change():
    assert second_sentence(0.1, 0.2, 0.3, 0.31, 0.2) == (
        "Accuracy from the base policy to step 4 was 10.0, 20.0, 30.0, 31.0, 20.0 %: it rose at"
        " steps 1 and 2, fell at step 4 (-11.0 points, 95 % interval -14.0 to -8.0), and did not"
        " change significantly at step 3 (+1.0 points, 95 % interval -2.0 to +4.0, McNemar p ="
        " 0.40); the last step is worse than step 3, the highest (-11.0 points, 95 % interval -14.0"
        " to -8.0)."
    )


def test_no_step_that_differs_significantly_from_the_one_before():
    said = second_sentence(0.1, 0.11, 0.1)
    assert ": it did not change significantly at any step (+1.0 points" in said


def test_late_collapse_names_the_best_step_of_the_development_split():
    """Each fall is too small to be significant, all of them together are not."""
    assert second_sentence(0.1, 0.5, 0.48, 0.46, best=1).endswith(
        "; the last step is worse than step 1, the best on the development split"
        " (-4.0 points, 95 % interval -7.0 to -1.0)."
    )
    assert "the last step is worse" not in second_sentence(0.1, 0.5, 0.49, 0.48, best=1)


@pytest.mark.parametrize(
    ("reached", "outcome"),
    [
        (0.5, ": it raised accuracy from 30.0 % to 50.0 % (+20.0 points"),
        (0.1, ": it lowered accuracy from 30.0 % to 10.0 % (-20.0 points"),
        (0.31, "; its change in accuracy from 30.0 % to 31.0 % is not significant (+1.0 points"),
    ],
)
def test_a_single_step_is_compared_with_the_base_policy(reached, outcome):
    said = second_sentence(0.3, reached)
    assert said.startswith(f"There is only one step, so no two steps can be compared{outcome}")


def test_a_run_without_steps_says_so():
    assert second_sentence(0.3) == "No step was made, so there are no steps to compare."


def three_seeds(*accuracies):
    names = ("main", "main-seed1", "main-seed2")
    mains = [
        run(name, one, group="main", seed=seed)
        for seed, (name, one) in enumerate(zip(names, accuracies, strict=True))
    ]
    sft = run("sft", [0.1, 0.4], kind="sft")
    pairs = [compared("sft", one, len(one["evaluations"]) - 1, sft, 1) for one in mains]
    return sentences([*mains, sft], [*(p for main in mains for p in against_itself(main)), *pairs])


def test_several_seeds_give_mean_and_range_and_must_agree():
    first, second = three_seeds([0.1, 0.3, 0.5], [0.1, 0.3, 0.52], [0.1, 0.3, 0.48])
    assert first == (
        "With 3 seeds, after 2 steps, expert iteration solves 50.0 % (48.0 % to 52.0 %) of the 500"
        " validation questions and the SFT baseline 40.0 %: expert iteration is better (+10.0"
        " points on average, from +8.0 to +12.0; first seed: 95 % interval +7.0 to +13.0)."
    )
    assert "10.0, 30.0, 50.0 % with seed 0: it rose at every step with every seed." in second


def test_seeds_that_disagree_show_no_significant_difference():
    first, second = three_seeds([0.1, 0.3, 0.5], [0.1, 0.45, 0.3], [0.1, 0.3, 0.41])
    assert "no significant difference" in first
    assert (
        "it rose at step 1 with every seed and showed no significant change common to all seeds at"
        " step 2 ("
    ) in second
    assert second.endswith(
        "; with 1 of 3 seeds the last step is worse than the highest"
        " (seed 1, step 1: -15.0 points, 95 % interval -18.0 to -12.0)."
    )


def test_differences_are_signed_and_never_minus_zero():
    assert (points(0.0004), points(-0.0004), points(-0.026)) == ("+0.0", "+0.0", "-2.6")
    assert interval([-0.058, 0.006]) == "-5.8 to +0.6"
    assert figures([{"difference": 0.1, "ci95": [0.05, 0.15], "mcnemar_p": 0.001}]) == (
        "+10.0 points, 95 % interval +5.0 to +15.0"
    )


def test_lists_have_an_and_and_runs_of_steps_a_to():
    assert [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a", "a and b", "a, b and c",
    ]  # fmt: skip
    assert clauses(["rose", "fell"]) == "rose and fell"
    assert clauses(["rose", "fell", "stayed"]) == "rose, fell, and stayed"
    assert [named_steps(numbers) for numbers in ([5], [1, 2], [1, 2, 3], [1, 2, 5])] == [
        "step 5", "steps 1 and 2", "steps 1 to 3", "steps 1, 2 and 5",
    ]  # fmt: skip


def write_inputs(folder, runs, comparisons):
    """The flags of discuss.py for these runs."""
    paths = [folder / f"{one['name']}.json" for one in runs]
    for path, one in zip(paths, runs, strict=True):
        path.write_text(json.dumps(one))
    (folder / "comparisons.json").write_text(json.dumps({"comparisons": comparisons}))
    return ["--runs", *paths, "--comparisons", folder / "comparisons.json"]


def test_the_list_below_has_the_numbers_of_every_run(tmp_path):
    main, other = run("main", [0.1, 0.3, 0.2], best=1), run("G4", [0.1, 0.2, 0.25])
    main |= {"stopped_after": 2, "skipped_too_long": {"train": 3, "validation": 1}}
    pairs = [*against_itself(main), compared("main", other, 2, main, 2)]
    out = tmp_path / "discussion.md"
    flags = write_inputs(tmp_path, [main, other], pairs)
    result = script("discuss.py", *flags, "--output", out)
    assert result.returncode == 0, result.stderr
    text = out.read_text()
    assert result.stdout.strip() == text.split("\n\n## Measured")[0]
    for line in (
        "- 2 runs, seed 0.\n",
        "main, 500 validation questions, accuracy after each step [95 % Wilson interval]:"
        " 0: 10.0 % [6.0, 14.0], 1: 30.0 %",
        "best of 3 evaluations on 200 development questions: step 1, 30.0 % [26.0, 34.0]",
        "main stopped early, after step 2.",
        "main left out questions that are too long for the model: 3 of its training batches, 1 of"
        " the validation set.",
        "G4 at step 2 against main at step 2: better (+5.0 points",
    ):
        assert line in text
    assert text.count("too long") == 1  # G4 left out none


def test_the_list_says_how_far_seeds_alone_are_apart():
    mains = [run(f"main-seed{seed}", [0.1, end]) for seed, end in enumerate((0.3, 0.352, 0.321))]
    said = "The 3 seeds of main end up to 5.2 points apart: between runs of one seed each,"
    assert said in "\n".join(lines(mains, mains, []))
    assert "apart" not in "\n".join(lines(mains[:1], mains[:1], []))


def test_without_expert_iteration_there_is_one_clear_error(tmp_path):
    flags = write_inputs(tmp_path, [run("sft", [0.1, 0.2], kind="sft")], [])
    result = script("discuss.py", *flags, "--output", tmp_path / "discussion.md")
    assert result.returncode == 1
    assert result.stderr == "error: none of the runs is one of expert iteration\n"
