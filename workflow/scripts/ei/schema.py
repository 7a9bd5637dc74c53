"""What the stages hand to each other: the columns of each table, and the fields of each JSON.

Columns are in their order. Types are Polars'; on disk they are plain Arrow types
(`ei.files.to_arrow`). Every JSON also has the fields `lineage`, `version` and `settings` of
`ei.files.stamp`.
"""

from typing import Any, Literal, NotRequired, TypedDict

import polars as pl

Columns = dict[str, type[pl.DataType] | pl.DataType]

# data/{train,validation,development}.parquet
QUESTIONS: Columns = {
    "question_id": pl.String,  # a hash of the question's text
    "question": pl.String,
    "answer": pl.String,  # the reference
    "level": pl.String,
    "subject": pl.String,
    "solution": pl.String,
}

# Rounds after the first, in their order: rollouts.parquet and scored.parquet of each are in a
# folder of its name in stepN.
ROUNDS = ("extra", "hints")

# stepN/rollouts.parquet, sorted by question_id and sample
ROLLOUTS: Columns = {
    "question_id": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "sample": pl.Int32,  # 0 .. G-1 in the first round
    "seed": pl.Int64,
    "prompt_ids": pl.List(pl.Int32),  # what was continued; in the round `hints`, hint included
    "response": pl.String,  # the decoded ids, cut right after the closing tag
    "response_ids": pl.List(pl.Int32),  # exactly what was sampled
    "finish_reason": pl.String,  # "stop" or "length"
    "step": pl.Int32,
    "policy": pl.String,  # SHA-256 of the weights that the engine loaded
    "level": pl.String,
    "subject": pl.String,
}

# what scoring adds: stepN/scored.parquet and filtered.parquet. Of several rounds, filtered.parquet
# has the column `round`, and every response in it follows the prompt without a hint.
VERDICTS: Columns = {
    "extracted": pl.String,
    "format_ok": pl.Boolean,
    "format_reward": pl.Float32,
    "answer_reward": pl.Float32,
    "reward": pl.Float32,  # 1 where the form and the answer are right, else 0
    "status": pl.String,  # one of STATUSES
    "rule": pl.String,  # the checker's rule that decided
}
SCORED: Columns = {**ROLLOUTS, **VERDICTS}
STATUSES = ("correct", "wrong", "no_format", "unparsable", "timeout", "error")

# stepN/responses.parquet and development_responses.parquet
RESPONSES: Columns = {**ROLLOUTS, "split": pl.String, "entropy": pl.Float64, **VERDICTS}

# stepN/pairs.parquet, a row for each question with a correct and a wrong rollout
PAIRS: Columns = {
    "question_id": pl.String,
    "question": pl.String,
    "prompt": pl.String,  # the whole prompt; `chosen` and `rejected` continue it
    "chosen": pl.String,
    "rejected": pl.String,
    "prompt_ids": pl.List(pl.Int32),
    "chosen_ids": pl.List(pl.Int32),
    "rejected_ids": pl.List(pl.Int32),
    "chosen_sample": pl.Int32,
    "rejected_sample": pl.Int32,
    "chosen_reward": pl.Float32,
    "rejected_reward": pl.Float32,
    "step": pl.Int32,
    "policy": pl.String,
}

# stepN/training.parquet, a row for each optimizer update; loss, entropy in nats per response token
UPDATES: Columns = {
    "update": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "entropy": pl.Float64,
    "grad_norm": pl.Float64,  # before clipping
    "lr": pl.Float64,
    "sequences": pl.Int64,
    "tokens": pl.Int64,
    "response_tokens": pl.Int64,
    "row_tokens": pl.Int64,
    "seconds": pl.Float64,
    "tokens_per_s": pl.Float64,
}

IDENTITY = [
    "question_id",
    "sample",
]  # what names a rollout within a step, and the order of every table of them


class Evaluation(TypedDict):
    """stepN/eval.json (validation) and stepN/development.json; of no questions only `step` and `n`.

    Rates are shares between 0 and 1, entropy is in nats per response token.
    """

    step: int  # the policy that this step ended with; 0 is the base policy
    n: int  # questions
    responses: int
    samples: int  # responses to each question
    accuracy: float
    accuracy_ci95: list[float]  # [low, high], Wilson
    format_rate: float
    accuracy_given_format: float | None  # None where no response has the format
    mean_response_tokens: float | None
    truncated_rate: float
    entropy: float | None  # None where it was not measured
    pass_at_k: NotRequired[dict[str, float]]  # by k, where questions have several responses
    majority_at_k: NotRequired[dict[str, float]]
    policy: str | None  # SHA-256 of its weights
    by_level: dict[str, Any]  # the same measures of each level, and of each subject
    by_subject: dict[str, Any]


class BestStep(TypedDict):
    """The step that the development split chose, with its accuracy there."""

    step: int
    accuracy: float
    accuracy_ci95: list[float]
    n: int


class StepSummary(TypedDict):
    """What a step did: its rollouts, what the filter kept of them, and how training on that went.

    Accuracy, length, format and truncation are those of the first round, which asks every question.
    Entropies and losses are in nats per response token, None where nothing was trained.
    """

    step: int
    rollouts: int
    questions: int
    accuracy: float
    accuracy_ci95: list[float]  # [low, high], bootstrap over questions
    mean_response_tokens: float | None
    truncated_rate: float
    format_rate: float
    solved: dict[str, int]  # questions solved never, sometimes, always
    kept: int
    status: dict[str, int]  # rollouts with each of STATUSES
    distinct_responses: int
    distinct_correct: NotRequired[int]  # different texts to the same question, all correct
    dropped: dict[str, int]  # rollouts dropped for each reason
    rounds: NotRequired[dict[str, dict[str, int]]]  # what the filter says of further rounds
    sampling_entropy: float | None  # of the policy that sampled, over its own rollouts
    first_update_entropy: float | None  # of the training batch
    last_update_entropy: float | None
    loss_first: float | None
    loss_last: float | None
    updates: int
    epochs: int
    trained_tokens: int


class Filtering(TypedDict):
    """stepN/filtered.json: what the filter kept, and what was dropped and why."""

    rollouts: int
    kept: int
    dropped: dict[str, int]  # by reason
    status: dict[str, int]
    solved: dict[str, int]  # questions solved never, sometimes, always; never with a hint
    distinct_responses: int
    distinct_correct: NotRequired[int]
    questions: NotRequired[int]
    # rollouts, questions, correct and kept ones of each further round, where there is one
    rounds: NotRequired[dict[str, dict[str, int]]]


class Training(TypedDict):
    """stepN/training.json: of what it says of a step's training, what later stages read."""

    updates: int
    tokens: int
    processes: int
    sampling_entropy: NotRequired[float | None]


class UpdateSummary(TypedDict):
    """One optimizer update; of UPDATES what the pictures and comparisons of runs need."""

    step: int
    update: int
    loss: float
    entropy: float
    grad_norm: float
    lr: float


class StageTime(TypedDict):
    """How long one stage of one step took."""

    step: int
    stage: str  # the name of its rule
    seconds: float  # of the longest of its parallel jobs
    gpus: int
    gpu_seconds: float  # of all of its jobs
    tokens: int | None  # sampled or trained on; None for the other stages
    tokens_per_s: float | None
    shared_from: str | None  # the run whose job made the artifact; None where it is this one


class Probed(TypedDict):
    """What a run's probes found: further evaluations, beside those of the curve."""

    prompts: NotRequired[dict[str, Evaluation]]  # the base policy under other prompts, by name
    samples: NotRequired[list[Evaluation]]  # several responses to each question: base, last step


class RunSummary(Probed):
    """run.json: all that pictures, comparisons and the page need to know about a run."""

    run: str  # its folder
    name: str
    group: str  # the name without its seed
    kind: Literal["ei", "sft"]
    seed: int
    settings: dict[str, Any]
    changes: dict[str, Any]  # settings that differ from the main run's, as {"sample.rollouts": 4}
    evaluations: list[Evaluation]  # step 0 first
    development: list[Evaluation]  # empty where no questions are kept back
    best: BestStep | None
    stopped_after: int | None  # the step after which early stopping ended the run
    skipped_too_long: dict[str, int]  # questions left out, of "train" and of "validation"
    steps: list[StepSummary]
    updates: list[UpdateSummary]
    stages: list[StageTime]
    seconds: float  # of the run's own jobs, as if one ran after another
    wall_seconds: NotRequired[float]  # from the start of the first of them to the end of the last
    paused_seconds: NotRequired[float]  # of these, gaps of over a minute without a job of the run
    gpu_seconds: float
    lineage: str


class Side(TypedDict):
    """One side of a comparison: the evaluation of one step of one run."""

    run: str
    name: str
    group: str
    step: int


class Comparison(TypedDict):
    """An entry of comparisons.json: two evaluations of the same questions, as a less b."""

    a: Side
    b: Side
    what: str  # "steps", "base", "sft", "main", "prompt" or "samples": what b is to a
    prompt: NotRequired[str]  # of "prompt": the other prompt that the base policy is b under
    k: NotRequired[int]  # of "samples": accuracies are pass@k
    n: int  # questions that both answer
    accuracy_a: float
    accuracy_b: float
    difference: float
    ci95: list[float]  # [low, high], bootstrap over questions
    only_a: int  # questions that a solves more often than b
    only_b: int
    mcnemar_p: float


class Comparisons(TypedDict):
    """comparisons.json."""

    comparisons: list[Comparison]
