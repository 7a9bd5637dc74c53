"""Prompts: the ids that a policy continues, of a text and of a chat."""

import shutil

import polars as pl
import pytest

import sample
import traces
from ei import prompt, schema
from ei.model import folder
from ei.prompt import Template
from ei.stage import UserError
from helpers import DEMO, ROOT, shared
from sampling.small_tokenizers import CHAT, letters

PROMPTS = ROOT / "workflow/prompts"
TEXT = Template("Q: {question} A:")


def written(tmp_path, text, name="chat.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", ["no field", "{question} {question}"])
@pytest.mark.parametrize("form", ["{}", "user: '{}'"])
def test_a_template_must_have_the_question_once(tmp_path, text, form):
    path = written(tmp_path, form.replace("{}", text), "a.yaml" if "user" in form else "a.txt")
    with pytest.raises(UserError, match="exactly once"):
        prompt.read_template(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("User: '{question}'", "'User'; it may have"),
        ("user: '{question}'\nassistant: 3", "needs a text under 'assistant'"),
        ("system: be brief", "exactly once"),
        ("- user: '{question}'", "keys at its top level"),
    ],
)
def test_a_chat_of_another_form_is_refused_in_words(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        prompt.read_template(written(tmp_path, text))


@pytest.mark.parametrize("around", ["$A", "<s> $A", "$A </s>", "<s> $A </s>", "<s> <|end|> $A"])
def test_a_prompt_has_one_start_and_no_end_whatever_the_tokenizer_adds(around):
    tokenizer = letters(around)
    before = tokenizer.decode(tokenizer("x").input_ids).partition("x")[0]
    bare = tokenizer.decode(prompt.prompt_ids(TEXT, "1+1", tokenizer))
    assert bare == f"{before}Q: 1+1 A:"
    started = Template(f"{before}{TEXT.asks}")
    assert tokenizer.decode(prompt.prompt_ids(started, "1+1", tokenizer)) == bare


def test_an_end_that_the_prompt_itself_has_stays():
    ids = prompt.prompt_ids(Template("{question}</s>"), "1", letters("<s> $A </s>"))
    assert letters().decode(ids) == "<s>1</s>"


def test_the_prompt_of_a_plain_tokenizer_is_what_it_says_of_the_text():
    tokenizer = folder.load_tokenizer(DEMO / "policy")
    template = prompt.read_template(PROMPTS / "demo.txt")
    ids = prompt.prompt_ids(template, "What is 1/2 + 1/3?", tokenizer)
    assert ids == tokenizer(prompt.fill(template, "What is 1/2 + 1/3?")).input_ids


@pytest.mark.parametrize("around", ["$A", "<s> $A", "<s> $A </s>"])
def test_a_chat_is_what_the_models_template_makes_of_it_and_starts_once(around):
    template = Template("Q: {question}", chat=True, system="Be brief.", opening="<think>")
    tokenizer = letters(around, chat=CHAT)
    ids = prompt.prompt_ids(template, "1+1", tokenizer)
    assert tokenizer.decode(ids) == (
        "<s><|system|>Be brief.<|end|><|user|>Q: 1+1<|end|><|assistant|><think>"
    )
    assert ids.count(tokenizer.bos_token_id) == 1


def test_an_opening_that_the_chat_template_writes_itself_is_not_doubled():
    template = Template("{question}", chat=True, opening="<think>")
    tokenizer = letters(chat=CHAT.replace("<|assistant|>", "<|assistant|><think> "))
    text = prompt.chat_text(template, "1+1", tokenizer)
    assert text.endswith("<|assistant|><think> ")
    assert text.count("<think>") == 1


def test_a_model_without_a_chat_template_is_refused_in_one_sentence():
    with pytest.raises(UserError, match="the model's tokenizer has no chat template"):
        prompt.prompt_ids(Template("{question}", chat=True), "1", letters())


def test_a_chat_template_that_takes_no_system_text_says_so():
    refusing = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(UserError, match=r"System role not supported.*no `system` text"):
        prompt.prompt_ids(
            Template("{question}", chat=True, system="x"), "1", letters(chat=refusing)
        )


def test_the_shipped_chat_asks_for_the_form_and_opens_it():
    template = prompt.read_template(ROOT / prompt.SHORT["chat"])
    assert template.chat
    assert "<think> reasoning goes here </think> <answer>" in template.asks
    assert template.ending == "<think>"


def test_an_instruct_model_is_sampled_and_trained_on_traces_under_the_same_chat(
    tmp_path, monkeypatch
):
    """Through both stages, with the demo's policy as an instruct model."""
    policy = shutil.copytree(DEMO / "policy", tmp_path / "policy")
    (policy / "chat_template.jinja").write_text(CHAT.replace("{{ bos_token }}", ""))
    train = pl.DataFrame(
        [{"question_id": "q", "question": "1+1?", "answer": "2", "solution": "Two."}],
        schema=schema.QUESTIONS,
    )
    train.write_parquet(tmp_path / "train.parquet")
    flags = {
        "policy": policy, "data": tmp_path / "train.parquet",
        "prompt": ROOT / prompt.SHORT["chat"], "output": tmp_path / "sample.parquet", "step": 1,
        "seed": 0, "engine": "transformers", "device": "cpu", "questions": 1, "rollouts": 1,
        "max_tokens": 8,
    }  # fmt: skip
    run(monkeypatch, sample, flags)
    run(
        monkeypatch, traces,
        {name: flags[name] for name in ("policy", "data", "prompt")}
        | {"output": tmp_path / "traces.parquet"},
    )  # fmt: skip
    drawn, given = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("sample", "traces"))
    assert drawn["prompt_ids"].to_list() == given["prompt_ids"].to_list()
    text = folder.load_tokenizer(policy).decode(drawn["prompt_ids"][0])
    assert text.startswith("<|user|>1+1?")
    assert text.endswith("<|end|><|assistant|><think>")
    assert given["response"].to_list() == [" Two. </think> <answer>2</answer>"]


def run(monkeypatch, stage_script, flags):
    """Run a stage in this process."""
    words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    monkeypatch.setattr("sys.argv", [f"{stage_script.__name__}.py", *words])
    stage_script.main()


def test_the_real_tokenizers_chat_is_the_librarys_own():
    tokenizer = folder.load_tokenizer(shared("qwen2.5-math-1.5b"))
    template = prompt.read_template(ROOT / prompt.SHORT["chat"])
    ids = prompt.prompt_ids(template, r"What is $\frac{1}{2}$?", tokenizer)
    messages = [{"role": "user", "content": prompt.fill(template, r"What is $\frac{1}{2}$?")}]
    theirs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    opening = tokenizer("<think>").input_ids
    assert ids == theirs + opening


def test_a_chats_turn_ends_with_the_special_token_that_its_template_writes():
    chat, plain = Template("{question}", chat=True), Template("{question}")
    tokenizer = letters(chat=CHAT)
    (end,) = prompt.turn_ends(chat, tokenizer)
    assert tokenizer.decode([end]) == "<|end|>"
    assert prompt.turn_ends(plain, tokenizer) == []
    assert prompt.turn_ends(chat, letters(chat="{{ raise_exception('no') }}")) == []
    assert prompt.turn_ends(chat, letters(chat="{{ messages[1].content }}")) == []


def test_the_real_tokenizers_turn_ends_although_the_base_models_end_is_another():
    policy = shared("qwen2.5-math-1.5b")
    tokenizer = folder.load_tokenizer(policy)
    (end,) = prompt.turn_ends(Template("{question}", chat=True), tokenizer)
    assert tokenizer.decode([end]) == "<|im_end|>"
    assert end not in folder.end_ids(policy, tokenizer)


@pytest.mark.parametrize("name", ["question.txt", "instruction.txt", "question_chat.yaml"])
def test_the_prompts_of_the_probes_ask_for_no_tags(name):
    template = prompt.read_template(PROMPTS / name)
    assert template.chat == name.endswith(".yaml")
    assert "<" not in template.asks + template.ending
    assert (r"\boxed{}" in template.asks) == (name != "question.txt")
