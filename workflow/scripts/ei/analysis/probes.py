"""What a run's probes found (ei/runs/probes.py), as run.json has it."""

from collections.abc import Iterable
from pathlib import Path

from ei.files import read_evaluation
from ei.runs.probes import PROMPTS, SAMPLES
from ei.schema import Evaluation, Probed
from ei.stage import UserError


def read_probes(paths: Iterable[Path]) -> Probed:
    """`prompts` and `samples` of run.json, from each probe's eval.json.

    The name of a probe is that of its folder. One that was asked nothing, as a chat of a model
    without a chat template, is left out.
    """
    prompts: dict[str, Evaluation] = {}
    samples: list[Evaluation] = []
    for path in paths:
        evaluation, folder = read_evaluation(path), path.parent
        if folder.parent.name != PROMPTS and folder.name != SAMPLES:
            raise UserError(f"{path} is no probe: it is in neither {PROMPTS}/NAME nor {SAMPLES}")
        if not evaluation["n"]:
            continue
        if folder.name == SAMPLES:
            samples.append(evaluation)
        else:
            prompts[folder.name] = evaluation
    return {"prompts": prompts, "samples": samples}
