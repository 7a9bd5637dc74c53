"""Every file of a policy's folder, damaged in ten ways and more, as sample, eval and sft read it.

Never a traceback, never an output beside an error, never success with another result. A flipped
bit in a weight, or in a word of the tokenizer, cannot be seen in the base policy, for which nobody
knows what was there before. In a policy that was trained here it is, by its recorded hash.
"""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import small_run
import torch
from damages import ANYTHING, JSON, Damage, but, changed_json, flipped, listed, rewritten
from small_run import in_place_of, run_stage

from ei.files import stamp, write_table
from ei.model import entropy
from ei.model.folder import fingerprint, record_fingerprint
from ei.sampling import draw
from helpers import DEMO, ROOT

SHARES = ["--engine", "transformers", "--device", "cpu", "--step", 1, "--seed", 0,
          "--max_tokens", 5, "--batch", 4,
          "--prompt", ROOT / "workflow/prompts/demo.txt"]  # fmt: skip


def sample(folder: Path, out: Path) -> int:
    questions = ("--data", folder / "run/data/train.parquet", "--questions", 2, "--rollouts", 1)
    return run_stage(
        "sample", *SHARES, "--policy", folder / "policy", *questions, "--output", out / "0.parquet"
    )


def evaluate(folder: Path, out: Path) -> int:
    data = folder / "run/data"
    questions = ("--data", data / "validation.parquet", "--development", data / "nothing.parquet")
    return run_stage(
        "eval", *SHARES, "--policy", folder / "policy", *questions, "--questions", 2,
        "--entropy_rollouts", 2, "--output", out / "0.parquet",
    )  # fmt: skip


def train(folder: Path, out: Path) -> int:
    """The policy is all three that SFT reads: the one that sampled, the first, and the base."""
    policies = [part for name in ("policy", "init", "base")
                for part in (f"--{name}", folder / "policy")]  # fmt: skip
    tables = [part for name in ("filtered", "rollouts")
              for part in (f"--{name}", folder / f"{name}.parquet")]  # fmt: skip
    return run_stage(
        "sft", *policies, *tables, "--step", 1, "--seed", 0, "--gpus", 0, "--epochs", 1,
        "--min_updates", 1, "--entropy_rollouts", 1,
        "--output", out / "policy", "--training", out / "training.parquet",
    )  # fmt: skip


STAGES = {"sample": sample, "eval": evaluate, "sft": train}
# A policy may lack what these say, and what the others say where it is not read.
OPTIONAL = but(JSON, "absent", "without a field", "no fields", "NaN")


def set_to(**values: Any) -> Damage:
    return changed_json(lambda found: {**found, **values})


CONFIG = {
    **but(JSON, "without a field"),
    "an unknown model type": set_to(model_type="gpt5"),
    "code of its own": set_to(model_type="mine", auto_map={"AutoConfig": "mine.Mine"}),
    "an encoder": set_to(model_type="bert"),
    "an encoder-decoder": set_to(model_type="t5"),
    "a recurrent model": set_to(model_type="mamba"),
    "a hybrid model": set_to(model_type="lfm2"),
    "fewer layers": set_to(num_hidden_layers=3),
    "more layers": set_to(num_hidden_layers=5),
    "wider": set_to(hidden_size=1024),
    "a smaller vocabulary": set_to(vocab_size=11),
    "no context": set_to(max_position_embeddings=None),
    "quantized": set_to(quantization_config={"quant_method": "gptq", "bits": 4}),
}
WEIGHTS = {
    **ANYTHING,
    "a longer header": rewritten(lambda content: b"\xff" * 8 + content[8:]),
    "no header": rewritten(lambda content: b"\2" + bytes(7) + b"{}" + content),
    "more bytes": rewritten(lambda content: content + b"\0"),
    "a flipped bit": flipped(1),
}
FILES = {
    "config.json": CONFIG,
    "generation_config.json": OPTIONAL,
    "tokenizer.json": JSON,
    "tokenizer_config.json": OPTIONAL,
    "model.safetensors": WEIGHTS,
    "weights.sha256": ANYTHING,  # without it nobody knows what was there before
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """A second one would wait more than compute: all of these are over in a moment."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with its hash, questions, and rollouts of it."""
    folder = tmp_path_factory.mktemp("policies")
    small_run.write_questions(folder)
    data, policy = folder / "run/data", folder / "policy"
    small_run.must("data", "--train", folder / "train.jsonl",
                   "--validation", folder / "validation.jsonl", "--output", data)  # fmt: skip
    train = pl.read_parquet(data / "train.parquet")
    write_table(train.clear(), data / "nothing.parquet", stamp("", {}))
    shutil.copytree(DEMO / "policy", policy)
    record_fingerprint(policy)
    drawn = small_run.sampled(train).with_columns(policy=pl.lit(fingerprint(policy)))
    for name in ("filtered", "rollouts"):
        write_table(drawn.head(2), folder / f"{name}.parquet", stamp("", {}))
    return folder


def found_in(out: Path) -> dict[str, Any]:
    """What a stage wrote, without times."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    tables = {path.name: pl.read_parquet(path) for path in files if path.suffix == ".parquet"}
    policy = {path.name: path.read_bytes() for path in files if path.parent.name == "policy"}
    return {
        **{name: table.drop("seconds", "tokens_per_s", strict=False).to_dicts()
           for name, table in tables.items()},
        **policy,
    }  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_a_damaged_policy_is_refused_in_a_sentence_or_changes_nothing(
    stage: str, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert STAGES[stage](folder, out) == 0
    right = found_in(out)
    wrong = []
    for name, kind, damage in listed(FILES):
        shutil.rmtree(out, ignore_errors=True)
        capfd.readouterr()
        with in_place_of(folder / "policy" / name, damage):
            try:
                status = STAGES[stage](folder, out)
            except BaseException as error:
                wrong.append(f"{name}, {kind}: {type(error).__name__}: {error}"[:300])
                continue
            same = without(name, found_in(out)) == without(name, right)
        said = capfd.readouterr().err
        if status == 0 and not same:
            wrong.append(f"{name}, {kind}: success with another result")
        if status and (said.count("error:") != 1 or "Traceback" in said):
            wrong.append(f"{name}, {kind}: {said}")
        if status and out.exists() and found_in(out):
            wrong.append(f"{name}, {kind}: left {list(found_in(out))}")
    assert not wrong, "\n".join(wrong)


def without(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """The results without the copy of a file that SFT hands on as it is."""
    return {key: value for key, value in found.items() if key != name}


@pytest.mark.parametrize("stage", ["sample", "eval"])
def test_weights_that_are_replaced_while_they_are_sampled_from_leave_nothing(
    stage: str,
    folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the engine has them in memory by then, the rollouts would name what nobody drew from."""
    weights, drawn = folder / "policy/model.safetensors", draw.answers

    def replaced(*task: Any) -> Any:
        for rollouts in drawn(*task):
            weights.write_bytes(weights.read_bytes()[:-2] + bytes(2))
            yield rollouts

    monkeypatch.setattr(draw, "answers", replaced)
    with in_place_of(weights, lambda path: None):
        assert STAGES[stage](folder, tmp_path / "out") == 1
    assert "was changed while it was read: start this stage again" in capfd.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_weights_that_are_replaced_before_their_entropy_is_measured_are_noticed(
    folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights, measured = folder / "policy/model.safetensors", entropy.response_entropy

    def replaced(*what: Any) -> Any:
        weights.write_bytes(weights.read_bytes()[:-2] + bytes(2))
        return measured(*what)

    monkeypatch.setattr(entropy, "response_entropy", replaced)
    with in_place_of(weights, lambda path: None):
        assert evaluate(folder, tmp_path / "out") == 1
    assert "was changed while it was read" in capfd.readouterr().err
    assert not (tmp_path / "out/0.parquet").exists()
