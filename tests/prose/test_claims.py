"""What may be claimed, in every case: other prompts, other selections, several tries, none."""

import pytest

import discuss
from summaries import compared, evaluation, run


def claimed(runs, comparisons):
    """The paragraph after the two sentences; "" where there is none."""
    paragraphs = discuss.discussion(runs, comparisons).split("\n\n")
    return "" if paragraphs[1] == discuss.NUMBERS else paragraphs[1]


def of_base(*runs):
    """The comparisons of runs of one step with their base."""
    return [compared(what, one, 1, one, 0) for one in runs for what in ("base", "steps")]


def under(one, prompt, accuracy):
    """The run with its base policy evaluated under another prompt, and the two comparisons."""
    probed = {**one, "prompts": {**one.get("prompts", {}), prompt: evaluation(0, accuracy)}}
    other = {**one, "evaluations": [evaluation(0, accuracy)]}
    pairs = [compared("prompt", one, step, other, 0) for step in (1, 0)]
    return probed, [pair | {"prompt": prompt} for pair in pairs]


def with_prompts(accuracies, **prompts):
    main = run("main", accuracies)
    pairs = of_base(main)
    for name, accuracy in prompts.items():
        main, more = under(main, name, accuracy)
        pairs += more
    return claimed([main], pairs)


def test_a_prompt_that_gives_part_of_the_gain_is_named_with_its_share():
    assert with_prompts([0.1, 0.5], question=0.2, instruction=0.35).startswith(
        "Under the prompt `instruction` the untouched base policy solves 35.0 % of 500 validation"
        " questions, and under the run's own 10.0 %; the last step's 50.0 % is more still (+15.0"
        " points, 95 % interval +12.0 to +18.0), so of its gain of 40.0 points, 25.0 need no"
        " training."
    )


def test_a_prompt_that_gives_all_of_the_gain_leaves_nothing_to_training():
    assert (
        "the last step's 50.0 % is not significantly different (+1.0 points, 95 % interval -2.0 to"
        " +4.0, McNemar p = 0.40), so this run has not been shown to gain anything that another"
        " prompt does not give without training."
    ) in with_prompts([0.1, 0.5], question=0.49)


def test_a_prompt_that_gives_more_than_the_training_says_so():
    said = with_prompts([0.1, 0.5], question=0.6)
    assert "the last step's 50.0 % is less (-10.0 points" in said
    assert "so another prompt gives more than this training did." in said


def test_prompts_that_are_no_better_than_the_runs_own_explain_no_gain():
    assert with_prompts([0.3, 0.5], question=0.31, instruction=0.1).startswith(
        "Under the prompt `question` the untouched base policy solves 31.0 % of 500 validation"
        " questions, and under the run's own 30.0 %: no other prompt tried (best of 2: question and"
        " instruction) is significantly better than the run's own (+1.0 points, 95 % interval -2.0"
        " to +4.0, McNemar p = 0.40), so none explains a gain."
    )


def selected(of_main, of_control, keep="random", **changes):
    """What is said with a control that keeps other rollouts."""
    main = run("main", [0.1, of_main])
    control = run(f"control_{keep}", [0.1, of_control], changes={"filter.keep": keep, **changes})
    control["settings"] = {**control["settings"], "filter": {"keep": keep}}
    pairs = [*of_base(main, control), compared("main", control, 1, main, 1)]
    return claimed([main, control], pairs)


def test_better_than_a_random_selection():
    assert selected(0.5, 0.3).startswith(
        "Selecting by correctness gained 20.0 points more than training on a random selection of as"
        " many responses in the format (+20.0 points, 95 % interval +17.0 to +23.0), so correctness"
        " is part of what was learned."
    )


def test_no_better_than_a_random_selection():
    assert selected(0.5, 0.49).startswith(
        "Selecting by correctness cannot be told from training on a random selection of as many"
        " responses in the format (+1.0 points, 95 % interval -2.0 to +4.0, McNemar p = 0.40), so"
        " nothing here shows that correctness taught anything."
    )


def test_worse_than_training_on_the_form_alone():
    assert selected(0.3, 0.5, keep="format").startswith(
        "Selecting by correctness gained less than training on all responses in the format, right"
        " or wrong, (-20.0 points, 95 % interval -23.0 to -17.0), so the gain is not due to"
        " correctness."
    )


def test_a_run_that_differs_in_more_than_its_selection_is_no_control():
    said = selected(0.5, 0.3, **{"sft.epochs": 4})
    assert "Selecting" not in said
    assert "no control run trained on responses selected otherwise" in said


def test_controls_of_several_seeds_must_agree():
    mains = [run(f"main{k}", [0.1, 0.5], group="main", seed=k) for k in range(2)]
    pairs = of_base(*mains)
    controls = []
    for k, reached in enumerate((0.3, 0.5)):
        control = run(f"r{k}", [0.1, reached], group="r", changes={"filter.keep": "random"}, seed=k)
        control["settings"] = {**control["settings"], "filter": {"keep": "random"}}
        controls.append(control)
        pairs.append(compared("main", control, 1, mains[k], 1))
    assert "cannot be told from" in claimed([*mains, *controls], pairs)


def test_a_control_of_its_own_claims_nothing():
    main = run("main", [0.1, 0.5])
    main["settings"] = {**main["settings"], "filter": {"keep": "format"}}
    assert claimed([main], of_base(main)) == (
        "This run is a control: it trains on all responses in the format, right or wrong, so no"
        " gain of it is due to selecting by correctness."
    )


def with_tries(once, often):
    """What is said of pass@1 and pass@8 before and after, as (before, after)."""
    main = run("main", [0.1, 0.1])
    pairs = of_base(main)
    for k, (before, after) in ((1, once), (8, often)):
        measured = {**main, "evaluations": [evaluation(0, before), evaluation(1, after)]}
        pairs.append(compared("samples", measured, 1, measured, 0) | {"k": k})
    return claimed([main], pairs)


@pytest.mark.parametrize(
    ("often", "outcome"),
    [
        ((0.4, 0.6), "pass@8 rose from 40.0 % to 60.0 % (+20.0 points, 95 % interval +17.0 to"
         " +23.0)."),
        ((0.4, 0.3), "pass@8 fell from 40.0 % to 30.0 % (-10.0 points, 95 % interval -13.0 to"
         " -7.0): the policy is surer of fewer questions."),
        ((0.4, 0.41), "pass@8 did not change significantly, from 40.0 % to 41.0 % (+1.0 points, 95"
         " % interval -2.0 to +4.0, McNemar p = 0.40): the policy is surer of questions that it"
         " could solve before, and solves no new ones."),
    ],
)  # fmt: skip
def test_pass_at_8_stands_beside_pass_at_1(often, outcome):
    assert with_tries((0.1, 0.3), often) == (
        "Over 500 validation questions, pass@1 rose from 10.0 % to 30.0 % (+20.0 points, 95 %"
        f" interval +17.0 to +23.0) and {outcome}"
    )


def test_without_a_gain_in_pass_at_1_nothing_is_said_of_being_surer():
    assert "surer" not in with_tries((0.3, 0.1), (0.4, 0.3))


def test_without_controls_the_gain_has_not_been_separated():
    main = run("main", [0.1, 0.5])
    assert claimed([main], of_base(main)) == (
        "What the gain is due to has not been separated: no control run trained on responses"
        " selected otherwise and the base policy was not evaluated under another prompt."
    )


def test_without_a_gain_there_is_nothing_to_separate():
    main = run("main", [0.1, 0.11])
    assert claimed([main], of_base(main)) == ""


def test_the_numbers_of_the_probes_stand_below():
    main, pairs = under(run("main", [0.1, 0.5]), "question", 0.2)
    main["samples"] = [evaluation(1, 0.5, samples=8, pass_at_k={"1": 0.5, "8": 0.75})]
    text = discuss.discussion([main], [*of_base(main), *pairs])
    assert (
        "- main, the base policy under other prompts, 500 validation questions, a box being enough:"
        " question: 20.0 % [16.0, 24.0].\n"
    ) in text
    assert "- main at step 1, pass@k over 500 validation questions: 1: 50.0 %, 8: 75.0 %.\n" in text
