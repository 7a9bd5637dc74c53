"""What is wrong with settings, what differs between two, and how they become flags."""

import pytest

from ei.runs.settings import differences, first_error, flags, merge, with_preset

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "seed": {"type": "integer"},
        "sft": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"lr": {"type": "number"}, "epochs": {"type": "integer"}},
        },
    },
}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sft": {"lr": 1.0}}, None),
        ({"sede": 1}, "sede is no setting; did you mean seed?"),
        ({"sft": {"batch": 1}}, "sft.batch is no setting; there are lr, epochs"),
        ({"sft": {"lr": "fast"}}, "sft.lr: 'fast' is not of type 'number'"),
    ],
)
def test_the_first_error_is_a_sentence_that_names_the_key(settings, sentence):
    assert first_error(settings, SCHEMA) == sentence


def test_changes_are_laid_over_section_by_section():
    assert merge({"sft": {"lr": 1, "epochs": 2}, "seed": 0}, {"sft": {"lr": 3}}) == {
        "sft": {"lr": 3, "epochs": 2},
        "seed": 0,
    }


def test_a_preset_takes_no_sweep_and_no_seeds_from_the_config():
    made = with_preset({"sweep": {"G4": {}}, "seeds": [0, 1], "seed": 3}, {"seed": 4})
    assert made == {"sweep": {}, "seeds": None, "seed": 4}


def test_differences_name_section_and_key_and_leave_out_seed_and_speed():
    main = {"seed": 0, "sft": {"lr": 1}, "vllm": {"sequences": 1}, "model": "a"}
    other = {"seed": 5, "sft": {"lr": 2}, "vllm": {"sequences": 9}, "model": "a", "traces": "t"}
    assert differences(other, main) == {"sft.lr": 2, "traces": "t"}


def test_a_null_is_no_flag_and_text_is_not_quoted():
    section = {"a": None, "b": True, "c": "x y", "d": 0.5, "gpus": 2}
    assert flags(section, ("gpus",)) == ["--b", "true", "--c", "x y", "--d", "0.5"]
