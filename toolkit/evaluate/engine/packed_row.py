"""One row that holds the tokens of many sequences, run piece by piece."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from toolkit.evaluate.engine.block_attention import Block, Sight, Stretches
from toolkit.evaluate.engine.decoder import (
    Decoder,
    KeyValues,
    PlacedLayer,
    cache_of,
    key_values_of,
    placing,
)
from toolkit.evaluate.engine.trie import TokenTrie

# Tokens of a block: the fewer, the fewer columns that all of them share; each block is a call.
N_ROWS = 64


class PackedRow:
    """The tokens run so far: keys and values of each, and its depth in its own sequence.

    It begins with a prefix, which every later token sees.
    """

    def __init__(self, decoder: Decoder, past: KeyValues) -> None:
        self._decoder = decoder
        self._row = cache_of(past, kind=PlacedLayer)
        self.n_prefix = n_past(past)
        self._depth = torch.arange(self.n_prefix, device=decoder.device)

    @property
    def n_columns(self) -> int:
        """Return the number of places for tokens, those of the prefix among them."""
        return len(self._depth)

    def append(
        self, tokens: np.ndarray, depth: np.ndarray, blocks: list[Block], keep: np.ndarray
    ) -> Tensor:
        """Run new tokens in columns at the end; return the logits at some, (kept, vocabulary)."""
        new_depth = torch.from_numpy(depth).to(self._depth.device)
        self._depth = torch.cat([self._depth, new_depth])
        return self._run(tokens, depth, blocks, keep)

    def put(
        self, columns: np.ndarray, tokens: np.ndarray, depth: np.ndarray, blocks: list[Stretches]
    ) -> Tensor:
        """Run new tokens in columns that are there; return the logits, (token, vocabulary)."""
        places = torch.from_numpy(columns).to(self._depth.device)
        self._depth[places] = torch.from_numpy(depth).to(self._depth.device)
        with placing(self._row, places):
            return self._run(tokens, depth, blocks, np.arange(len(tokens)))

    def _run(
        self, tokens: np.ndarray, depth: np.ndarray, blocks: Sequence[Block | Stretches],
        keep: np.ndarray,
    ) -> Tensor:  # fmt: skip
        sight = Sight(self.n_prefix, blocks)
        return self._decoder.packed(tokens, depth, sight, self._row, self._depth, keep)

    def append_trie(self, trie: TokenTrie, keep: np.ndarray, n_tokens: int) -> Iterator[Tensor]:
        """Append a trie below the prefix, at most ``n_tokens`` nodes at once.

        Yields the logits at the nodes of ``keep`` (ascending) in as many pieces.
        """
        n_before, n_nodes = self.n_columns, len(trie.end)
        # A node comes after those that it sees, so pieces in order find them in the row.
        for first in range(0, n_nodes, n_tokens):
            stop = min(first + n_tokens, n_nodes)
            kept = keep[(keep >= first) & (keep < stop)] - first
            blocks = list(self._blocks(trie, first, stop, n_before))
            piece = slice(first, stop)
            yield self.append(trie.tokens[piece], trie.depth[piece], blocks, kept)

    def _blocks(self, trie: TokenTrie, first: int, stop: int, n_before: int) -> Iterator[Block]:
        """Yield blocks of the nodes from ``first`` to ``stop``; node 0 lies at ``n_before``."""
        end = torch.from_numpy(trie.end).to(self._depth.device)
        for start in range(first, stop, N_ROWS):
            last = min(start + N_ROWS, stop)
            # Nodes below another root are in nobody's way.
            root = trie.root(start)
            nodes = torch.arange(start - root, last - root, device=end.device)
            visible = is_ancestor(end[root:last] - root, nodes)
            columns = slice(n_before + root, n_before + last)
            yield Block(slice(start - first, last - first), columns, visible)

    def lay_out(self, columns: np.ndarray) -> None:
        """Make a row of the prefix and the given columns of this one, in their order.

        A column may be given again, as a place for a token to come.
        """
        index = torch.from_numpy(np.concatenate([np.arange(self.n_prefix), columns]))
        index = index.to(self._depth.device)
        self._depth = self._depth[index]
        held = key_values_of(self._row)
        laid = [(keys[:, :, index], values[:, :, index]) for keys, values in held]
        self._row = cache_of(laid, kind=PlacedLayer)


def n_past(past: KeyValues) -> int:
    """Return the number of tokens whose keys and values are held."""
    return past[0][0].shape[-2] if past else 0


def is_ancestor(end: Tensor, nodes: Tensor) -> Tensor:  # (one of nodes, any node)
    """Return for some nodes of a trie in preorder which nodes lie on their way, or are they."""
    every = torch.arange(len(end), device=end.device)
    return (every[None, :] <= nodes[:, None]) & (end[None, :] > nodes[:, None])
