"""The texts that are being decoded side by side, and the keys and values that they see."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch

from toolkit.evaluate.engine.block_attention import Stretches
from toolkit.evaluate.engine.completion import Completion
from toolkit.evaluate.engine.decoder import Decoder, KeyValues
from toolkit.evaluate.engine.packed_row import PackedRow
from toolkit.evaluate.engine.trie import TokenTrie
from toolkit.evaluate.requests import GenerateRequest

# Tokens to come for which a text's stretch of the row has places, until all are laid out anew.
# Stretches are multiples of it, so that those of many texts have one width.
N_AHEAD = 16


def n_needed(request: GenerateRequest, n_prefix: int) -> int:
    """Return the tokens that a live text can come to hold beside the prefix."""
    return len(request.context) - n_prefix + request.max_new_tokens


class LiveTexts:
    """The texts being decoded, each with a stretch of the row that all stand in.

    A stretch holds the text's tokens below the prefix and has places for those to come.
    """

    def __init__(self, decoder: Decoder, past: KeyValues) -> None:
        self._row = PackedRow(decoder, past)
        self.completions: list[Completion] = []
        # Where each stretch begins, and the places in it: for every text, in columns.
        self._start = np.zeros(0, dtype=np.int64)
        self._n_places = np.zeros(0, dtype=np.int64)

    @property
    def n_reserved(self) -> int:
        """Return the tokens that the live texts can come to hold beside the prefix."""
        return sum(n_needed(text.request, self._row.n_prefix) for text in self.completions)

    def enter(
        self, completions: list[Completion], contexts: list[np.ndarray], n_tokens: int
    ) -> None:
        """Run the contexts of new texts, each distinct token once, and take their first tokens."""
        trie = TokenTrie.build(contexts, self._row.n_prefix)
        last = np.array([path[-1] for path in trie.paths])
        # Texts with the same context share its last node.
        keep, place = np.unique(last, return_inverse=True)
        held, n_before = self._held(), self._row.n_columns
        pieces = self._row.append_trie(trie, keep, n_tokens)
        likeliest = np.concatenate([logits.argmax(-1).cpu().numpy() for logits in pieces])
        self.completions += completions
        self._lay_out([*held, *(n_before + path for path in trie.paths)])
        for completion, token in zip(completions, likeliest[place], strict=True):
            completion.take(int(token))

    def step(self) -> None:
        """Run the last token of every live text and take the next."""
        if (self._n_held() >= self._n_places).any():
            self._lay_out(self._held())
        n_held = self._n_held()
        blocks = list(self._stretches(n_held + 1))
        tokens = np.array([text.tokens[-1] for text in self.completions])
        depth = self._row.n_prefix + n_held
        logits = self._row.put(self._start + n_held, tokens, depth, blocks)
        for completion, token in zip(self.completions, logits.argmax(-1).tolist(), strict=True):
            completion.take(token)

    def leave(self) -> list[Completion]:
        """Hand out the finished texts and forget their tokens."""
        finished = [text for text in self.completions if text.finish is not None]
        if not finished:
            return finished
        staying = [at for at, text in enumerate(self.completions) if text.finish is None]
        held = self._held()
        self.completions = [self.completions[at] for at in staying]
        self._lay_out([held[at] for at in staying])
        return finished

    def _stretches(self, n_seen: np.ndarray) -> Iterator[Stretches]:
        """Yield the texts with stretches of one width, told how much of its own each sees."""
        _, firsts = np.unique(self._n_places, return_index=True)
        for first, stop in pairwise([*firsts.tolist(), len(n_seen)]):
            columns = torch.arange(int(self._n_places[first]))
            visible = columns < torch.from_numpy(n_seen[first:stop, None])
            yield Stretches(slice(first, stop), int(self._start[first]), visible)

    def _n_held(self) -> np.ndarray:
        """Return the tokens of each text that the row holds: the last one is still to be run."""
        counts = [len(text.request.context) + len(text.tokens) - 1 for text in self.completions]
        return np.array(counts, dtype=np.int64) - self._row.n_prefix

    def _held(self) -> list[np.ndarray]:
        """Return the columns of each text's tokens."""
        return [
            np.arange(start, start + n)
            for start, n in zip(self._start, self._n_held(), strict=True)
        ]

    def _lay_out(self, held: list[np.ndarray]) -> None:
        """Lay the columns of each text out as stretches with places for tokens to come.

        Texts with stretches of one width come to stand together.
        """
        widths = [N_AHEAD * (len(columns) // N_AHEAD + 2) for columns in held]
        order = sorted(range(len(held)), key=lambda at: widths[at])
        self.completions = [self.completions[at] for at in order]
        # Whatever a place holds is written over before anybody sees it.
        stretches = [
            np.append(held[at], np.repeat(held[at][-1:], widths[at] - len(held[at])))
            for at in order
        ]
        self._n_places = np.array([widths[at] for at in order], dtype=np.int64)
        self._start = self._row.n_prefix + np.cumsum(self._n_places) - self._n_places
        self._row.lay_out(np.concatenate([np.zeros(0, dtype=np.int64), *stretches]))
