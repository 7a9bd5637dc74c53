"""The version of vLLM that this project works with, looked up without importing vLLM."""

from importlib import metadata

from ei.stage import UserError

VERSION = "0.26.0"


def check_version() -> None:
    """Raise UserError unless vLLM is installed, in the version `vllm_private` is written for."""
    try:
        found = metadata.version("vllm")
    except metadata.PackageNotFoundError:
        raise UserError(
            "engine is vllm, but vLLM is not installed (uv sync --extra vllm); engine transformers"
            " needs no vLLM"
        ) from None
    # A local version, as in 0.26.0+cu130, is a build of the same.
    if found.split("+")[0] != VERSION:
        raise UserError(
            f"this project was written for vLLM {VERSION}, and {found} is installed: install"
            f" vllm=={VERSION}, or bring ei/sampling/vllm_private.py up to date"
        )
