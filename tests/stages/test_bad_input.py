"""Stage scripts with bad input: one sentence, a status that is not zero, and no output."""

import polars as pl
import pytest

from ei.files import read_metadata, stamp, whole, write_table
from helpers import DEMO, ROOT, script


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "out.txt"

    with pytest.raises(RuntimeError), whole(path) as partial:
        partial.write_text("half")
        raise RuntimeError("in the middle")
    assert list(tmp_path.iterdir()) == []
    with whole(path) as partial:
        partial.write_text("all")
    assert path.read_text() == "all"


def test_equal_tables_are_equal_files_and_say_where_they_come_from(tmp_path):
    table = pl.DataFrame({"ids": [[1, 2], [3]], "text": ["a", "b"]})
    for name in ("a", "b"):
        write_table(table, tmp_path / name, stamp("abc", {"seed": 1}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_metadata(tmp_path / "a")["lineage"] == "abc"


def refused(result, words, output):
    assert result.returncode == 1, result.stderr
    assert result.stderr.count("error:") == 1
    assert "Traceback" not in result.stderr
    assert words in result.stderr
    assert not output.exists()


def test_bad_questions_are_named_by_file_and_line(tmp_path):
    bad = tmp_path / "train.jsonl"
    bad.write_text('{"question": "1+1?", "answer": "2"}\n{"question": "1+2?"}\n')
    out = tmp_path / "data"
    result = script(
        "data.py", "--train", bad, "--validation", bad, "--output", out, "--lineage", "x"
    )
    refused(result, "train.jsonl, line 2: no answer", out / "train.parquet")


def test_questions_in_both_splits_are_reported(tmp_path):
    train, validation = tmp_path / "t.jsonl", tmp_path / "v.jsonl"
    train.write_text('{"question": "1+1?", "answer": "2"}\n')
    validation.write_text(
        '{"question": "1+1? ", "answer": "2"}\n{"question": "2+2?", "answer": "4"}\n'
    )
    result = script(
        "data.py",
        "--train",
        train,
        "--validation",
        validation,
        "--output",
        tmp_path,
        "--lineage",
        "x",
    )
    assert result.returncode == 0
    assert "warning: 1 questions are in both splits" in result.stderr
    assert '"question": "1+1? "' in (tmp_path / "data.json").read_text()


def test_more_development_questions_than_there_are_is_refused(tmp_path):
    source, out = DEMO / "train.jsonl", tmp_path / "data"
    result = script(
        "data.py", "--train", source, "--validation", DEMO / "validation.jsonl",
        "--development", 2000, "--output", out, "--lineage", "x",
    )  # fmt: skip
    refused(
        result,
        "data.development keeps back 2000 questions, and the training set has 2000",
        out / "train.parquet",
    )


def test_a_local_folder_in_the_hubs_form_is_read_by_the_hubs_library(tmp_path):
    (tmp_path / "set").mkdir()
    pl.DataFrame({"problem": ["1+1?"], "solution": [r"\boxed{2}"]}).write_parquet(
        tmp_path / "set/test.parquet"
    )
    source = f'{{"hub": "{tmp_path}/set", "split": "test"}}'
    result = script(
        "data.py", "--train", source, "--validation", source, "--output", tmp_path / "out",
        HF_HOME=str(tmp_path / "cache"), HF_HUB_OFFLINE="1",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert pl.read_parquet(tmp_path / "out/train.parquet")["answer"].to_list() == ["2"]


def test_a_data_set_that_cannot_be_loaded_is_named(tmp_path):
    source = '{"hub": "nobody/nothing", "split": "train"}'
    result = script(
        "data.py", "--train", source, "--validation", source, "--output", tmp_path / "out",
        HF_HOME=str(tmp_path / "cache"), HF_HUB_OFFLINE="1",
    )  # fmt: skip
    refused(
        result, "the data set nobody/nothing could not be loaded", tmp_path / "out/train.parquet"
    )


def test_a_model_that_cannot_be_fetched_is_named(tmp_path):
    out = tmp_path / "model"
    result = script(
        "fetch_model.py", "--model", "nobody/nothing@main", "--output", out,
        HF_HOME=str(tmp_path / "cache"), HF_HUB_OFFLINE="1",
    )  # fmt: skip
    refused(result, "nobody/nothing@main could not be fetched", out)


def test_a_missing_column_is_named(tmp_path):
    table, out = tmp_path / "scored.parquet", tmp_path / "filtered.parquet"
    pl.DataFrame({"question_id": ["a"], "sample": [0]}).write_parquet(table)
    refused(
        script("filter.py", "--scored", table, "--output", out, "--lineage", "x"),
        "has no column seed, response, prompt_ids, response_ids, format_ok, reward, status",
        out,
    )


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    table, out = tmp_path / "scored.parquet", tmp_path / "filtered.parquet"
    table.write_text("{}")
    refused(
        script("filter.py", "--scored", table, "--output", out, "--lineage", "x"),
        "is not a Parquet file",
        out,
    )


def test_a_wrong_flag_is_refused_with_the_flags_there_are(tmp_path):
    result = script(
        "filter.py",
        "--scored",
        tmp_path,
        "--output",
        tmp_path,
        "--lineage",
        "x",
        "--dedupe",
        "maybe",
    )
    assert result.returncode == 2
    assert "true or false, not 'maybe'" in result.stderr


def test_a_policy_without_a_tokenizer_is_refused_before_anything_is_drawn(tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(DEMO / "policy" / name)
    data = tmp_path / "data"
    source = DEMO / "validation.jsonl"
    assert (
        script(
            "data.py", "--train", source, "--validation", source, "--output", data, "--lineage", "x"
        ).returncode
        == 0
    )
    out = tmp_path / "0-of-1.parquet"
    result = script(
        "sample.py", "--policy", tmp_path, "--data", data / "train.parquet", "--output", out,
        "--prompt", ROOT / "workflow/prompts/demo.txt", "--step", 1, "--seed", 0,
        "--engine", "transformers", "--device", "cpu", "--questions", 2, "--rollouts", 2,
    )  # fmt: skip
    refused(result, "has no tokenizer", out)


def test_questions_that_do_not_fit_are_an_error_or_left_out_on_request(tmp_path):
    train = tmp_path / "train.jsonl"
    train.write_text(
        '{"question": "What is 1+1?", "answer": "2"}\n{"question": "%s", "answer": "2"}\n'
        % ("1+" * 220)
    )
    flags = ("--lineage", "x", "--output")
    assert (
        script(
            "data.py", "--train", train, "--validation", train, *flags, tmp_path / "data"
        ).returncode
        == 0
    )
    out = tmp_path / "0-of-1.parquet"
    command = (
        "sample.py", "--policy", DEMO / "policy", "--data", tmp_path / "data/train.parquet",
        *flags, out,
        "--prompt", ROOT / "workflow/prompts/demo.txt", "--step", 1, "--seed", 0,
        "--engine", "transformers", "--device", "cpu", "--questions", 2, "--rollouts", 2,
        "--max_tokens", 96,
    )  # fmt: skip
    refused(script(*command), "set data.skip_too_long", out)
    skipped = script(*command, "--skip_too_long", "true")
    assert skipped.returncode == 0, skipped.stderr
    assert "1 of 2 prompts do not fit" in skipped.stderr
    assert pl.read_parquet(out)["question"].to_list() == ["What is 1+1?"] * 2
