#!/usr/bin/env python3
"""Fetch a model from the Hugging Face hub: weights in safetensors, tokenizer and configuration.

fetch_model.py --model Qwen/Qwen2.5-Math-1.5B@4a83ca6e4526a4f2da3aa259ec36c259f66b2ab2 \\
    --output models/Qwen--Qwen2.5-Math-1.5B@4a83ca6e4526a4f2da3aa259ec36c259f66b2ab2
"""

import logging
from pathlib import Path

from ei import stage
from ei.disk import full_disk
from ei.files import whole
from ei.model.folder import record_fingerprint

log = logging.getLogger("fetch_model")
# Many models hold the same weights once more as .bin or .pth; those are not fetched.
PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "LICENSE*", "README.md"]
TWICE = ["consolidated*"]  # Mistral's models have all weights once more under this name


def fetch(model: str, output: Path) -> None:
    """Download `id@revision`; raises UserError if the hub cannot be reached or lacks the model."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, _, revision = model.partition("@")
    with whole(output) as partial:
        try:
            snapshot_download(
                name,
                revision=revision or None,
                local_dir=partial,
                allow_patterns=PATTERNS,
                ignore_patterns=TWICE,
            )
            record_fingerprint(partial)
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            if sentence := full_disk(error):
                raise stage.UserError(sentence) from None
            raise stage.UserError(
                f"{model} could not be fetched ({type(error).__name__}); fetch it where there is a"
                " connection and name its folder as `model`"
            ) from error


def main() -> None:
    parser = stage.parser(__doc__)
    parser.add_argument("--model", required=True, help="org/name, or org/name@revision")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    flags = parser.parse_args()
    fetch(flags.model, flags.output)
    log.info("%s is in %s", flags.model, flags.output)


if __name__ == "__main__":
    stage.run(main)
