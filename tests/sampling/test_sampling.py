"""Rollouts: drawn from the policy's distribution by their identity, however the work is split."""

import importlib
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from ei import prompt, schema
from ei.files import forget_scratch
from ei.model import folder
from ei.questions import request_seed
from ei.sampling import requests as requests_
from ei.sampling import resumable, table
from ei.sampling.requests import Request, Rollout, Work, batches, shard
from ei.sampling.settings import Sampling
from ei.sampling.stop import closing_tokens
from ei.sampling.transformers_engine import _pick, generate
from ei.stage import UserError
from helpers import DEMO, ROOT

POLICY = DEMO / "policy"
QUESTIONS = [
    "What is 12+7?",
    "Compute 9*14.",
    "What is 1/2+1/3?",
    "Solve 3x+1=10 for x.",
    "What is 81-19?",
]


@pytest.fixture(scope="module")
def tokenizer():
    return folder.load_tokenizer(POLICY)


@pytest.fixture(scope="module")
def requests(tokenizer):
    template = prompt.read_template(ROOT / "workflow/prompts/demo.txt")
    return [
        Request(
            f"q{k}",
            prompt.prompt_ids(template, question, tokenizer),
            request_seed(0, 1, f"q{k}"),
            range(4),
        )
        for k, question in enumerate(QUESTIONS)
    ]


def draw(requests, tokenizer, samples=range(4), **changes):
    """{(question, sample): rollout} of the requests."""
    requests = [replace(request, samples=samples) for request in requests]
    sampling = Sampling(**{"max_tokens": 96, **changes})
    closers = closing_tokens(tokenizer, sampling.stop)
    work = Work(sampling, folder.end_ids(POLICY, tokenizer), closers, requests)
    drawn = generate(POLICY, tokenizer, "cpu", work)
    return {(r.question_id, r.sample): r for rollouts in drawn for r in rollouts}


def test_at_temperature_0_it_draws_what_the_librarys_own_greedy_search_draws(requests, tokenizer):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(POLICY, dtype=torch.float32)
    ours = draw(requests, tokenizer, temperature=0.0, samples=range(1), max_tokens=40)
    for request in requests:
        ids = torch.tensor([request.prompt_ids])
        theirs = model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :].tolist()
        ids = ours[request.question_id, 0].ids
        assert ids == theirs[: len(ids)]


def test_rollout_k_of_a_group_of_four_is_rollout_k_of_a_group_of_eight(requests, tokenizer):
    four, eight = (
        draw(requests, tokenizer, samples=range(4)),
        draw(requests, tokenizer, samples=range(8)),
    )
    assert {key: eight[key].ids for key in four} == {
        key: rollout.ids for key, rollout in four.items()
    }


def test_rollouts_four_to_seven_can_be_drawn_alone(requests, tokenizer):
    rest, eight = (
        draw(requests, tokenizer, samples=range(4, 8)),
        draw(requests, tokenizer, samples=range(8)),
    )
    assert {key: rollout.ids for key, rollout in rest.items()} == {
        k: r.ids for k, r in eight.items() if k[1] >= 4
    }


def test_samples_of_a_question_differ(requests, tokenizer):
    drawn = draw(requests, tokenizer, samples=range(8))
    assert len({tuple(drawn["q1", k].ids) for k in range(8)}) > 2


def test_a_response_ends_with_the_tag_or_an_end_token_or_is_cut_off(requests, tokenizer):
    for rollout in draw(requests, tokenizer, samples=range(8), max_tokens=48).values():
        text = tokenizer.decode(rollout.ids, skip_special_tokens=True)
        if rollout.finish_reason == "stop":
            assert text.endswith("</answer>") or rollout.ids[-1] == tokenizer.eos_token_id
        else:
            assert len(rollout.ids) == 48


def test_no_response_is_shorter_than_the_least_number_of_tokens(requests, tokenizer):
    shortest = min(
        len(rollout.ids)
        for rollout in draw(requests, tokenizer, samples=range(8), min_tokens=60).values()
    )
    assert shortest >= 60


def test_tokens_come_as_often_as_the_policy_says():
    logits = torch.tensor([[1.0, 0.0, -1.0, 2.0]])
    uniform = torch.from_numpy(np.random.default_rng(0).random(40_000))
    sampling = Sampling(0.7, 1.0, 1, 0, "x")
    counts = (
        torch.bincount(_pick(logits.expand(40_000, 4), uniform, sampling), minlength=4) / 40_000
    )
    wanted = (logits[0] / 0.7).softmax(dim=0)
    assert torch.allclose(counts, wanted, atol=4 * 0.5 / 40_000**0.5)


def test_top_p_draws_from_the_smallest_set_of_that_probability():
    logits = torch.tensor([[0.5, 0.2, 0.2, 0.1]]).log()
    uniform = torch.from_numpy(np.random.default_rng(0).random(2000))
    drawn = _pick(logits.expand(2000, 4), uniform, Sampling(1.0, 0.6, 1, 0, "x"))
    assert set(drawn.tolist()) in ({0, 1}, {0, 2})


def test_rollouts_drawn_before_a_kill_are_kept_and_the_rest_is_the_same(
    requests, tokenizer, tmp_path
):
    names = [request.question_id for request in requests]
    questions = pl.DataFrame(dict.fromkeys(table.ASKED, names))
    by_name = {request.question_id: request for request in requests}
    context = table.Context(by_name, questions, tokenizer, Sampling(max_tokens=96), 1, "weights")
    asked = []

    def engine(missing, stop_after=None):
        asked.append([request.question_id for request in missing])
        drawn = draw(missing, tokenizer)
        for number, group in enumerate(batches(missing, 2)):
            if number == stop_after:
                raise KeyboardInterrupt
            yield [drawn[request.question_id, k] for request in group for k in range(4)]

    def drawn_into(scratch, **how):
        chunks = resumable.read_chunks(tmp_path / scratch, requests)
        done = {name for chunk in chunks for name in chunk["question_id"]}
        groups = engine([one for one in requests if one.question_id not in done], **how)
        chunks += resumable.write_chunks(
            groups, lambda rollouts: table.to_table(rollouts, context), tmp_path / scratch, 1
        )
        return pl.concat(chunks).sort(schema.IDENTITY)

    with pytest.raises(KeyboardInterrupt):
        drawn_into("killed", stop_after=1)
    resumed = drawn_into("killed")
    assert asked == [["q0", "q1", "q2", "q3", "q4"], ["q2", "q3", "q4"]]
    assert resumed.schema == schema.ROLLOUTS
    assert resumed.equals(drawn_into("whole"))


def test_an_engine_that_goes_on_after_the_stop_text_is_an_error(requests, tokenizer):
    ids = tokenizer("12 </think> <answer>12</answer> and on").input_ids
    context = table.Context({}, pl.DataFrame(), tokenizer, Sampling(), 1, "weights")
    with pytest.raises(RuntimeError, match=r"1 responses continue after .* q0"):
        table.check_stopped([Rollout("q0", 0, ids, "length")], context)


def test_chunks_of_other_weights_or_questions_are_never_reused(tmp_path):
    output = tmp_path / "0-of-1.parquet"
    first = resumable.scratch_for(output, "weights A", ["q0"])
    first.mkdir()
    assert resumable.scratch_for(output, "weights A", ["q0"]) == first
    assert first.is_dir()
    beside = resumable.scratch_for(tmp_path / "1-of-1.parquet", "weights A", ["q0"])
    beside.mkdir()
    assert resumable.scratch_for(output, "weights B", ["q0"]) != first
    assert not first.exists()
    assert beside.is_dir()
    forget_scratch(tmp_path / "1-of-1.parquet")
    assert not beside.exists()


def test_shards_take_whole_batches_and_every_one_once():
    groups = batches(list(range(11)), 2)
    shards = [shard(groups, k, 3) for k in range(3)]
    assert sorted(item for items in shards for item in items) == list(range(11))
    assert shards[0] == [0, 1, 6, 7]


def prompts(*lengths):
    return [Request(f"q{length}", [1] * length, 0, range(1)) for length in lengths]


def test_prompts_that_do_not_fit_are_counted_and_the_longest_is_named():
    with pytest.raises(
        UserError,
        match=r"2 of 3 prompts .* context of 512 tokens; the longest, of question q480, has 480",
    ):
        requests_.fitting(prompts(416, 417, 480), max_tokens=96, context=512, skip=False)


def test_prompts_that_do_not_fit_are_left_out_where_that_is_wanted_and_the_log_says_so(caplog):
    kept = requests_.fitting(prompts(480, 416, 417), max_tokens=96, context=512, skip=True)
    assert kept == prompts(416)
    assert "2 of 3 prompts do not fit" in caplog.text


def test_braces_in_a_question_or_a_template_are_text(tmp_path, tokenizer):
    (tmp_path / "t.txt").write_text("{a} {question} {}")
    template = prompt.read_template(tmp_path / "t.txt")
    asked = pl.DataFrame({"question_id": ["q"], "question": [r"\frac{1}{2} {x}"], "answer": ["1"]})
    [request] = requests_.make_requests(asked, range(1), template, tokenizer, seed=0, step=1)
    assert tokenizer.decode(request.prompt_ids) == r"{a} \frac{1}{2} {x} {}"


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_policy_folder_that_lacks_a_part_is_refused_in_words(tmp_path, missing):
    for path in POLICY.iterdir():
        if path.name != missing:
            (tmp_path / path.name).symlink_to(path)
    words = {
        "config.json": "no config.json",
        "model.safetensors": "no weights",
        "tokenizer.json": "no tokenizer",
    }
    with pytest.raises(UserError, match=words[missing]):
        folder.check(tmp_path)


def test_the_fingerprint_changes_with_one_byte_of_the_weights(tmp_path):
    data = (POLICY / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data)
    before = folder.fingerprint(tmp_path)
    assert before == folder.fingerprint(POLICY)
    (tmp_path / "model.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert folder.fingerprint(tmp_path) != before


def test_the_ids_that_end_a_text_start_with_the_models_own(tmp_path):
    class Tokenizer:
        eos_token_id = 9

    (tmp_path / "config.json").write_text('{"eos_token_id": 3}')
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [5, 3]}')
    assert folder.end_ids(tmp_path, Tokenizer()) == [3, 5, 9]
    assert folder.end_ids(tmp_path) == [3, 5]
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "generation_config.json").unlink()
    assert folder.end_ids(tmp_path) == []


def test_the_progress_line_has_rollouts_speed_time_left_and_the_share_that_stopped(capsys):
    groups = [
        [Rollout(name, k, [1, 2, 3], "stop" if k else "length") for k in range(4)] for name in "abc"
    ]
    assert list(resumable.shown(iter(groups), 12, "step 1 sample")) == groups
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "step 1 sample: 100%" in last
    assert "12/12" in last
    assert "<00:00" in last
    assert "tokens/s, 75% stopped" in last


def test_another_version_of_vllm_is_refused_before_it_is_imported(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.27.1")
    monkeypatch.delitem(sys.modules, "ei.sampling.vllm_private", raising=False)
    with pytest.raises(UserError, match=r"written for vLLM 0\.26\.0, and 0\.27\.1 is installed"):
        importlib.import_module("ei.sampling.vllm_private")
