"""What the stages hand to each other: the columns of each table, in their order, and the fields of run.json.

Types are Polars'; on disk they are plain Arrow types (`ei.files.to_arrow`).
"""

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

# stepN/rollouts.parquet, sorted by question_id and sample
ROLLOUTS: Columns = {
    "question_id": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "sample": pl.Int32,  # 0 .. G-1
    "seed": pl.Int64,
    "prompt_ids": pl.List(pl.Int32),
    "response": pl.String,  # the decoded ids, cut right after the closing tag
    "response_ids": pl.List(pl.Int32),  # exactly what was sampled
    "finish_reason": pl.String,  # "stop" or "length"
    "step": pl.Int32,
    "policy": pl.String,  # SHA-256 of the weights that the engine loaded
    "level": pl.String,
    "subject": pl.String,
}

# what scoring adds: stepN/scored.parquet and filtered.parquet
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

# stepN/training.parquet, a row for each optimizer update; losses and entropies in nats per response token
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
