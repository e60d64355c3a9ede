"""Keys and values of prefixes that many requests share, each run through once."""

import numpy as np
import torch

from toolkit.evaluate.engine.decoder import Decoder, KeyValues, cache_of, key_values_of
from toolkit.evaluate.engine.memory import Room


class PrefixCache:
    """The nested prefixes of the bundle at hand; those that the next one shares are kept."""

    def __init__(self, decoder: Decoder, room: Room) -> None:
        self._decoder = decoder
        self._room = room
        self._held: list[tuple[np.ndarray, KeyValues]] = []

    def key_values(self, tokens: np.ndarray, cuts: tuple[int, ...]) -> KeyValues:
        """Return keys and values of the tokens up to the last cut; cuts grow from 0."""
        ends = cuts[1:]
        while self._held and not self._is_held(tokens, ends):
            self._held.pop()
        for end in ends[len(self._held) :]:
            self._held.append((tokens[:end], self._extended(tokens[:end])))
        return self._held[-1][1] if self._held else []

    def _is_held(self, tokens: np.ndarray, ends: tuple[int, ...]) -> bool:
        n_held = len(self._held)
        return n_held <= len(ends) and np.array_equal(self._held[-1][0], tokens[: ends[n_held - 1]])

    def _extended(self, tokens: np.ndarray) -> KeyValues:
        """Run the tokens that the longest held prefix lacks, in pieces of bounded size."""
        n_done = len(self._held[-1][0]) if self._held else 0
        past = self._held[-1][1] if self._held else []
        while n_done < len(tokens):
            piece = tokens[n_done : n_done + self._room.tokens].astype(np.int64)
            extended = self._run(piece, past)
            if extended is None:
                self._room.halve(len(piece))
            else:
                past = extended
                n_done += len(piece)
        return past

    def _run(self, piece: np.ndarray, past: KeyValues) -> KeyValues | None:
        """Return keys and values with those of a piece, None if the memory ran out."""
        cache = cache_of(past)
        row = torch.from_numpy(piece).to(self._decoder.device)[None]
        try:
            self._decoder.rows(row, [len(piece) - 1], cache)
        except torch.OutOfMemoryError:
            return None
        return key_values_of(cache)
