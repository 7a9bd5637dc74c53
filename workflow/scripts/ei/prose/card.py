"""The model card of an exported policy: what made it, what it reaches, and under which licences."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ei import __version__
from ei.analysis.choice import best_step
from ei.prose.words import counted, percent, with_interval
from ei.runs.settings import flat
from ei.schema import Evaluation, RunSummary

HUB_ID = re.compile(r"([\w.-]+/[\w.-]+)@([\w.-]+)")
UNKNOWN = "unknown: check"
CHOSEN = (
    "Step {step} was chosen by its accuracy on {n} held out from the training set; the validation"
    " set is never used to choose."
)
NOT_CHOSEN = "Step {step} is the last: no questions were held out to choose one on."
HOW = {
    "ei": "It was made by expert iteration: in each step a policy samples responses to training"
    " questions, some of them are kept, by default those with the correct answer (`filter.keep`),"
    " and the policy is fine-tuned on these.",
    "sft": "It was made by supervised fine-tuning on responses that it did not write.",
}
USE = """\
It continues this prompt, with the question in the place of `{question}`:

```
PROMPT
```

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("FOLDER")
model = AutoModelForCausalLM.from_pretrained("FOLDER")
```"""


@dataclass(frozen=True)
class Licences:
    """Identifiers of the hub, such as apache-2.0; None where nothing says what the licence is."""

    base: str | None
    train: str | None
    validation: str | None


def card(run: RunSummary, prompt: str, licences: Licences) -> str:
    """README.md: the hub's front matter in YAML, then the card in Markdown."""
    parts = [f"---\n{front_matter(run, licences)}\n---", f"# {title(run)}", *body(run, prompt)]
    return "\n\n".join([*parts, *provenance(run), *of_licences(run, licences)]) + "\n"


def title(run: RunSummary) -> str:
    """`Qwen2.5-Math-1.5B, step 3 of expert iteration`"""
    kind = "expert iteration" if run["kind"] == "ei" else "supervised fine-tuning"
    return f"{base_of(run)[0].rsplit('/', 1)[-1]}, step {best_step_of(run)['step']} of {kind}"


def best_step_of(run: RunSummary) -> Evaluation:
    """The evaluation of the exported step: the best by development questions, else the last."""
    step = best_step(run) if run["best"] else run["evaluations"][-1]["step"]
    return next(one for one in run["evaluations"] if one["step"] == step)


def base_of(run: RunSummary) -> tuple[str, str | None]:
    """(name, revision) of the base model; a local folder has its last name and no revision."""
    model = str(run["settings"]["model"])
    found = HUB_ID.fullmatch(model)
    return (found[1], found[2]) if found else (model.rstrip("/").rsplit("/", 1)[-1], None)


def source_of(run: RunSummary, split: str) -> tuple[str, bool]:
    """The name of a split's source, and whether it is a data set of the hub."""
    source = run["settings"]["data"][split]
    if isinstance(source, str):
        return source.rsplit("/", 1)[-1], False
    return source["hub"], True


def front_matter(run: RunSummary, licences: Licences) -> str:
    """The hub's metadata as YAML, without what is not on the hub, which it would refuse."""
    from huggingface_hub import EvalResult, ModelCardData

    found, (base, revision) = best_step_of(run), base_of(run)
    sources = [source_of(run, split) for split in ("train", "validation")]
    (name, on_hub) = sources[1]
    result = EvalResult(
        task_type="text-generation",
        dataset_type=name,
        dataset_name=name,
        dataset_split=run["settings"]["data"]["validation"]["split"] if on_hub else None,
        metric_type="accuracy",
        metric_name=f"accuracy, {counted(found['n'], 'question')}",
        metric_value=found["accuracy"],
    )
    data = ModelCardData(
        license=licences.base or "unknown",
        base_model=base if revision else None,
        datasets=list(dict.fromkeys(source for source, hub in sources if hub)) or None,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["expert-iteration" if run["kind"] == "ei" else "sft", "mathematics"],
        metrics=["accuracy"],
        model_name=title(run) if on_hub else None,  # the hub wants it beside results only
        eval_results=[result] if on_hub else None,
    )
    return data.to_yaml().strip()


def body(run: RunSummary, prompt: str) -> Iterator[str]:
    """What it is, how to use it, and what it reaches."""
    (base, revision), how = base_of(run), HOW[run["kind"]]
    yield f"A policy trained from {base}{f' (revision {revision})' if revision else ''}. {how}"
    fence = USE.replace("PROMPT", prompt).replace("FOLDER", "path/to/this/folder")
    yield f"## Use\n\n{fence}"
    yield f"## Validation accuracy\n\n{curve(run)}"
    step, best = best_step_of(run)["step"], run["best"]
    template = CHOSEN if best else NOT_CHOSEN
    yield template.format(step=step, n=counted(best["n"], "question") if best else "")
    probed = list(of_probes(run))
    if probed:
        yield "\n".join(f"- {line}" for line in probed)


def curve(run: RunSummary) -> str:
    """A row for each step: accuracy with its 95 % Wilson interval, and the share in the format."""
    rows = ["| step | questions | accuracy, 95 % interval | in the format |", "|---|---|---|---|"]
    exported = best_step_of(run)["step"]
    for one in run["evaluations"]:
        bold = "**" if one["step"] == exported else ""
        name = "0 (base)" if one["step"] == 0 else str(one["step"])
        accuracy = with_interval(one["accuracy"], one["accuracy_ci95"])
        rows.append(
            f"| {bold}{name}{bold} | {one['n']:,} | {bold}{accuracy}{bold} |"
            f" {percent(one['format_rate'])} |"
        )
    return "\n".join(rows)


def of_probes(run: RunSummary) -> Iterator[str]:
    """What the base policy reaches under other prompts, and pass@k before and after."""
    for name, one in run.get("prompts", {}).items():
        accuracy = with_interval(one["accuracy"], one["accuracy_ci95"])
        n = counted(one["n"], "question")
        yield f"The untouched base model under the prompt `{name}`, {n}: {accuracy}"
    for one in run.get("samples", []):
        tries = ", ".join(f"pass@{k} {percent(p)}" for k, p in one.get("pass_at_k", {}).items())
        yield f"Step {one['step']}, {counted(one['n'], 'question')}: {tries}"


def provenance(run: RunSummary) -> Iterator[str]:
    """Hashes that name the weights and everything that they depend on, and the settings."""
    found: dict[str, Any] = dict(best_step_of(run))
    yield (
        "## Provenance\n\n"
        f"- Weights, SHA-256 over the safetensors: `{found['policy']}`\n"
        f"- Lineage of the run: `{run['lineage']}`\n"
        f"- Made with version {__version__} of the pipeline, seed {run['seed']}"
    )
    settings = flat(run["settings"])
    rows = [f"| `{key}` | `{written(value)}` |" for key, value in settings.items()]
    yield "\n".join(["| setting | value |", "|---|---|", *rows])


def written(value: Any) -> str:
    """A setting as config.yaml has it; of a path on the author's machine only the last name."""
    if isinstance(value, str):
        return Path(value).name if Path(value).is_absolute() else value
    return json.dumps(value, ensure_ascii=False)


def of_licences(run: RunSummary, licences: Licences) -> Iterator[str]:
    """What is known of the licences of the base model and of the questions."""
    lines = [f"- Base model, {base_of(run)[0]}: {licences.base or UNKNOWN}"]
    for split in ("train", "validation"):
        found = getattr(licences, split) or UNKNOWN
        lines.append(f"- Questions ({split}), {source_of(run, split)[0]}: {found}")
    yield "## Licences\n\n" + "\n".join(lines)
