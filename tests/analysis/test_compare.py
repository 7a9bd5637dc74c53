"""Which evaluations are compared, and the numbers of a comparison."""

import json

import polars as pl
import pytest

import compare
from helpers import script
from summaries import evaluation, run


def compared(*runs, what):
    """(name and step of a, name and step of b) of each comparison of this kind."""
    found = [(a, b) for kind, a, b in compare.pairs(list(runs)) if kind == what]
    return [(f"{a.run['name']} {a.step}", f"{b.run['name']} {b.step}") for a, b in found]


def test_steps_are_compared_with_the_one_before():
    assert compared(run("main", [0.1, 0.2, 0.3]), what="steps") == [
        ("main 1", "main 0"),
        ("main 2", "main 1"),
    ]


def test_the_last_step_is_compared_with_the_best_on_the_development_split():
    pairs = compared(run("main", [0.1, 0.2, 0.3, 0.2], best=1), what="steps")
    assert pairs[-1] == ("main 3", "main 1")
    # The step before the last is compared with it anyway, and only once.
    assert len(compared(run("main", [0.1, 0.2, 0.3, 0.2], best=2), what="steps")) == 3


def test_without_a_development_split_the_highest_validation_accuracy_stands_in():
    assert compared(run("main", [0.1, 0.4, 0.3, 0.2]), what="steps")[-1] == ("main 3", "main 1")


def test_every_run_is_compared_with_its_base():
    pairs = compared(run("main", [0.1, 0.2, 0.3]), run("sft", [0.1, 0.2], kind="sft"), what="base")
    assert pairs == [("main 2", "main 0"), ("sft 1", "sft 0")]


def test_the_last_step_and_the_best_are_compared_with_the_sft_baseline_of_the_same_seed():
    runs = [
        run("main", [0.1, 0.4, 0.3], best=1),
        run("main-seed1", [0.1, 0.3, 0.4], group="main", seed=1, best=2),
        run("main-seed2", [0.1, 0.3, 0.4], group="main", seed=2),
        run("sft", [0.1, 0.2], kind="sft"),
        run("sft-seed1", [0.1, 0.2], kind="sft", group="sft", seed=1),
    ]
    assert compared(*runs, what="sft") == [
        ("main 2", "sft 1"),
        ("main 1", "sft 1"),
        ("main-seed1 2", "sft-seed1 1"),
        ("main-seed2 2", "sft 1"),
    ]


def test_other_runs_are_compared_with_the_main_run_of_the_same_seed():
    runs = [
        run("main", [0.1, 0.2]),
        run("G4", [0.1, 0.3]),
        run("G4-seed1", [0.1, 0.3], group="G4", seed=1),
        run("main-seed1", [0.1, 0.2], group="main", seed=1),
    ]
    assert compared(*runs, what="main") == [("G4 1", "main 1"), ("G4-seed1 1", "main-seed1 1")]
    assert compared(run("G4", [0.1, 0.3]), what="main") == []


def test_the_base_policy_under_other_prompts_is_compared_with_the_last_step_and_with_itself():
    main = run("main", [0.1, 0.2]) | {"prompts": {"question": evaluation(0, 0.2)}}
    other = run("G4", [0.1, 0.3]) | {"prompts": {"question": evaluation(0, 0.2)}}
    found = [(a, b) for what, a, b in compare.pairs([main, other]) if what == "prompt"]
    assert [(a.step, a.probe, b.step, b.probe) for a, b in found] == [
        (1, "", 0, "prompts/question"),
        (0, "", 0, "prompts/question"),
    ]
    assert {a.run["name"] for a, _ in found} == {"main"}


def test_pass_at_k_is_compared_where_it_was_measured_before_and_after():
    tries = [evaluation(step, 0.1, samples=8) for step in (0, 2)]
    main = run("main", [0.1, 0.2, 0.3]) | {"samples": tries}
    found = [(a.step, b.step, b.k) for what, a, b in compare.pairs([main]) if what == "samples"]
    assert found == [(2, 0, 1), (2, 0, 8)]
    unfinished = run("main", [0.1, 0.2]) | {"samples": tries[:1]}
    assert not [what for what, _, _ in compare.pairs([unfinished]) if what == "samples"]


def test_comparisons_with_probes_read_the_probes_and_name_them(tmp_path):
    main = run("main", [0.0, 0.5]) | {
        "run": str(tmp_path),
        "prompts": {"plain": evaluation(0, 0.5)},
        "samples": [evaluation(step, 0.5, samples=2) for step in (0, 1)],
    }
    write(tmp_path / "step0", a=[0], b=[0])
    write(tmp_path / "step1", a=[1], b=[0])
    write(tmp_path / "step0/prompts/plain", a=[0], b=[1])
    write(tmp_path / "step0/samples", a=[0, 0], b=[0, 1])
    write(tmp_path / "step1/samples", a=[1, 1], b=[0, 1])
    found = compare.compare([main], {str(tmp_path): tmp_path})
    (plain, of_base) = [one for one in found if one["what"] == "prompt"]
    assert (plain["prompt"], plain["only_a"], plain["only_b"]) == ("plain", 1, 1)
    assert (of_base["a"]["step"], of_base["difference"]) == (0, -0.5)
    once, twice = [one for one in found if one["what"] == "samples"]
    assert (once["k"], once["accuracy_b"], once["accuracy_a"]) == (1, 0.25, 0.75)
    assert (twice["k"], twice["accuracy_b"], twice["accuracy_a"]) == (2, 0.5, 1.0)


def write(folder, **rewards):
    """A responses.parquet with these rewards of each question's responses."""
    folder.mkdir(parents=True)
    rows = [(name, float(reward)) for name, each in rewards.items() for reward in each]
    table = pl.DataFrame(rows, schema=["question_id", "reward"], orient="row")
    table.write_parquet(folder / "responses.parquet")


def shares(**of_questions):
    return pl.DataFrame(
        {"question_id": list(of_questions), "share": [float(s) for s in of_questions.values()]}
    )


def test_a_difference_is_taken_over_the_questions_of_both():
    found = compare.difference(shares(p=1, q=1, r=0, s=1), shares(t=1, s=1, r=0, q=0, p=0))
    assert (found["n"], found["only_a"], found["only_b"]) == (4, 2, 0)
    assert (found["accuracy_a"], found["accuracy_b"], found["difference"]) == (0.75, 0.25, 0.5)
    assert found["mcnemar_p"] == 0.5  # two heads of two coins, or two tails
    assert found["ci95"] == [0.0, 1.0]


def test_with_several_responses_a_question_counts_for_the_side_that_solves_it_more_often():
    found = compare.difference(shares(p=0.75, q=0.5), shares(p=0.5, q=0.5))
    assert (found["only_a"], found["only_b"], found["difference"]) == (1, 0, 0.125)


def write_responses(path, rewards):
    path.parent.mkdir(parents=True)
    ids = [f"q{i}" for i in range(len(rewards))]
    pl.DataFrame(
        {"question_id": ids, "reward": rewards},
        schema={"question_id": pl.String, "reward": pl.Float32},
    ).write_parquet(path)


def test_the_script_reads_the_responses_beside_each_run_json(tmp_path):
    main = run("main", [0.25, 0.5])
    (tmp_path / "E").mkdir()
    (tmp_path / "E/run.json").write_text(json.dumps(main))
    write_responses(tmp_path / "E/step0/responses.parquet", [1, 0, 0, 0])
    write_responses(tmp_path / "E/step1/responses.parquet", [0, 1, 1, 0])
    out = tmp_path / "comparisons.json"
    for _ in range(2):
        result = script("compare.py", "--runs", tmp_path / "E/run.json", "--output", out)
        assert result.returncode == 0, result.stderr
        found = json.loads(out.read_text())["comparisons"]
    assert [one["what"] for one in found] == ["steps", "base"]
    assert found[0]["a"] == {"run": "results/main", "name": "main", "group": "main", "step": 1}
    assert (found[0]["difference"], found[0]["only_a"], found[0]["only_b"]) == (0.25, 2, 1)
    assert found[0]["mcnemar_p"] == pytest.approx(1.0)


def test_evaluations_without_a_common_question_are_left_out_with_a_warning(tmp_path, caplog):
    runs = [run("main", [0.5, 0.5])]
    write_responses(tmp_path / "step0/responses.parquet", [])
    write_responses(tmp_path / "step1/responses.parquet", [1, 0])
    assert compare.compare(runs, {"results/main": tmp_path}) == []
    assert "results/main and results/main have no question in common" in caplog.text


def test_any_two_evaluations_of_the_same_questions_can_be_compared(tmp_path):
    for name, rewards in (("a", [1, 1, 0]), ("b", [0, 1, 0]), ("none", [])):
        write_responses(tmp_path / name / "responses.parquet", rewards)
    files = {name: tmp_path / name / "responses.parquet" for name in ("a", "b", "none")}
    result = script("compare.py", "--responses", files["a"], files["b"])
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["only_a"] == 1
    refused = script("compare.py", "--responses", files["a"], files["none"])
    assert (refused.returncode, refused.stderr) == (
        1,
        "error: the two evaluations have no question in common\n",
    )
