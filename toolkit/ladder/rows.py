"""Documents to rows of tokens of equal length, packed one after the other.

The loss counts the tokens of answers alone: everything else in these documents is drawn by lot, and
learning its frequencies would take most of the training.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from toolkit.ladder.documents import Document
from toolkit.ladder.words import BOS, END, TOKEN_OF, TURN

# What the loss of transformers leaves out.
IGNORED = -100


class Rows(NamedTuple):
    """Tokens and labels, one row a sequence."""

    tokens: np.ndarray
    labels: np.ndarray


class Marked(NamedTuple):
    """A document as words, each with whether the loss counts it."""

    words: list[str]
    counted: list[bool]


def as_text(document: Document) -> Marked:
    """Return a document as base checkpoints read it: question and answer in turn."""
    marked = Marked([BOS], [False])
    for question, answer in document:
        _add(marked, question, counted=False)
        _add(marked, answer, counted=True)
    return marked


def as_chat(document: Document) -> Marked:
    """Return a document as a conversation, as the chat template of the tokenizer writes it."""
    marked = Marked([BOS], [False])
    for question, answer in document:
        _add(marked, f"{TURN} {question}", counted=False)
        _add(marked, f"{answer} {END}", counted=True)
    return marked


def pack(
    documents: Iterator[Document], write: Callable[[Document], Marked], n_rows: int, length: int
) -> Rows:
    """Return as many rows as asked for, filled with documents that may go over their ends."""
    tokens: list[int] = []
    labels: list[int] = []
    while len(tokens) < n_rows * length:
        words, counted = write(next(documents))
        own = [TOKEN_OF[word] for word in words]
        tokens += own
        labels += [t if c else IGNORED for t, c in zip(own, counted, strict=True)]
    shape = (n_rows, length)
    return Rows(
        np.array(tokens[: n_rows * length], dtype=np.int16).reshape(shape),
        np.array(labels[: n_rows * length], dtype=np.int16).reshape(shape),
    )


def _add(marked: Marked, text: str, *, counted: bool) -> None:
    words = text.split()
    marked.words.extend(words)
    marked.counted.extend([counted] * len(words))
