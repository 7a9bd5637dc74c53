"""The settings of sampling; their names are the flags of sample.py and eval.py."""

from dataclasses import dataclass
from pathlib import Path

from ei.stage import setting

CACHE = Path(".cache")


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn, and when they end."""

    temperature: float = setting(1.0, "0 draws the likeliest token")
    top_p: float = setting(1.0, "draw from the smallest set of tokens with this much probability")
    max_tokens: int = setting(1024, "length at which a response is cut off")
    min_tokens: int = setting(4, "no response ends before it has this many tokens")
    stop: str = setting("</answer>", "a text that ends a response and is kept in it")
    batch: int = setting(64, "questions that the transformers engine draws at once")


@dataclass(frozen=True)
class Machine:
    """How vLLM uses a GPU: this changes the speed only."""

    sequences: int = setting(1024, "responses that vLLM draws at the same time")
    memory_percent: int = setting(90, "share of the GPU's memory for vLLM, in percent")
    cache: Path = setting(CACHE, "folder for compiled code, which later jobs reuse")
