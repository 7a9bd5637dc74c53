"""What snakemake says of settings that cannot be, and of questions that are replaced in place."""

import os
import re
import shutil
from pathlib import Path

import pytest

from helpers import DEMO, ROOT, miniature, snakemake


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("seed: 0", "seed: 0\nseed: 1", r"config\.yaml, line \d+: seed is given twice"),
        ("lr: 2.0e-5", "lr: 5e-5", r"config\.yaml: sft\.lr: '5e-5' is not .*; write 5\.0e-5"),
        ("lr: 2.0e-5", "lr: .inf", r"config\.yaml: sft\.lr: inf is not a finite number"),
        ("steps: 5", "steps: 1.0", r"config\.yaml: steps: 1\.0 is not of type 'integer'; write 1"),
        (
            "min_tokens: 4",
            "min_tokens: 4000",
            r"sample\.min_tokens, 4000, is above sample\.max_tok",
        ),
        ("# Settings", "# \udce9Settings", r"config\.yaml is not UTF-8 text"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_any_job(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    text = (ROOT / "config.yaml").read_text()
    assert old in text
    changed = text.replace(old, new, 1)
    (tmp_path / "config.yaml").write_bytes(changed.encode(errors="surrogateescape"))
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stdout
    assert re.search(sentence, refused.stdout), refused.stdout


def test_a_prompt_that_is_no_text_is_refused_before_any_job(tmp_path: Path) -> None:
    miniature(tmp_path, prompt="prompt.txt")
    (tmp_path / "prompt.txt").write_bytes(b"\xff\xfe{question}")
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode == 1
    assert "prompt.txt is not UTF-8 text, from byte 0 on" in refused.stdout


def test_questions_that_are_not_there_are_named_with_their_setting(tmp_path: Path) -> None:
    miniature(tmp_path, data={"train": "no/such.jsonl"})
    refused = snakemake(tmp_path, "--dry-run")
    assert refused.returncode == 1
    assert "data.train: the file no/such.jsonl does not exist" in refused.stdout


def test_other_questions_of_the_same_size_and_time_are_read_again(tmp_path: Path) -> None:
    """As `cp -p` and `rsync -t` bring them."""
    questions = tmp_path / "train.jsonl"
    shutil.copy(DEMO / "train.jsonl", questions)
    miniature(tmp_path, data={"train": str(questions)})
    target = "results/data/train.parquet"
    made = snakemake(tmp_path, target)
    assert made.returncode == 0, made.stdout
    assert "Nothing to be done" in snakemake(tmp_path, target, "--dry-run").stdout
    before = questions.stat()
    questions.write_bytes(questions.read_bytes().replace(b"Ann", b"Eve", 1))
    os.utime(questions, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert questions.stat().st_size == before.st_size
    assert "rule data" in snakemake(tmp_path, target, "--dry-run").stdout


def test_other_weights_of_the_same_size_and_time_are_sampled_again(tmp_path: Path) -> None:
    """A model's folder is known by what is in it, even where `cp -p` replaces that in place."""
    policy = Path(shutil.copytree(DEMO / "policy", tmp_path / "policy"))
    few = {"questions": 2, "max_tokens": 4}
    miniature(tmp_path, model=str(policy), sample={**few, "rollouts": 1}, eval=few)
    targets = [f"results/step1/{name}.parquet" for name in ("rollouts", "scored")]
    made = snakemake(tmp_path, *targets)
    assert made.returncode == 0, made.stdout
    (policy / "README.md").write_text("It says nothing of what is computed.")
    assert "Nothing to be done" in snakemake(tmp_path, *targets, "--dry-run").stdout
    weights = policy / "model.safetensors"
    before, content = weights.stat(), weights.read_bytes()
    weights.write_bytes(content[:-2] + bytes(2))
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    planned = snakemake(tmp_path, *targets, "--dry-run").stdout
    assert all(f"rule {name}" in planned for name in ("sample", "gather", "score")), planned
