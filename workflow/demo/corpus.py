"""The tokenized corpus, made by several processes."""

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

CHUNK = 4000  # documents of one piece of work
TOKENIZER_DOCUMENTS = 30_000


@dataclass(frozen=True)
class Corpus:
    """Documents laid end to end; document i is `ids[starts[i] : starts[i + 1]]`, with its end-of-text token."""

    ids: NDArray[np.uint16]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)


def fill(template: str, question: str) -> str:
    return template.replace("{question}", question)


def text(template: str, seed: int, index: int) -> str:
    """A document as the policy reads it, without its end-of-text token."""
    example = document(seed, index)
    return fill(template, example.question) + example.response


def one_thread() -> None:
    """Initialize a worker: the processes are the parallelism, threads of `tokenizers` would only compete."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def make_tokenizer(template: str, seed: int, folder: Path, documents: int) -> None:
    train_tokenizer((text(template, seed, index) for index in range(documents)), folder)


def encode(
    template: str, seed: int, folder: Path, first: int, last: int
) -> tuple[NDArray[np.uint16], list[int]]:
    """Token ids of documents first..last-1 end to end, and the length of each."""
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
    """Train the tokenizer into `folder` and tokenize the corpus with it."""
    with Pool(processes, initializer=one_thread) as pool:
        # in a worker, so that this process never starts the threads of `tokenizers` before a fork
        pool.apply(make_tokenizer, (template, seed, folder, min(documents, TOKENIZER_DOCUMENTS)))
        log("tokenizer trained")
        edges = [*range(0, documents, CHUNK), documents]
        work = [(template, seed, folder, first, last) for first, last in pairwise(edges)]
        pieces = pool.starmap(encode, work, chunksize=1)
    lengths = np.concatenate([np.array(piece[1], np.int64) for piece in pieces])
    return Corpus(
        np.concatenate([piece[0] for piece in pieces]), np.concatenate([[0], np.cumsum(lengths)])
    )
