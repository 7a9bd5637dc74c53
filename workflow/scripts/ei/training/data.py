"""What SFT reads: token ids of filtered rollouts, and of a sample of all rollouts."""

import hashlib
import json
from pathlib import Path

from ei.files import read_table
from ei.stage import UserError
from ei.training.packing import Sequence

COLUMNS = ["question_id", "sample", "prompt_ids", "response_ids"]


def read_sequences(path: Path) -> list[Sequence]:
    """The table's rows as sequences."""
    table = read_table(path, COLUMNS).select(COLUMNS)
    return [Sequence(*row) for row in table.iter_rows()]


def read_sample(path: Path, seed: str, count: int) -> list[Sequence]:
    """`count` of the table's rollouts, chosen by `seed` and their identities alone; all, if there are no more."""
    table = read_table(path, COLUMNS).select(COLUMNS)

    def draw(identity: tuple[str, int]) -> bytes:
        return hashlib.sha256(f"{seed}/entropy/{identity[0]}/{identity[1]}".encode()).digest()

    identities = table.select("question_id", "sample").rows()
    chosen = sorted(range(len(identities)), key=lambda row: draw(identities[row]))[:count]
    return [
        Sequence(*row) for row in table[sorted(chosen, key=lambda row: identities[row])].iter_rows()
    ]


def check(sequences: list[Sequence], row_tokens: int, vocabulary: int) -> None:
    """Stop at a sequence that cannot be trained on: too long, without a prompt or a response, or with unknown ids."""
    for sequence in sequences:
        name = f"question {sequence.question_id}, sample {sequence.sample}"
        if len(sequence) > row_tokens:
            raise UserError(
                f"{name} has {len(sequence)} tokens, more than a row of {row_tokens}: "
                f"raise sft.row_tokens, or lower filter.max_tokens to leave such responses out"
            )
        if not sequence.prompt or not sequence.response:
            raise UserError(f"{name} has an empty {'response' if sequence.prompt else 'prompt'}")
        if max(map(max, (sequence.prompt, sequence.response))) >= vocabulary:
            raise UserError(f"{name} has a token id beyond the model's vocabulary of {vocabulary}")


def end_of_text(base: Path) -> int:
    """The token id that ends a text, from the base model's configuration."""
    for name in ("config.json", "generation_config.json"):
        if (base / name).is_file():
            ids = json.loads((base / name).read_text()).get("eos_token_id")
            if isinstance(ids, list):
                ids = ids[0]
            if isinstance(ids, int):
                return ids
    raise UserError(f"sft.append_eos is true, but {base / 'config.json'} names no eos_token_id")


def with_end(sequences: list[Sequence], end: int) -> list[Sequence]:
    """The sequences, each response ending with the token `end`."""
    return [
        sequence
        if sequence.response[-1:] == [end]
        else Sequence(
            sequence.question_id, sequence.sample, sequence.prompt, [*sequence.response, end]
        )
        for sequence in sequences
    ]
