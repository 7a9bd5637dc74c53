"""Evaluate a policy folder on the validation questions: accuracy, format, pass@k.

    python workflow/demo/trial.py --policy workflow/demo/policy --samples 8 --device cpu

prints the rates of all questions, of each level and of each subject, one JSON object a line.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from corpus import fill
from task import grade

HERE = Path(__file__).parent
MAX_TOKENS = 128  # longer than the longest response of 100,000 documents
BATCH = 2000  # prompts sampled at a time


def sample(folder: Path, prompts: Sequence[str], device: str, seed: int) -> list[tuple[str, int]]:
    """(response, its length in tokens) of every prompt at temperature 1, cut after `</answer>`.

    The length counts what was sampled, before that cut.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.to(device)
    torch.manual_seed(seed)
    responses = []
    for start in range(0, len(prompts), BATCH):
        batch = tokenizer(
            list(prompts[start : start + BATCH]), return_tensors="pt", padding=True
        ).to(device)
        width = batch["input_ids"].shape[1]
        with torch.inference_mode():
            output = model.generate(
                **batch,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                max_new_tokens=MAX_TOKENS,
            )
        for ids in output[:, width:].tolist():
            kept = (
                ids[: ids.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in ids else ids
            )
            head, tag, _ = str(tokenizer.decode(kept)).partition("</answer>")
            responses.append((head + tag, len(kept)))
    return responses


def rates(
    questions: Sequence[dict[str, str]], responses: Sequence[tuple[str, int]], samples: int
) -> dict[str, float]:
    """Rates in percent over all responses; question i has those from `i * samples` on."""
    grades = [
        grade(text, questions[i // samples]["answer"]) for i, (text, _) in enumerate(responses)
    ]
    form = sum(formatted for formatted, _ in grades)
    right = sum(correct for _, correct in grades)
    groups = [grades[i : i + samples] for i in range(0, len(grades), samples)]
    return {
        "questions": len(questions),
        "accuracy": round(100 * right / len(grades), 1),
        "format": round(100 * form / len(grades), 1),
        "accuracy given format": round(100 * right / max(form, 1), 1),
        f"pass@{samples}": round(
            100 * sum(any(c for _, c in group) for group in groups) / len(groups), 1
        ),
        "mean response tokens": round(sum(length for _, length in responses) / len(responses), 1),
        "at the token limit": round(
            100 * sum(length >= MAX_TOKENS for _, length in responses) / len(responses), 2
        ),
    }


def try_policy(
    folder: Path, questions: Path, template: str, samples: int, device: str, limit: int | None
) -> None:
    """Print the rates of all questions, of each level and of each subject, and some responses."""
    lines = questions.read_text(encoding="utf-8").splitlines()[:limit]
    asked = [json.loads(line) for line in lines]
    prompts = [fill(template, question["question"]) for question in asked for _ in range(samples)]
    responses = sample(folder, prompts, device, seed=0)
    print("all", json.dumps(rates(asked, responses, samples)))
    for key in ("level", "subject"):
        for value in sorted({question[key] for question in asked}):
            chosen = [i for i, question in enumerate(asked) if question[key] == value]
            answered = [responses[i * samples + k] for i in chosen for k in range(samples)]
            print(value, json.dumps(rates([asked[i] for i in chosen], answered, samples)))
    for i, question in enumerate(asked[:12]):
        print(f"{question['question']} [{question['answer']}] {responses[i * samples][0]!r}")


def main() -> None:
    """Evaluate the policy that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", type=Path, default=HERE / "policy", help="folder")
    parser.add_argument(
        "--questions", type=Path, default=HERE / "validation.jsonl", help="JSONL file"
    )
    parser.add_argument(
        "--prompt", type=Path, default=HERE.parent / "prompts" / "demo.txt", help="template"
    )
    parser.add_argument("--samples", type=int, default=8, help="responses to each")
    parser.add_argument("--limit", type=int, help="only so many questions")
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    options = parser.parse_args()
    template = options.prompt.read_text(encoding="utf-8")
    try_policy(
        options.policy, options.questions, template, options.samples, options.device, options.limit
    )


if __name__ == "__main__":
    main()
