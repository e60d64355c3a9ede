"""Log-likelihoods of continuations by a decoder: bundle by bundle, in one of three exact ways.

``packed`` runs the token trie of a bundle as one row, ``rows`` pads its sequences into a rectangle
below the same cached prefix, ``plain`` runs every sequence whole and alone: the reference.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import torch

from toolkit.evaluate.engine.decoder import Decoder, KeyValues
from toolkit.evaluate.engine.memory import Room
from toolkit.evaluate.engine.packing import Packing
from toolkit.evaluate.engine.prefix_cache import PrefixCache
from toolkit.evaluate.engine.scoring_ways import score_packed, score_plain, score_rows
from toolkit.evaluate.engine.trie import in_order
from toolkit.evaluate.requests import Scored, ScoreRequest

# Rows can't share tokens with one another, so what options share must be in their prefix: with
# few tokens to a bundle, a question is run through once and its options are the rows below it.
ROWS_BUDGET = 64


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
        budget = self._room.budget
        if self._mode == "rows":
            budget = min(budget, ROWS_BUDGET)
        for bundle in packing.bundles(budget):
            members = ordered[bundle.start : bundle.stop]
            if set(members) <= known:
                continue
            past: KeyValues = []
            if self._mode != "plain":
                past = prefixes.key_values(tokens[bundle.start], bundle.cuts)
            size = packing.size(bundle.start, bundle.stop, bundle.n_prefix)
            scores = self._in_room(members, tokens[bundle.start : bundle.stop], past, size)
            yield from zip(members, scores, strict=True)

    def _in_room(
        self,
        requests: list[ScoreRequest],
        tokens: list[np.ndarray],
        past: KeyValues,
        size: int,
    ) -> list[Scored]:
        """Score a bundle, in smaller and smaller pieces while the memory runs out."""
        scores = None
        while scores is None:
            n_tokens = self._room.tokens
            try:
                if self._mode == "packed":
                    scores = score_packed(self._decoder, requests, tokens, past, n_tokens)
                elif self._mode == "rows":
                    scores = score_rows(self._decoder, requests, tokens, past, n_tokens)
                else:
                    scores = [score_plain(self._decoder, request) for request in requests]
            except torch.OutOfMemoryError:
                pass
            if scores is None:
                self._room.halve(size)
        return scores
