"""One row that holds the tokens of many sequences, run piece by piece."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from toolkit.evaluate.decoder import Decoder, KeyValues, RoomyLayer, cache_of, key_values_of
from toolkit.evaluate.trie import TokenTrie


class PackedRow:
    """The tokens run so far: keys and values of each, and its depth in its own sequence.

    It begins with a prefix, which every later token sees.
    """

    def __init__(self, decoder: Decoder, past: KeyValues) -> None:
        self._decoder = decoder
        self._past = cache_of(past, kind=RoomyLayer)
        self.n_prefix = n_past(past)
        self._depth = torch.arange(self.n_prefix, device=decoder.device)

    @property
    def n_columns(self) -> int:
        """Return the number of tokens run so far, the prefix among them."""
        return len(self._depth)

    def run(
        self, tokens: np.ndarray, depth: np.ndarray, visible: Tensor, keep: np.ndarray
    ) -> Tensor:
        """Append tokens and return the logits at some of them, (kept, vocabulary).

        ``visible`` tells which tokens (those so far, then the new ones) each new one may see.
        """
        logits = self._decoder.packed(tokens, depth, visible, self._past, self._depth, keep)
        new_depth = torch.from_numpy(depth).to(self._depth.device)
        self._depth = torch.cat([self._depth, new_depth])
        return logits

    def run_trie(self, trie: TokenTrie, keep: np.ndarray, n_tokens: int) -> Iterator[Tensor]:
        """Append a trie below the prefix, at most ``n_tokens`` nodes at once.

        Yields the logits at the nodes of ``keep`` (ascending) in as many pieces.
        """
        end = torch.from_numpy(trie.end).to(self._decoder.device)
        n_before = self.n_columns
        # A node comes after those that it sees, so pieces in order find them in the cache.
        for first in range(0, len(end), n_tokens):
            piece = slice(first, first + n_tokens)
            kept = keep[(keep >= first) & (keep < first + n_tokens)] - first
            nodes = torch.arange(len(end), device=end.device)[piece]
            visible = torch.zeros(len(nodes), n_before, dtype=torch.bool, device=end.device)
            visible[:, : self.n_prefix] = True
            visible = torch.cat([visible, is_ancestor(end[: first + n_tokens], nodes)], dim=1)
            yield self.run(trie.tokens[piece], trie.depth[piece], visible, kept)

    def keep_columns(self, columns: Tensor) -> None:
        """Forget all tokens but those in some columns; the prefix must be among them."""
        self._depth = self._depth[columns]
        held = key_values_of(self._past)
        kept = [(keys[:, :, columns], values[:, :, columns]) for keys, values in held]
        self._past = cache_of(kept, kind=RoomyLayer)


def n_past(past: KeyValues) -> int:
    """Return the number of tokens whose keys and values are held."""
    return past[0][0].shape[-2] if past else 0


def is_ancestor(end: Tensor, nodes: Tensor) -> Tensor:  # (one of nodes, any node)
    """Return for some nodes of a trie in preorder which nodes lie on their way, or are they."""
    every = torch.arange(len(end), device=end.device)
    return (every[None, :] <= nodes[:, None]) & (end[None, :] > nodes[:, None])
