"""The settings of the sft stage; this module is free of torch, so that `--help` answers at once."""

from dataclasses import dataclass

from ei.stage import setting


@dataclass(frozen=True)
class Lora:
    """Matrices of so low a rank are trained beside the layers' own, and count `alpha` / `rank`."""

    rank: int
    alpha: float


@dataclass(frozen=True)
class Recipe:
    """How to train: everything but its inputs that a training's result depends on."""

    epochs: int = setting(2, "passes over the sequences")
    lr: float = setting(2e-5, "the highest learning rate, after warm-up")
    batch: int = setting(64, "sequences of one update, at most")
    min_updates: int = setting(8, "with few sequences the batch shrinks until there are so many")
    clip: float = setting(1.0, "the largest gradient norm")
    warmup: float = setting(0.05, "share of the updates in which the learning rate rises")
    weight_decay: float = setting(0.0, "of AdamW")
    row_tokens: int = setting(16384, "tokens that go through the model at once, at most")
    lora: Lora | None = setting(None, 'train low-rank matrices: {"rank": 16, "alpha": 32}')
    seed: str = "0"  # of the order of sequences: the run's seed and the step


@dataclass(frozen=True)
class Options:
    """What the stage does around the training."""

    append_eos: bool = setting(False, "end every response with the end-of-text token")
    entropy_rollouts: int = setting(256, "rollouts to measure the sampling policy's entropy on")
    replay_max: int | None = setting(None, "most responses of a question, with --replayed")
    gpus: int = setting(1, "GPUs that train together; 0 trains on the CPU")
    memory: str = setting(
        "auto", "how much to keep on the GPU: docs/sft.md", choices=["auto", "full", "small"]
    )
