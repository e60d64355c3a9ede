"""Scores requests whose read parts are equally long side by side: nothing to pad, nothing to mask.

What is read is told by the way of scoring: the context by an encoder, the whole sequence by a
decoder that has no cache to rely on. Requests that read the same share it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

import torch

from toolkit.evaluate.engine.memory import Room
from toolkit.evaluate.requests import Scored, ScoreRequest

Tokens = tuple[int, ...]
# Requests by what they read.
Batch = dict[Tokens, list[ScoreRequest]]


class EqualLengthScorer:
    """Scores distinct requests in one way; what meets in a forward depends on them alone.

    ``read`` returns what of a request is run through; ``way`` the scores of a batch whose read
    parts are equally long, in order, with so many tokens in one forward.
    """

    def __init__(
        self,
        room: Room,
        read: Callable[[ScoreRequest], Tokens],
        way: Callable[[Batch, int], list[Scored]],
    ) -> None:
        self._room = room
        self._read = read
        self._way = way

    def score(
        self, requests: Sequence[ScoreRequest], known: AbstractSet[ScoreRequest] = frozenset()
    ) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Yield each request of every batch that holds an unknown one, with its score."""
        by_read: Batch = {}
        for request in sorted(requests, key=lambda request: request.continuation):
            by_read.setdefault(self._read(request), []).append(request)
        for tokens in equal_lengths(by_read, self._room.budget):
            batch = {each: by_read[each] for each in tokens}
            if not all(set(group) <= known for group in batch.values()):
                yield from self._in_room(batch)

    def _in_room(self, batch: Batch) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Score a batch, or its two halves where the memory runs out."""
        size = sum(len(tokens) for tokens in batch)
        if size <= self._room.tokens or len(batch) == 1:
            scores = self._try_scoring(batch)
            if scores is not None:
                yield from scores
                return
            self._room.halve(size)
        groups = list(batch.items())
        middle = len(groups) // 2
        for half in (groups[:middle], groups[middle:]):
            if half:
                yield from self._in_room(dict(half))

    def _try_scoring(self, batch: Batch) -> list[tuple[ScoreRequest, Scored]] | None:
        """Return the scores, None if the memory ran out."""
        try:
            scores = self._way(batch, self._room.tokens)
        except torch.OutOfMemoryError:
            return None
        return list(zip(requests_of(batch), scores, strict=True))


def requests_of(batch: Batch) -> list[ScoreRequest]:
    """Return the requests of a batch in order."""
    return [request for group in batch.values() for request in group]


def equal_lengths(tokens: Iterable[Tokens], n_tokens: int) -> Iterator[list[Tokens]]:
    """Yield sequences of equal length together, at most ``n_tokens`` tokens at once."""
    ordered = sorted(tokens, key=lambda each: (len(each), each))
    for length, group in groupby(ordered, key=len):
        waiting = list(group)
        n_sequences = max(1, n_tokens // length)
        for start in range(0, len(waiting), n_sequences):
            yield waiting[start : start + n_sequences]
