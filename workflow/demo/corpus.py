"""The tokenized corpus of the demo policy, made by several processes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from task import END_OF_TEXT, document
from vocabulary import load_tokenizer, train_tokenizer

CHUNK = 4000  # documents that a process makes at a time
TOKENIZER_DOCUMENTS = 30_000  # the first ones of the corpus


@dataclass(frozen=True)
class Corpus:
    """Documents end to end: document i, end token included, is `ids[starts[i] : starts[i + 1]]`."""

    ids: NDArray[np.uint16]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each document, its end token included."""
        return np.diff(self.starts)


def fill(template: str, question: str) -> str:
    """The prompt for a question; braces in the question stay as they are."""
    return template.replace("{question}", question)


def text(template: str, seed: int, index: int) -> str:
    """A document as the policy reads it, without its end-of-text token."""
    example = document(seed, index)
    return fill(template, example.question) + example.response


def one_thread() -> None:
    """Initialize a worker without the threads of `tokenizers`, which would fight over the cores."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def make_tokenizer(template: str, seed: int, folder: Path, documents: int) -> None:
    """Train the tokenizer on the first `documents` of the corpus and write it into `folder`."""
    train_tokenizer((text(template, seed, index) for index in range(documents)), folder)


def encode(
    template: str, seed: int, folder: Path, first: int, last: int
) -> tuple[NDArray[np.uint16], list[int]]:
    """Token ids of documents `first` to `last - 1`, end to end, and the length of each."""
    tokenizer = load_tokenizer(folder)
    ids: list[int] = []
    lengths = []
    for index in range(first, last):
        tokens = tokenizer.encode(text(template, seed, index) + END_OF_TEXT).ids
        ids += tokens
        lengths.append(len(tokens))
    return np.array(ids, np.uint16), lengths


def make_corpus(
    template: str,
    seed: int,
    folder: Path,
    documents: int,
    processes: int,
    log: Callable[[str], None],
) -> Corpus:
    """Train the tokenizer, write it into `folder`, and tokenize `documents` documents with it."""
    with Pool(processes, initializer=one_thread) as pool:
        # in a worker: were the threads of `tokenizers` started here, later forks could deadlock
        pool.apply(make_tokenizer, (template, seed, folder, min(documents, TOKENIZER_DOCUMENTS)))
        log("tokenizer trained")
        edges = [*range(0, documents, CHUNK), documents]
        work = [(template, seed, folder, first, last) for first, last in pairwise(edges)]
        pieces = pool.starmap(encode, work, chunksize=1)
    lengths = np.concatenate([np.array(piece[1], np.int64) for piece in pieces])
    return Corpus(
        np.concatenate([piece[0] for piece in pieces]), np.concatenate([[0], np.cumsum(lengths)])
    )
