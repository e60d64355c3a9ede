"""Greedy texts of many requests decoded side by side in one packed row.

The prefix that the requests share is stored once. Every live text gives one token to each forward
and sees the prefix, its own context and its own tokens; it leaves when it ends, others enter.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import torch

from toolkit.evaluate.engine.completion import Completion
from toolkit.evaluate.engine.decoder import Decoder, KeyValues
from toolkit.evaluate.engine.live_texts import LiveTexts, n_needed
from toolkit.evaluate.engine.memory import Room
from toolkit.evaluate.engine.packed_row import n_past
from toolkit.evaluate.engine.packing import Packing
from toolkit.evaluate.engine.prefix_cache import PrefixCache
from toolkit.evaluate.engine.trie import in_order
from toolkit.evaluate.requests import Generated, GenerateRequest

# Requests queue up in bundles of so many times what is held; an interrupted bundle starts anew.
N_FILLINGS = 2
# New texts enter when this share of the room is free: each entry costs a forward of its own.
FREE_SHARE = 0.25

Begin = Callable[[GenerateRequest], Completion]
Waiting = deque[tuple[GenerateRequest, np.ndarray]]


class PackedGenerator:
    """Generates for distinct requests; what meets in a forward depends on them alone.

    Live texts hold up to ``n_held`` times the tokens of a forward.
    """

    def __init__(self, decoder: Decoder, room: Room, begin: Begin, n_held: int) -> None:
        self._decoder = decoder
        self._room = room
        self._begin = begin
        self._n_held = n_held

    def generate(
        self,
        requests: Sequence[GenerateRequest],
        known: AbstractSet[GenerateRequest] = frozenset(),
    ) -> Iterator[tuple[GenerateRequest, Generated]]:
        """Yield each request of every bundle that holds an unknown one, with its text."""
        ordered, tokens, shared = in_order(requests)
        limits = [len(sequence) - 1 for sequence in tokens]
        new_tokens = [request.max_new_tokens for request in ordered]
        packing = Packing(tokens, shared, limits, new_tokens)
        prefixes = PrefixCache(self._decoder, self._room)
        for bundle in packing.bundles(N_FILLINGS * self._n_held * self._room.budget):
            members = ordered[bundle.start : bundle.stop]
            if set(members) <= known:
                continue
            cuts = packing.below_common_prefix(bundle).cuts
            past = prefixes.key_values(tokens[bundle.start], cuts)
            sequences = dict(zip(members, tokens[bundle.start : bundle.stop], strict=True))
            yield from self._in_room(sequences, past)

    def _in_room(
        self, left: dict[GenerateRequest, np.ndarray], past: KeyValues
    ) -> Iterator[tuple[GenerateRequest, Generated]]:
        """Decode a bundle; when the memory runs out, what isn't finished starts anew in less."""
        while left:
            try:
                for request, generated in self._decode(deque(left.items()), past):
                    del left[request]
                    yield request, generated
            except torch.OutOfMemoryError:
                pass
            if left:
                self._room.halve(self._room.tokens)

    def _decode(
        self, waiting: Waiting, past: KeyValues
    ) -> Iterator[tuple[GenerateRequest, Generated]]:
        live = LiveTexts(self._decoder, past)
        while waiting or live.completions:
            entering = self._admit(waiting, live.n_reserved, n_past(past))
            if entering:
                completions = [self._begin(request) for request, _ in entering]
                contexts = [tokens for _, tokens in entering]
                live.enter(completions, contexts, self._room.tokens)
            else:
                live.step()
            for completion in live.leave():
                yield completion.request, completion.generated()

    def _admit(
        self, waiting: Waiting, n_reserved: int, n_prefix: int
    ) -> list[tuple[GenerateRequest, np.ndarray]]:
        """Take the requests that fit beside the live texts; at least one if nothing is live."""
        entering: list[tuple[GenerateRequest, np.ndarray]] = []
        room = self._n_held * self._room.tokens
        if n_reserved > (1 - FREE_SHARE) * room:
            return entering
        while waiting:
            needed = n_needed(waiting[0][0], n_prefix)
            if n_reserved and n_reserved + needed > room:
                break
            n_reserved += needed
            entering.append(waiting.popleft())
        return entering
