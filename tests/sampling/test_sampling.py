"""What the transformers engine draws: from the policy's own distribution, by identity, however the work is split."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
import torch
from ei.generation import command
from ei.generation.draw import Request, Rollout, Sampling, closing_tokens, stop_test
from ei.generation.durable import batches, rollout_table, scratch_for, shard
from ei.generation.transformers_engine import _pick, generate

from ei import policy
from ei.files import forget_scratch
from ei.questions import request_seed
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
    return policy.load_tokenizer(POLICY)


@pytest.fixture(scope="module")
def requests(tokenizer):
    template = command.read_template(ROOT / "workflow/prompts/demo.txt")
    prompts = [template.replace("{question}", question) for question in QUESTIONS]
    return [
        Request(f"q{k}", tokenizer(prompt).input_ids, request_seed(0, 1, f"q{k}"), range(4))
        for k, prompt in enumerate(prompts)
    ]


def draw(requests, tokenizer, size=5, samples=range(4), **changes):
    """{(question, sample): rollout} of the requests in batches of `size`."""
    requests = [replace(request, samples=samples) for request in requests]
    settings = {
        "temperature": 1.0,
        "top_p": 1.0,
        "max_tokens": 96,
        "min_tokens": 4,
        "stop": "</answer>",
    }
    sampling = Sampling(**{**settings, **changes})
    ended = stop_test(
        tokenizer, sampling.stop, sampling.min_tokens, closing_tokens(tokenizer, sampling.stop)
    )
    drawn = generate(
        POLICY, batches(requests, size), sampling, "cpu", ended, policy.end_ids(POLICY, tokenizer)
    )
    return {(r.question_id, r.sample): r for rollouts in drawn for r in rollouts}


def test_at_temperature_0_it_draws_what_the_librarys_own_greedy_search_draws(requests, tokenizer):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(POLICY, dtype=torch.float32)
    ours = draw(requests, tokenizer, temperature=0.0, samples=range(1), max_tokens=40)
    for request in requests:
        ids = torch.tensor([request.prompt_ids])
        theirs = model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :].tolist()
        mine = ours[request.question_id, 0].ids
        assert mine == theirs[: len(mine)]


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


def test_what_was_drawn_before_a_kill_is_kept_and_the_rest_is_the_same(
    requests, tokenizer, tmp_path
):
    flags = {
        "requests": requests,
        "tokenizer": tokenizer,
        "stop": "</answer>",
        "step": 1,
        "min_tokens": 4,
    }
    chosen = command.pl.DataFrame(
        {
            name: [f"q{k}" for k in range(5)]
            for name in ("question_id", "question", "answer", "level", "subject")
        }
    )

    def to_rows(rollouts):
        return command.rows(rollouts, chosen=chosen, fingerprint="f", **flags)

    asked = []

    def engine(missing, stop_after=None):
        asked.append([request.question_id for request in missing])
        drawn = draw(missing, tokenizer, size=2)
        for number, group in enumerate(batches(missing, 2)):
            if number == stop_after:
                raise KeyboardInterrupt
            yield [drawn[request.question_id, k] for request in group for k in range(4)]

    def table(scratch, draw_):
        return rollout_table(requests, draw_, to_rows, tmp_path / scratch, chunk=1, title="t")

    with pytest.raises(KeyboardInterrupt):
        table("killed", lambda missing: engine(missing, stop_after=1))
    resumed = table("killed", engine)
    assert asked == [["q0", "q1", "q2", "q3", "q4"], ["q2", "q3", "q4"]]
    assert resumed.equals(table("whole", engine))


def test_chunks_of_other_weights_or_questions_are_never_taken_up(tmp_path):
    output = tmp_path / "0-of-1.parquet"
    first = scratch_for(output, "weights A", ["q0"])
    first.mkdir()
    assert scratch_for(output, "weights A", ["q0"]) == first
    assert first.is_dir()
    beside = scratch_for(tmp_path / "1-of-1.parquet", "weights A", ["q0"])
    beside.mkdir()
    assert scratch_for(output, "weights B", ["q0"]) != first
    assert not first.exists()
    assert beside.is_dir()
    forget_scratch(tmp_path / "1-of-1.parquet")
    assert not beside.exists()


def test_shards_take_whole_batches_and_every_one_once():
    groups = batches(list(range(11)), 2)
    parts = [shard(groups, k, 3) for k in range(3)]
    assert sorted(item for part in parts for item in part) == list(range(11))
    assert parts[0] == [0, 1, 6, 7]


def flags(**changes):
    return argparse.Namespace(**{"seed": 0, "step": 1, **changes})


def prompts(*lengths):
    return [Request(f"q{length}", [1] * length, 0, range(1)) for length in lengths]


def test_prompts_that_do_not_fit_are_counted_and_the_longest_is_named():
    with pytest.raises(
        UserError,
        match=r"2 of 3 prompts .* context of 512 tokens; the longest, of question q480, has 480",
    ):
        command.fitting(prompts(416, 417, 480), max_tokens=96, context=512, skip=False)


def test_prompts_that_do_not_fit_are_left_out_where_that_is_wanted_and_the_log_says_so(caplog):
    kept = command.fitting(prompts(480, 416, 417), max_tokens=96, context=512, skip=True)
    assert kept == prompts(416)
    assert "2 of 3 prompts do not fit" in caplog.text


@pytest.mark.parametrize("text", ["no field", "{question} {question}"])
def test_a_template_must_have_the_question_once(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(UserError, match="exactly once"):
        command.read_template(tmp_path / "t.txt")


def test_braces_in_a_question_or_a_template_are_text(tmp_path, tokenizer):
    (tmp_path / "t.txt").write_text("{a} {question} {}")
    template = command.read_template(tmp_path / "t.txt")
    chosen = command.pl.DataFrame({"question_id": ["q"], "question": [r"\frac{1}{2} {x}"]})
    [request] = command.make_requests(chosen, {"q": range(1)}, template, tokenizer, flags())
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
        policy.check(tmp_path)


def test_the_fingerprint_changes_with_one_byte_of_the_weights(tmp_path):
    data = (POLICY / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data)
    before = policy.fingerprint(tmp_path)
    assert before == policy.fingerprint(POLICY)
    (tmp_path / "model.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert policy.fingerprint(tmp_path) != before


def test_the_progress_line_tells_rollouts_tokens_a_second_time_left_and_how_many_stopped(
    capsys, tmp_path
):
    def engine(missing):
        for request in missing:
            yield [
                Rollout(request.question_id, k, [1, 2, 3], "stop" if k else "length")
                for k in range(4)
            ]

    asked = [replace(request, samples=range(4)) for request in prompts(5, 6, 7)]

    def rows(rollouts):
        return command.pl.DataFrame(
            [{"question_id": r.question_id, "sample": r.sample} for r in rollouts]
        )

    rollout_table(asked, engine, rows, tmp_path / "scratch", chunk=1, title="step 1 sample")
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "step 1 sample: 100%" in last
    assert "12/12" in last
    assert "<00:00" in last
    assert "tokens/s, 75% stopped" in last
