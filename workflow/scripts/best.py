#!/usr/bin/env python3
"""Name the best step of a run, chosen on the questions kept back for development, never on the validation questions.

    best.py --developments step0/development.json step1/development.json \\
        --evaluations step0/eval.json step1/eval.json --policies models/base step1/policy \\
        --lineage HASH --output best/best.json --link best/policy

Of equally good steps the earlier one is taken. `since_best` is how many steps have passed without a better one.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from ei import stage
from ei.analysis.choice import highest
from ei.files import read_json, stamp, write_json

TOLD = ("accuracy", "accuracy_ci95", "n")
NOT_TOLD = ("by_level", "by_subject", "lineage", "version", "settings")


def report(developments: list[dict[str, Any]]) -> dict[str, Any]:
    """The best step with its accuracy, and the accuracy of every step."""
    chosen = highest(developments)
    return {
        **{name: developments[chosen][name] for name in ("step", *TOLD)},
        "of": "development",
        "since_best": len(developments) - 1 - chosen,
        "steps": [{name: found[name] for name in ("step", *TOLD)} for found in developments],
    }


def link(policy: str, place: Path) -> None:
    """Make `place` a relative link to the policy, which may be deleted and made again."""
    place.unlink(missing_ok=True)
    place.symlink_to(os.path.relpath(Path(policy).absolute(), place.parent.absolute()))


def read_flags() -> argparse.Namespace:
    """The command line."""
    parser = stage.parser(__doc__)
    parser.add_argument(
        "--developments", type=Path, nargs="+", required=True, help="of every step, the base first"
    )
    parser.add_argument(
        "--evaluations", type=Path, nargs="*", default=[], help="eval.json of the same steps"
    )
    parser.add_argument("--policies", nargs="*", default=[], help="of the same steps")
    parser.add_argument("--link", type=Path, help="a link to make to the best step's policy")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--lineage", required=True)
    return parser.parse_args()


def main() -> None:
    flags = read_flags()
    developments = [read_json(path) for path in flags.developments]
    found, chosen = report(developments), highest(developments)
    if flags.policies:
        found["policy"] = flags.policies[chosen]
    if flags.evaluations:
        evaluation = read_json(flags.evaluations[chosen])
        found["validation"] = {
            name: value for name, value in evaluation.items() if name not in NOT_TOLD
        }
    write_json(found, flags.output, stamp(flags.lineage, {}))
    if flags.link:
        link(flags.policies[chosen], flags.link)
    low, high = found["accuracy_ci95"]
    print(
        f"best step so far: {found['step']}, {100 * found['accuracy']:.1f} % of {found['n']} development questions"
        f" (95 % interval {100 * low:.1f} to {100 * high:.1f})"
    )


if __name__ == "__main__":
    stage.run(main)
