"""Log-likelihoods by whole sequences of equal length side by side: no cache, padding or mask.

For decoders whose caches or positions leave nothing else exact than plain forwards: each row is
what it would be alone, also where the length of a forward scales its positions.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import groupby

import numpy as np
import torch

from toolkit.evaluate.engine.decoder import Decoder
from toolkit.evaluate.engine.memory import Room
from toolkit.evaluate.engine.scoring_ways import scored
from toolkit.evaluate.engine.trie import read_tokens
from toolkit.evaluate.requests import Scored, ScoreRequest

Row = tuple[int, ...]


class EqualRowsScorer:
    """Scores distinct requests; what meets in a forward depends on them alone."""

    def __init__(self, decoder: Decoder, room: Room) -> None:
        self._decoder = decoder
        self._room = room

    def score(
        self, requests: Sequence[ScoreRequest], known: AbstractSet[ScoreRequest] = frozenset()
    ) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Yield each request of every batch that holds an unknown one, with its score."""
        # Options of one token are read off the same row.
        by_row: dict[Row, list[ScoreRequest]] = {}
        for request in requests:
            by_row.setdefault(read_tokens(request), []).append(request)
        for batch in _batches(sorted(by_row, key=lambda row: (len(row), row)), self._room.budget):
            if not all(set(by_row[row]) <= known for row in batch):
                yield from self._in_room(batch, by_row)

    def _in_room(
        self, batch: list[Row], by_row: dict[Row, list[ScoreRequest]]
    ) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Score a batch, in smaller and smaller pieces while the memory runs out."""
        waiting = list(batch)
        while waiting:
            piece = waiting[: max(1, self._room.tokens // len(waiting[0]))]
            found = None
            with suppress(torch.OutOfMemoryError):
                found = self._scores(piece, [each for row in piece for each in by_row[row]])
            if found is None:
                self._room.halve(len(piece) * len(piece[0]))
            else:
                yield from found
                del waiting[: len(piece)]

    def _scores(
        self, rows: list[Row], requests: list[ScoreRequest]
    ) -> list[tuple[ScoreRequest, Scored]]:
        place = {row: number for number, row in enumerate(rows)}
        n_columns = len(rows[0])
        first = min(len(request.context) for request in requests) - 1
        grid = torch.tensor(rows, device=self._decoder.device)
        logits = self._decoder.rows(grid, range(first, n_columns))
        # The place that predicts each token of each continuation.
        kept = [
            place[read_tokens(request)] * (n_columns - first)
            + np.arange(len(request.context) - 1 - first, n_columns - first)
            for request in requests
        ]
        continuations = [request.continuation for request in requests]
        scores = scored(logits.flatten(0, 1), np.concatenate(kept), continuations)
        return list(zip(requests, scores, strict=True))


def _batches(rows: Sequence[Row], budget: int) -> Iterator[list[Row]]:
    """Yield rows of equal length together, at most ``budget`` tokens of them at once."""
    for n_columns, group in groupby(rows, key=len):
        same = list(group)
        n_rows = max(1, budget // n_columns)
        for start in range(0, len(same), n_rows):
            yield same[start : start + n_rows]
