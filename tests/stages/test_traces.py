"""The traces that plain SFT is trained on: their forms, their questions, and what is left out."""

import json

import polars as pl
import pytest

import traces
from ei import questions
from ei.model import folder
from ei.prompt import Template
from ei.stage import UserError
from helpers import DEMO, ROOT, script

TEMPLATE = Template("User: {question}\nAssistant: <think>")


def train(*rows):
    """A table of training questions from (question, answer, solution)."""
    names = ["question_id", "question", "answer", "solution", "level", "subject"]
    named = [
        (questions.question_id(question), question, *rest, "1", "sums") for question, *rest in rows
    ]
    return pl.DataFrame(named, schema=dict.fromkeys(names, pl.String), orient="row")


def written(folder, *rows):
    path = folder / "traces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(folder, *rows, held_out=()):
    known = train(("1+1?", "2", None), ("1+2?", "3", None))
    return traces.from_file(
        written(folder, *rows), known, set(map(questions.question_id, held_out)), TEMPLATE
    )


@pytest.mark.parametrize(
    ("template", "response"),
    [
        (TEMPLATE, " One and one. </think> <answer>2</answer>"),
        (Template("{question}\n"), "<think> One and one. </think> <answer>2</answer>"),
    ],
)
def test_a_solution_goes_on_where_the_prompt_ends(template, response):
    made = traces.from_solutions(
        train(("1+1?", "2", "One and one.\n"), ("1+2?", "3", None)), template
    )
    assert [row["response"] for row in made] == [response]


def test_without_solutions_the_setting_to_use_is_named():
    with pytest.raises(UserError, match=r"baseline\.traces"):
        traces.from_solutions(train(("1+1?", "2", None)), TEMPLATE)


@pytest.mark.parametrize(
    "row",
    [
        {"question": "1+1?", "response": "x"},
        {"prompt": "1+1?", "response": "x"},
        {"prompt": "User: 1+1?\nAssistant: <think>", "response": "x"},
        {"question": "1+1?", "response": "x", "answer": "not the reference"},
    ],
)
def test_a_trace_of_a_training_question_takes_its_reference_answer(tmp_path, row):
    assert [
        (made["question"], made["answer"], made["subject"]) for made in read(tmp_path, row)
    ] == [("1+1?", "2", "sums")]


def test_a_trace_of_another_question_brings_its_answer(tmp_path):
    made = read(tmp_path, {"question": "2+2?", "response": "x", "answer": 4, "level": "5"})
    assert [(row["answer"], row["level"]) for row in made] == [("4", "5")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "2+2?", "response": "x"}, "not in the training set, and without an 'answer'"),
        ({"question": "1+1?"}, "a trace needs a text under"),
        ({"response": "x"}, "a trace needs a text under"),
        ({"question": "1+1?", "response": ""}, "a trace needs a text under"),
    ],
)
def test_a_bad_trace_is_named_by_file_and_line(tmp_path, row, message):
    with pytest.raises(UserError, match=rf"traces\.jsonl, line 2: {message}"):
        read(tmp_path, {"question": "1+1?", "response": "x"}, row)


def test_held_out_questions_are_never_trained_on(tmp_path):
    rows = [
        {"question": "1+1?", "response": "x"},
        {"question": "9+9?", "response": "y", "answer": "18"},
    ]
    assert [row["question"] for row in read(tmp_path, *rows, held_out=["9+9?"])] == ["1+1?"]
    with pytest.raises(UserError, match="no traces to train on"):
        read(tmp_path, rows[1], held_out=["9+9?"])


def test_traces_become_rollouts_that_the_base_tokenizer_reads_back():
    tokenizer = folder.load_tokenizer(DEMO / "policy")
    rows = [
        {"question": "1+1?", "answer": "2", "response": f" {k} </think> <answer>2</answer>"}
        for k in (1, 2)
    ]
    made = [{"question_id": "q", "level": None, "subject": None, **row} for row in rows]
    table = traces.rollouts(made, TEMPLATE, tokenizer, "weights")
    assert table["sample"].to_list() == [0, 1]
    assert table["seed"].to_list() == [None, None]
    assert [tokenizer.decode(ids) for ids in table["response_ids"]] == [
        row["response"] for row in rows
    ]
    assert tokenizer.decode(table["prompt_ids"][0]) == TEMPLATE.asks.replace("{question}", "1+1?")
    assert set(table["policy"]) == {"weights"}


def test_a_trace_that_exceeds_the_context_is_an_error_or_left_out_on_request():
    table = pl.DataFrame({"prompt_ids": [[1], [1]], "response_ids": [[1, 2], [1, 2, 3]]})
    with pytest.raises(UserError, match=r"1 of 2 traces exceed .* 3 tokens .* data\.skip_too_long"):
        traces.fitting(table, 3, skip=False)
    assert traces.fitting(table, 3, skip=True).height == 1


def test_the_demos_traces_are_right_chains_of_its_training_questions(tmp_path):
    rows = [json.loads(line) for line in (DEMO / "traces.jsonl").open()]
    asked = [json.loads(line) for line in (DEMO / "train.jsonl").open()]
    assert [row["question"] for row in rows] == [row["question"] for row in asked]
    right = [
        row["response"].endswith(f" </think> <answer>{q['answer']}</answer>")
        for row, q in zip(rows, asked, strict=True)
    ]
    assert all(right)


def test_a_response_in_the_prompts_form_is_right_for_the_checker(tmp_path):
    solutions = tmp_path / "train.jsonl"
    solutions.write_text(
        json.dumps({"problem": "1+1?", "solution": r"It is $\boxed{\frac{4}{2}}$."}) + "\n"
    )
    flags = ("--lineage", "x", "--output")
    steps = [
        ("data.py", "--train", solutions, "--validation", DEMO / "validation.jsonl",
         *flags, tmp_path),
        ("traces.py", "--policy", DEMO / "policy", "--data", tmp_path / "train.parquet", "--prompt",
         ROOT / "workflow/prompts/r1_zero.txt", *flags, tmp_path / "rollouts.parquet"),
        ("score.py", "--rollouts", tmp_path / "rollouts.parquet",
         *flags, tmp_path / "scored.parquet"),
    ]  # fmt: skip
    for step in steps:
        assert script(*step).returncode == 0
    assert pl.read_parquet(tmp_path / "scored.parquet")["reward"].to_list() == [1.0]
