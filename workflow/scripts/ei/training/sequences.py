"""What SFT reads: token ids of filtered rollouts, and of a sample of all rollouts."""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ei import schema
from ei.files import read_columns
from ei.model.packing import Sequence
from ei.stage import UserError

COLUMNS = (*schema.IDENTITY, "prompt_ids", "response_ids")


def read_sequences(path: Path, age: int = 0) -> list[Sequence]:
    """The table's rows as sequences that were sampled `age` steps ago."""
    return [replace(Sequence(*row), age=age) for row in read_columns(path, *COLUMNS).iter_rows()]


def union(steps: Iterable[list[Sequence]], most: int | None) -> list[Sequence]:
    """The sequences of several steps, the newest step first, each response to a question once.

    With `most`, at most so many responses to a question, the newest ones.
    """
    found: list[Sequence] = []
    of_question: defaultdict[str, set[tuple[int, ...]]] = defaultdict(set)
    for sequence in itertools.chain.from_iterable(steps):
        responses, response = of_question[sequence.question_id], tuple(sequence.response)
        if response not in responses and (most is None or len(responses) < most):
            responses.add(response)
            found.append(sequence)
    return found


def read_sample(path: Path, seed: str, count: int) -> list[Sequence]:
    """`count` of the table's rollouts, or all if there are fewer, by question and sample.

    Which ones depends only on `seed` and the rollouts' identities.
    """
    table = read_columns(path, *COLUMNS)
    identities = table.select(schema.IDENTITY).rows()

    def key(row: int) -> bytes:
        question_id, sample = identities[row]
        return hashlib.sha256(f"{seed}/entropy/{question_id}/{sample}".encode()).digest()

    chosen = sorted(range(table.height), key=key)[:count]
    return [Sequence(*row) for row in table[chosen].sort(schema.IDENTITY).iter_rows()]


def identity(sequence: Sequence) -> tuple[str, int, int]:
    """What names a sequence among those of a training, as `schema.IDENTITY` names a step's row."""
    return sequence.question_id, sequence.sample, sequence.age


def check(sequences: list[Sequence], row_tokens: int, vocabulary: int) -> None:
    """Raise UserError for a sequence that is too long, lacks a part, or has unknown ids."""
    for sequence in sequences:
        name = f"question {sequence.question_id}, sample {sequence.sample}"
        if len(sequence) > row_tokens:
            raise UserError(
                f"{name} has {len(sequence)} tokens, more than a row of {row_tokens}: raise"
                " sft.row_tokens, or lower filter.max_tokens to leave such responses out"
            )
        if not sequence.prompt or not sequence.response:
            raise UserError(f"{name} has an empty {'response' if sequence.prompt else 'prompt'}")
        if max(map(max, (sequence.prompt, sequence.response))) >= vocabulary:
            raise UserError(f"{name} has a token id beyond the model's vocabulary of {vocabulary}")


def with_end(sequences: list[Sequence], end: int) -> list[Sequence]:
    """The sequences, each response ending with the token `end`."""
    return [_ended(sequence, end) for sequence in sequences]


def _ended(sequence: Sequence, end: int) -> Sequence:
    if sequence.response[-1:] == [end]:
        return sequence
    return replace(sequence, response=[*sequence.response, end])
