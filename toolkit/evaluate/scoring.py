"""Log-likelihoods of continuations by a decoder: bundle by bundle, in one of three exact ways.

``packed`` runs the token trie of a bundle as one row, ``rows`` pads its sequences into a rectangle
below the same cached prefix, ``plain`` runs every sequence whole and alone: the reference.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import torch

from toolkit.evaluate.decoder import Decoder, KeyValues
from toolkit.evaluate.memory import Room, too_large
from toolkit.evaluate.packing import Packing
from toolkit.evaluate.prefix_cache import PrefixCache
from toolkit.evaluate.requests import Scored, ScoreRequest
from toolkit.evaluate.scoring_ways import score_packed, score_plain, score_rows
from toolkit.evaluate.trie import in_order


class DecoderScorer:
    """Scores distinct requests in one way; what meets in a forward depends on them alone."""

    def __init__(self, decoder: Decoder, room: Room, mode: str) -> None:
        self._decoder = decoder
        self._room = room
        self._mode = mode

    def score(
        self, requests: Sequence[ScoreRequest], known: AbstractSet[ScoreRequest] = frozenset()
    ) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Yield each request of every bundle that holds an unknown one, with its score."""
        ordered, tokens, shared = in_order(requests)
        packing = Packing(tokens, shared, [len(request.context) - 1 for request in ordered])
        prefixes = PrefixCache(self._decoder, self._room)
        for bundle in packing.bundles(self._room.budget):
            members = ordered[bundle.start : bundle.stop]
            if set(members) <= known:
                continue
            past: KeyValues = []
            if self._mode != "plain":
                past = prefixes.key_values(tokens[bundle.start], bundle.cuts)
            job = _Job(ordered, tokens, packing, past, bundle.n_prefix)
            yield from self._in_room(job, bundle.start, bundle.stop)

    def _in_room(self, job: "_Job", start: int, stop: int) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Score a range of requests in one go, or its two halves where the memory runs out."""
        size = job.packing.size(start, stop, job.n_prefix)
        if size <= self._room.tokens or stop - start == 1:
            members = job.requests[start:stop]
            scores = self._try_scoring(members, job.tokens[start:stop], job.past)
            if scores is not None:
                yield from zip(members, scores, strict=True)
                return
            if stop - start == 1:
                raise too_large(size)
            self._room.halve(size)
        middle = (start + stop) // 2
        yield from self._in_room(job, start, middle)
        yield from self._in_room(job, middle, stop)

    def _try_scoring(
        self, requests: list[ScoreRequest], tokens: list[np.ndarray], past: KeyValues
    ) -> list[Scored] | None:
        """Return the scores, None if the memory ran out."""
        try:
            if self._mode == "packed":
                return score_packed(self._decoder, requests, tokens, past)
            if self._mode == "rows":
                return score_rows(self._decoder, requests, tokens, past, self._room.tokens)
            return [score_plain(self._decoder, request) for request in requests]
        except torch.OutOfMemoryError:
            return None


@dataclass(frozen=True)
class _Job:
    """All requests in order, and the keys and values of the prefix that some of them share."""

    requests: list[ScoreRequest]
    tokens: list[np.ndarray]
    packing: Packing
    past: KeyValues
    n_prefix: int
