"""What is wrong with settings, what differs between two, and how they become flags."""

import pytest
import yaml

from ei.runs.settings import (
    at_step,
    contradiction,
    differences,
    first_error,
    flags,
    merge,
    spelling,
    with_preset,
)
from ei.runs.strict import read_yaml
from ei.stage import UserError

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
        ({"sft": {"lr": "5e-5"}}, "sft.lr: '5e-5' is not of type 'number'; write 5.0e-5"),
        ({"sft": {"lr": float("inf")}}, "sft.lr: inf is not a finite number"),
        ({"sft": {"lr": float("nan")}}, "sft.lr: nan is not a finite number"),
        ({"seed": 1.0}, "seed: 1.0 is not of type 'integer'; write 1"),
        ({"seed": "7"}, "seed: '7' is not of type 'integer'; write 7"),
        ({"seed": True}, "seed: True is not of type 'integer'"),
        ({"seed": 2**63}, "seed: an integer of more than 64 bits is too large"),
        ({"seed": "a\0"}, r"seed: 'a\x00' has characters that no file can have"),
    ],
)
def test_the_first_error_is_a_sentence_that_names_the_key(settings, sentence):
    assert first_error(settings, SCHEMA) == sentence


@pytest.mark.parametrize(
    "written", ["5e-5", "1e5", "1E+3", "2.5e3", "-1e-2", "5.0e-5", ".5e1", "1"]
)
def test_the_spelling_that_is_proposed_is_that_number_in_yaml(written):
    proposed = spelling(written, "number").removesuffix(" without quotes")
    assert yaml.safe_load(proposed) == float(written)
    assert not isinstance(yaml.safe_load(proposed), str)


def settings(**changes):
    whole = {"sample": {}, "eval": {}, "early_stopping": {"patience": None}}
    return whole | {"data": {"development": 0}} | changes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, None),
        ({"sample": {"min_tokens": 8, "max_tokens": 8}}, None),
        (
            {"sample": {"min_tokens": 9, "max_tokens": 8}},
            "sample.min_tokens, 9, is above sample.max_tokens, 8",
        ),
        (
            {"eval": {"min_tokens": 9, "max_tokens": 8}},
            "eval.min_tokens, 9, is above eval.max_tokens, 8",
        ),
        (
            {"sample": {"rollouts": [65536, 8], "extra": 2, "hints": 1}},
            "65539 rollouts of a question in all rounds are more than 65536",
        ),
        (
            {"early_stopping": {"patience": 1}},
            "early_stopping.patience needs questions to measure on; set data.development",
        ),
    ],
)
def test_settings_that_cannot_hold_together_are_named(changes, sentence):
    assert contradiction(settings(**changes)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed: 0\nsteps: 1\nseed: 1\n", "line 3: seed is given twice; it is in line 1 as well"),
        ("sft:\n  lr: 1\n  lr: 2\n", "line 3: lr is given twice; it is in line 2 as well"),
        ("sft: {lr: 1\n", "line 2: "),
        ("steps: " + "9" * 5000, "has a value that cannot be read"),
        ("steps: " + "[" * 3000, "is nested too deep"),
        ("- 1\n", "should have keys at its top level"),
        (b"\x00\xff\x12", "is not UTF-8 text, from byte 1 on"),
        (b"\x00\x12", "is no text: it has characters that YAML does not allow"),
        ("# é\n".encode("latin-1"), "is not UTF-8 text, from byte 2 on"),
        ("seed: 0\n".encode("utf-16"), "is not UTF-8 text, from byte 0 on"),
    ],
)
def test_a_file_of_settings_that_cannot_be_meant_is_refused(tmp_path, text, sentence):
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=rf"config\.yaml.*{sentence}"):
        read_yaml(path)


def test_a_mark_at_the_start_and_merged_keys_are_fine(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n")
    assert read_yaml(path)["b"] == {"x": 3, "y": 2}


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


def test_the_last_value_of_a_list_holds_on():
    listed = {"sft": {"lr": [3, 2, 1], "epochs": 2}, "filter": {"solved_above": [None, 0.9]}}
    found = [at_step(listed, step) for step in (0, 1, 2, 3, 9)]
    assert [one["sft"]["lr"] for one in found] == [3, 3, 2, 1, 1]
    assert [one["filter"]["solved_above"] for one in found] == [None, None, 0.9, 0.9, 0.9]
    assert {one["sft"]["epochs"] for one in found} == {2}
