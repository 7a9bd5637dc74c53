"""What can be known before the first job is said then, and all of it at once."""

import logging
import shutil

import polars as pl
import pytest

from ei import schema
from ei.preflight import disk_room, gpu_room, local, machine, prompts
from ei.preflight.finding import GIB, Finding, noting, problems, report
from ei.prompt import Template
from ei.stage import UserError
from ei.training.memory import Size
from helpers import DEMO, ROOT
from sampling.small_tokenizers import letters

POLICY = DEMO / "policy"
SETTINGS = {
    "steps": 2, "seed": 0, "engine": "transformers", "device": "cpu",
    "data": {"skip_too_long": False},
    "sample": {"questions": 2, "rollouts": 4, "max_tokens": 100},
    "eval": {"questions": "all", "max_tokens": 100},
    "sft": {"memory": "auto", "row_tokens": 16384, "gpus": 1},
}  # fmt: skip
# Qwen2.5-1.5B: 28 layers of width 1536, tied embeddings of 151,936 tokens.
BILLIONS = Size(1_543_714_304, 1_310_000_000, 645_120, 151_936, 1536, 28)
CONFIG = {
    "hidden_size": 1536, "num_hidden_layers": 28, "num_attention_heads": 12,
    "num_key_value_heads": 2,
}  # fmt: skip


def sentences(findings):
    return [(one.fatal, one.sentence) for one in findings]


def test_one_problem_is_a_sentence_and_several_are_a_list():
    assert problems([Finding("a"), Finding("b", fatal=False)]) == "a"
    assert problems([Finding("a"), Finding("b"), Finding("a")]) == (
        "2 things keep this run from ending well:\n  1. a\n  2. b"
    )
    assert problems([Finding("b", fatal=False)]) is None


def test_warnings_are_logged_and_kept_and_what_is_fatal_is_raised(caplog):
    log = logging.getLogger("check")
    assert report([Finding("b", fatal=False)], log) == ["b"]
    assert "warning: b" in caplog.text
    with pytest.raises(UserError, match="a"):
        report([Finding("a"), Finding("b", fatal=False)], log)


def test_a_users_error_is_a_finding_and_a_fault_of_ours_is_not():
    found = []
    with noting(found):
        raise UserError("a")
    assert found == [Finding("a")]
    with pytest.raises(ZeroDivisionError), noting(found):
        1 / 0  # noqa: B018


@pytest.mark.parametrize(
    ("free_gib", "fatal"),
    [(1, True), (5, True), (6, False), (20, False), (30, None)],
)
def test_a_disk_too_small_for_the_policies_is_fatal_and_for_the_rest_a_warning(free_gib, fatal):
    """Two policies of 1.5 billion parameters are 5.8 GiB, a checkpoint 17.3."""
    found = disk_room.findings(SETTINGS, 1_543_714_304, [1, 2], free_gib * GIB)
    assert [one.fatal for one in found] == ([] if fatal is None else [fatal])
    for one in found:
        assert f"the disk has {free_gib}.0 GiB free" in one.sentence
        assert "5.8 for 2 policies, 17.3 for a checkpoint" in one.sentence


def test_a_finished_run_needs_no_room():
    assert disk_room.findings(SETTINGS, 10**12, [], 0) == []


@pytest.mark.parametrize(
    ("memory", "row_tokens", "gpu_gib", "fatal", "words"),
    [
        ("auto", 16384, 79, None, ""),
        ("full", 16384, 79, None, ""),
        ("auto", 16384, 18, False, "lower sft.row_tokens from 16384 to 8192"),
        ("auto", 8192, 24, None, ""),
        ("full", 16384, 40, False, "set sft.memory to auto"),
        ("full", 16384, 24, True, "set sft.memory to small"),
        ("auto", 16384, 8, True, "use a smaller model or a larger GPU"),
    ],
)
def test_sft_is_refused_only_where_its_weights_cannot_fit(
    memory, row_tokens, gpu_gib, fatal, words
):
    found = gpu_room.of_sft(BILLIONS, {"memory": memory, "row_tokens": row_tokens}, gpu_gib)
    assert [one.fatal for one in found] == ([] if fatal is None else [fatal])
    assert all(words in one.sentence for one in found)


def test_lora_fits_where_all_weights_do_not():
    sft = {"memory": "auto", "row_tokens": 16384}
    (refused,) = gpu_room.of_sft(BILLIONS, sft, 12)
    assert "set sft.lora" in refused.sentence
    assert gpu_room.of_sft(BILLIONS, {**sft, "lora": {"rank": 16, "alpha": 32}}, 12) == []


@pytest.mark.parametrize(
    ("context", "percent", "gpu_gib", "fatal"),
    [
        (4096, 90, 79, None),
        (4096, 90, 12, None),
        (1_000_000, 90, 24, False),  # 28 kB a token
        (4096, 90, 3, True),
        (4096, 10, 24, True),
    ],
)
def test_vllm_is_refused_only_where_the_weights_cannot_fit(context, percent, gpu_gib, fatal):
    found = gpu_room.of_vllm(BILLIONS, CONFIG, context, percent, gpu_gib)
    assert [one.fatal for one in found] == ([] if fatal is None else [fatal])
    assert all("vllm.memory_percent" in one.sentence for one in found)


def test_the_size_of_a_model_is_read_from_the_headers_of_its_weights():
    import torch

    from ei.model.load import load
    from ei.training.memory import FULL, SMALL, estimate, peak

    own = load(POLICY, torch.device("cpu"), mixed=True)
    size = gpu_room.size_of(POLICY)
    for plan in (FULL, SMALL):
        assert peak(size, 1024, plan) == pytest.approx(estimate(own, 1024, plan), rel=0.001)


def table(*texts):
    rows = [{"question_id": text[:16], "question": text, "answer": "1"} for text in texts]
    return pl.DataFrame(rows, schema=schema.QUESTIONS)


PLAIN = Template("{question}")


def asked(train, validation=("1",), template=PLAIN, **changes):
    tables = {"train": table(*train), "validation": table(*validation), "development": table()}
    return prompts.asked_by(SETTINGS | changes, tables, [template])


def never():
    raise AssertionError("the tokenizer is not needed")


def test_short_prompts_are_never_tokenized():
    assert prompts.findings(asked(["1+1", "1+2"]), 200, never, skip=False) == []


@pytest.mark.parametrize(("skip", "fatal"), [(False, True), (True, False)])
def test_prompts_that_do_not_fit_are_counted_by_tokens(skip, fatal):
    """Bytes are only the bound: `é` is two of them, and one token here."""
    many = asked(["x" * 101, "é" * 60, "y" * 110], sample={**SETTINGS["sample"], "questions": 3})
    [found] = prompts.findings(many, 200, letters, skip)
    assert found.fatal is fatal
    assert found.sentence.startswith("4 prompts do not fit: with sample.max_tokens")  # in two steps
    assert "the longest has 110. Lower sample.max_tokens to 90" in found.sentence


def test_only_questions_that_will_be_drawn_count():
    texts = ["x" * 150, *map(str, range(60))]
    drawn = {len(text) for one in asked(texts) for text in one.texts}
    assert (150 in drawn) == bool(prompts.findings(asked(texts), 200, letters, skip=False))


def test_max_tokens_beyond_the_context_is_named():
    [found] = prompts.findings(asked(["1", "2"]), 100, never, skip=False)
    assert "sample.max_tokens is 100, which leaves no room" in found.sentence


def test_more_questions_than_there_are_is_said_before_the_first_job():
    with pytest.raises(UserError, match="2 questions are asked for, and there are 1"):
        asked(["1"])


def test_a_chat_prompt_of_a_model_without_a_chat_template_is_refused():
    chat = asked(["1", "2"], template=Template("{question}", chat=True))
    with pytest.raises(UserError, match="no chat template"):
        prompts.findings(chat, 200, letters, skip=False)


@pytest.mark.parametrize(
    ("engine", "device", "granted", "wanted", "words"),
    [
        ("transformers", "cpu", 0, 1, []),
        ("transformers", "cuda", 1, 1, []),
        ("transformers", "cuda", 1, 2, [(False, "SFT will train on 1")]),
        ("vllm", "cpu", 0, 1, [(True, "vLLM is not installed"), (True, "needs a GPU")]),
    ],
)
def test_what_a_machine_lacks_is_said_before_anything_is_downloaded(
    monkeypatch, engine, device, granted, wanted, words
):
    def absent(name):
        from importlib.metadata import PackageNotFoundError

        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    found = machine.findings(engine, device, granted, wanted)
    assert len(found) == len(words)
    for one, (fatal, text) in zip(found, words, strict=True):
        assert one.fatal is fatal
        assert text in one.sentence


def test_local_files_tell_all_that_is_wrong_at_once(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"questio": "1+1?"}\n')
    pl.DataFrame({"problem": ["1"], "points": [1]}).write_parquet(tmp_path / "test.parquet")
    found = local.findings(
        {"sample": {"max_tokens": 512}, "eval": {"max_tokens": 96}},
        tmp_path,
        POLICY,
        {"train": tmp_path / "train.jsonl", "validation": tmp_path / "test.parquet"},
        [ROOT / "workflow/prompts/chat.yaml"],
    )
    starts = [one.sentence[:40] for one in found]
    assert [start.partition(":")[0] for start in starts] == [
        "sample.max_tokens is 512, which leaves n",
        "the prompt is a chat, and the model's to",
        "data.train",
        "data.validation",
    ]


def test_a_plan_warns_of_a_full_disk_and_goes_on(tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr("shutil.disk_usage", lambda path: full)
    [found] = local.findings(SETTINGS, tmp_path / "results/new", POLICY, {}, [])
    assert not found.fatal
    assert "the disk has 0.0 GiB free" in found.sentence
    for step in (1, 2):
        (tmp_path / f"results/new/step{step}/policy").mkdir(parents=True)
    assert local.findings(SETTINGS, tmp_path / "results/new", POLICY, {}, []) == []


def test_the_shipped_demo_has_nothing_wrong(tmp_path):
    sources = {"train": DEMO / "train.jsonl", "validation": DEMO / "validation.jsonl"}
    own, probe = (ROOT / "workflow/prompts" / name for name in ("demo.txt", "question_chat.yaml"))
    assert local.findings(SETTINGS, tmp_path, POLICY, sources, [own]) == []
    # A probe that is a chat is left out where the model has no chat template.
    assert local.findings(SETTINGS, tmp_path, POLICY, sources, [own, probe]) == []
