#!/usr/bin/env python3
"""Make a run's best policy a folder that is ready for the Hugging Face hub; upload nothing.

    export.py --run results/demo/run.json --policy results/demo/best/policy \\
        --base workflow/demo/policy --prompt workflow/prompts/demo.txt --output example/export

The folder holds the policy's files, as hard links where the file system allows them, and README.md,
a model card made from the run: its data, settings, curve, and the licences that are known. Change a
file by replacing it: a hard link's content is the policy's own.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

from ei import stage
from ei.files import read_run, read_text, whole
from ei.licence import licence_of
from ei.model import folder
from ei.prose.card import Licences, best_step_of, card
from ei.schema import RunSummary

log = logging.getLogger("export")


def licences(run: RunSummary, base: Path) -> Licences:
    """The licences of the base model, and of the questions where they are local files."""
    data = run["settings"]["data"]
    return Licences(licence_of(base), of_source(data["train"]), of_source(data["validation"]))


def of_source(source: Any) -> str | None:
    """What lies beside a file of questions; a data set of the hub is not asked."""
    return licence_of(Path(source).parent) if isinstance(source, str) else None


def refuse_another(run: RunSummary, policy: Path) -> None:
    """Raise UserError unless the policy is the one that the card's numbers are of."""
    found = best_step_of(run)
    if found["policy"] != folder.fingerprint(policy):
        raise stage.UserError(
            f"{policy} is not the policy that step {found['step']} of {run['run']} was evaluated"
            " with; export it from the run's own folder"
        )


def write(run: RunSummary, policy: Path, base: Path, prompt: str, output: Path) -> None:
    """Write the folder: the policy and its card."""
    folder.check(policy)
    refuse_another(run, policy)
    text = card(run, prompt, licences(run, base))
    with whole(output) as partial:
        folder.link_copy(policy, partial)
        readme = partial / "README.md"
        readme.unlink(missing_ok=True)  # the base model's own, of which this is a hard link
        readme.write_text(text, encoding="utf-8")


def read_flags() -> argparse.Namespace:
    """The flags: what the run says of itself, and the folders of the policy and of its base."""
    parser = stage.parser(__doc__)
    add = parser.add_argument
    add("--run", type=Path, required=True, help="run.json")
    add("--policy", type=Path, required=True, help="the best step's policy, else the last one's")
    add("--base", type=Path, required=True, help="the base model, whose licence it is under")
    add("--prompt", type=Path, required=True, help="the prompt that the policy continues")
    add("--output", type=Path, required=True, help="a folder")
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    run, prompt = read_run(flags.run), read_text(flags.prompt)
    write(run, flags.policy, flags.base, prompt, flags.output)
    log.info("%s: step %d, ready to upload", flags.output, best_step_of(run)["step"])


if __name__ == "__main__":
    stage.run(main)
