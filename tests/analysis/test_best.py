"""The best step of a run, chosen on the development split."""

import json

import best
from helpers import script
from summaries import evaluation


def write(folder, *evaluations):
    """The evaluations as files, in the order of their steps."""
    paths = [folder / f"{number}.json" for number in range(len(evaluations))]
    for path, one in zip(paths, evaluations, strict=True):
        path.write_text(json.dumps(one))
    return paths


def test_of_equally_good_steps_the_earlier_is_the_best():
    found = best.report([evaluation(step, a) for step, a in enumerate([0.1, 0.4, 0.2, 0.4])])
    assert (found["step"], found["accuracy"], found["since_best"]) == (1, 0.4, 2)
    assert [step["accuracy"] for step in found["steps"]] == [0.1, 0.4, 0.2, 0.4]


def test_the_validation_accuracy_of_the_chosen_step_stands_beside_and_does_not_choose(tmp_path):
    (tmp_path / "validation").mkdir()
    developments = write(tmp_path, evaluation(0, 0.3), evaluation(1, 0.2))
    evaluations = write(tmp_path / "validation", evaluation(0, 0.1), evaluation(1, 0.9))
    result = script(
        "best.py", "--developments", *developments, "--evaluations", *evaluations,
        "--output", tmp_path / "best.json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "best.json").read_text())
    assert (found["step"], found["of"], found["validation"]["accuracy"]) == (0, "development", 0.1)
    assert "by_level" not in found["validation"]


def test_without_development_questions_no_step_can_be_chosen(tmp_path):
    (path,) = write(tmp_path, {"step": 0, "n": 0})
    result = script("best.py", "--developments", path, "--output", tmp_path / "best.json")
    assert result.returncode == 1
    assert "no question is kept back" in result.stderr
    assert not (tmp_path / "best.json").exists()
