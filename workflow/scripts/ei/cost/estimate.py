"""The cost of jobs from their settings and from rates: a pure function, and its words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ei.runs.settings import Settings, at_step

# Of rollouts.parquet, scored.parquet and filtered.parquet together, in the demo: texts and ids,
# compressed.
BYTES_PER_TOKEN = 6


class Rate(NamedTuple):
    """How long a job takes: until its first token, and from then on, on one GPU or on the CPU."""

    start_s: float
    tokens_per_s: float


@dataclass(frozen=True)
class Rates:
    """What the jobs of a model cost on a machine; `source` says where that is known from."""

    source: str
    response_tokens: float  # mean of a response
    prompt_tokens: float  # that SFT reads with it
    kept: float  # share of the rollouts that SFT trains on
    sample: Rate
    eval: Rate
    sft: Rate
    policy_bytes: float


class Job(NamedTuple):
    """A job that is to do: its stage, and what it is about.

    `responses` are the answers of an evaluation, or the traces that an SFT baseline trains on; 0
    where the settings tell.
    """

    stage: str
    step: int
    settings: Settings
    responses: int = 0


@dataclass(frozen=True)
class Cost:
    """What jobs cost together; `seconds` are of GPUs, or of jobs where the device is the CPU."""

    rollouts: float = 0
    answers: float = 0
    sampled_tokens: float = 0
    trained_tokens: float = 0
    seconds: float = 0
    bytes: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(one + more for one, more in zip(values(self), values(other), strict=True)))


def values(cost: Cost) -> list[float]:
    """The fields in their order."""
    return list(vars(cost).values())


def cost(jobs: Iterable[tuple[Job, Rates]]) -> Cost:
    """What the jobs cost, each at its own rates."""
    return sum((cost_of(job, rates) for job, rates in jobs), Cost())


def cost_of(job: Job, rates: Rates) -> Cost:
    """What one job costs; nothing where its stage neither samples nor trains."""
    settings = at_step(job.settings, job.step)
    if job.stage == "sample":
        rollouts = drawn(settings) / settings["shards"]
        return sampling(rollouts, rates, rates.sample)
    if job.stage in ("eval", "probe"):
        asked = sampling(job.responses, rates, rates.eval)
        return Cost(0, asked.rollouts, asked.sampled_tokens, 0, asked.seconds, asked.bytes)
    if job.stage == "sft":
        kept = job.responses or drawn(settings) * rates.kept
        return training(kept, settings["sft"], rates)
    return Cost()


def drawn(settings: dict[str, Any]) -> float:
    """The rollouts of a step, its first round."""
    return float(settings["sample"]["questions"] * settings["sample"]["rollouts"])


def sampling(responses: float, rates: Rates, rate: Rate) -> Cost:
    """The cost of a job that draws so many responses."""
    tokens = responses * rates.response_tokens
    seconds = rate.start_s + tokens / rate.tokens_per_s
    return Cost(responses, 0, tokens, 0, seconds, tokens * BYTES_PER_TOKEN)


def training(responses: float, sft: dict[str, Any], rates: Rates) -> Cost:
    """The cost of SFT on so many responses, an epoch after the other."""
    tokens = responses * (rates.response_tokens + rates.prompt_tokens) * sft["epochs"]
    # More GPUs share the tokens; each of them takes the whole start.
    seconds = rates.sft.start_s * max(sft["gpus"], 1) + tokens / rates.sft.tokens_per_s
    return Cost(0, 0, 0, tokens, seconds, rates.policy_bytes)


def words(total: Cost, gpu: bool, sources: Iterable[str]) -> str:
    """An estimate in one line; empty where nothing is sampled or trained."""
    if not total.sampled_tokens + total.trained_tokens:
        return ""
    known_from = " and ".join(sorted(set(sources)))
    disk = f"{size(total.bytes)} of disk"
    return f"about {', '.join([*amounts(total, gpu), disk])} (at the rates of {known_from})"


def amounts(total: Cost, gpu: bool) -> list[str]:
    """The cost in words, without the disk; what is zero is left out."""
    found = [
        f"{total.rollouts:,.0f} rollouts" if total.rollouts else "",
        f"{total.answers:,.0f} answers to evaluate" if total.answers else "",
        f"{count(total.sampled_tokens)} tokens to sample" if total.sampled_tokens else "",
        f"{count(total.trained_tokens)} to train on" if total.trained_tokens else "",
        f"{minutes(total.seconds)} {'GPU-minutes' if gpu else 'minutes of jobs'}",
    ]
    return list(filter(None, found))


def count(tokens: float) -> str:
    """1.6 million, 820 thousand, 950: two digits of it are all that an estimate has."""
    rounded = float(f"{tokens:.2g}")
    if rounded < 1e4:
        return f"{rounded:,.0f}"
    return f"{rounded / 1e6:,g} million" if rounded >= 1e6 else f"{rounded / 1e3:,g} thousand"


def minutes(seconds: float) -> str:
    """Whole minutes, or tenths of few."""
    return f"{seconds / 60:,.0f}" if seconds >= 600 else f"{seconds / 60:.1f}"


def size(number: float) -> str:
    """16 GB, 35 MB."""
    return f"{number / 1e9:,.0f} GB" if number >= 1e10 else (
        f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:,.0f} MB"
    )  # fmt: skip
