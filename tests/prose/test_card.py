"""The model card of an exported policy says what its run.json says."""

import pytest
from huggingface_hub import ModelCard

from ei.licence import licence_of
from ei.prose.card import Licences, card
from summaries import evaluation, run

HUB = {"hub": "someone/questions", "revision": "abc", "split": "test"}
KNOWN = Licences("apache-2.0", "mit", None)


def a_run(**more):
    """Three steps, of which the first was chosen."""
    main = run("main", [0.1, 0.345678, 0.3], best=1, **more)
    settings = {"model": "org/Base-1B@rev1", "data": {"train": "my/train.jsonl", "validation": HUB}}
    return {**main, "settings": {**main["settings"], **settings}}


def test_the_front_matter_is_what_the_hub_reads():
    data = ModelCard(card(a_run(), "Q: {question}", KNOWN)).data
    assert (data.license, data.base_model) == ("apache-2.0", "org/Base-1B")
    assert data.datasets == ["someone/questions"]
    assert data.metrics == ["accuracy"]
    (result,) = data.eval_results
    assert (result.dataset_type, result.dataset_split) == ("someone/questions", "test")
    assert result.metric_value == 0.345678  # of the exported step, as in its eval.json


def test_the_curve_has_every_step_and_the_exported_one_is_bold():
    text = card(a_run(), "Q: {question}", KNOWN)
    assert "| 0 (base) | 500 | 10.0 % [6.0, 14.0] | 90.0 % |" in text
    assert "| **1** | 500 | **34.6 % [30.6, 38.6]** | 90.0 % |" in text
    assert "Step 1 was chosen by its accuracy on 200 questions held out" in text
    assert "- Weights, SHA-256 over the safetensors: `policy 1`" in text
    assert "```\nQ: {question}\n```" in text
    assert "| `sample.rollouts` | `2` |" in text


def test_the_card_shows_no_path_of_its_authors_machine():
    main = a_run()
    main["settings"] |= {"model": "/home/me/mine", "prompt": "/home/me/p.txt", "early": None}
    text = card(main, "{question}", KNOWN)
    assert "/home" not in text
    assert "| `prompt` | `p.txt` |" in text
    assert "| `early` | `null` |" in text


def test_a_baseline_is_no_expert_iteration():
    text = card({**a_run(), "kind": "sft"}, "{question}", KNOWN)
    assert "# Base-1B, step 1 of supervised fine-tuning" in text
    assert "expert iteration" not in text


def test_without_a_choice_the_last_step_is_exported():
    main = {**a_run(), "best": None}
    text = card(main, "Q: {question}", KNOWN)
    assert "# Base-1B, step 2 of expert iteration" in text
    assert "Step 2 is the last: no questions were held out" in text


def test_licences_that_nothing_names_are_to_be_checked():
    text = card(a_run(), "Q: {question}", Licences(None, "mit", None))
    assert "- Base model, org/Base-1B: unknown: check" in text
    assert "- Questions (train), train.jsonl: mit" in text
    assert "- Questions (validation), someone/questions: unknown: check" in text
    assert ModelCard(text).data.license == "unknown"


def test_what_is_not_on_the_hub_is_not_named_to_it():
    main = a_run()
    main["settings"] |= {"model": "/models/mine", "data": {"train": "t.jsonl", "validation": "v"}}
    data = ModelCard(card(main, "Q: {question}", KNOWN)).data
    assert (data.base_model, data.datasets, data.eval_results) == (None, None, None)


def test_probes_are_told():
    tries = [evaluation(1, 0.5, samples=8, pass_at_k={"1": 0.5, "8": 0.75})]
    text = card(a_run(prompts={"plain": evaluation(0, 0.2)}, samples=tries), "{question}", KNOWN)
    assert "- The untouched base model under the prompt `plain`, 500 questions: 20.0 % [16" in text
    assert "- Step 1, 500 questions: pass@1 50.0 %, pass@8 75.0 %" in text


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("LICENSE", "\n   Apache License\n   Version 2.0, January 2004\n", "apache-2.0"),
        ("LICENSE.txt", "MIT License\n\nCopyright", "mit"),
        ("LICENSE", "All rights reserved.", "other"),
        ("README.md", "---\nlicense: cc-by-4.0\n---\n# A model\n", "cc-by-4.0"),
        ("README.md", "# A model\n", None),
        ("NOTES", "MIT License", None),
    ],
)
def test_a_licence_is_known_by_its_card_or_its_text(tmp_path, name, text, found):
    (tmp_path / name).write_text(text)
    assert licence_of(tmp_path) == found
