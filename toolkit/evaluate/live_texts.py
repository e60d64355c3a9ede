"""The texts that are being decoded side by side, and the keys and values that they see."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from toolkit.evaluate.completion import Completion
from toolkit.evaluate.decoder import Decoder, KeyValues, is_ancestor, n_past
from toolkit.evaluate.requests import GenerateRequest
from toolkit.evaluate.trie import TokenTrie


def n_needed(request: GenerateRequest, n_prefix: int) -> int:
    """Return the tokens that a live text can come to hold beside the prefix."""
    return len(request.context) - n_prefix + request.max_new_tokens


class LiveTexts:
    """The texts being decoded, with keys and values of the prefix and of every text's tokens."""

    def __init__(self, decoder: Decoder, past: KeyValues) -> None:
        self._decoder = decoder
        self._past = past
        self._n_prefix = n_past(past)
        self.completions: list[Completion] = []
        self._next: list[int] = []
        # Which columns of the cache each text sees: (text, column); the prefix is seen by all.
        self._sees = torch.zeros(0, self._n_prefix, dtype=torch.bool, device=decoder.device)
        self._depth = torch.arange(self._n_prefix, device=decoder.device)

    @property
    def n_reserved(self) -> int:
        """Return the tokens that the live texts can come to hold beside the prefix."""
        return sum(n_needed(text.request, self._n_prefix) for text in self.completions)

    def enter(
        self,
        completions: list[Completion],
        entering: Sequence[tuple[GenerateRequest, np.ndarray]],
    ) -> None:
        """Run the contexts of new texts, each distinct token once, and take their first tokens."""
        trie = TokenTrie.build([tokens for _, tokens in entering], self._n_prefix)
        own = is_ancestor(torch.from_numpy(trie.end).to(self._decoder.device))
        others = own.new_zeros(len(own), self._sees.shape[1])
        others[:, : self._n_prefix] = True
        last = np.array([path[-1] for path in trie.paths])
        visible = torch.cat([others, own], dim=1)
        # Texts with the same context share its last node.
        keep, place = np.unique(last, return_inverse=True)
        likeliest = self._run(trie.tokens, trie.depth, visible, keep)
        old = torch.cat([self._sees, self._sees.new_zeros(len(self._sees), len(own))], dim=1)
        self._sees = torch.cat([old, visible[torch.from_numpy(last).to(visible.device)]])
        self.completions += completions
        self._next += [0] * len(completions)
        self._take([likeliest[kept] for kept in place], start=len(self._next) - len(completions))

    def step(self) -> None:
        """Run the last token of every live text and take the next."""
        n_live = len(self.completions)
        own = torch.eye(n_live, dtype=torch.bool, device=self._decoder.device)
        visible = torch.cat([self._sees, own], dim=1)
        depth = np.array([len(c.request.context) + len(c.tokens) - 1 for c in self.completions])
        likeliest = self._run(np.array(self._next), depth, visible, np.arange(n_live))
        self._sees = visible
        self._take(likeliest, start=0)

    def _run(
        self, tokens: np.ndarray, depth: np.ndarray, visible: Tensor, keep: np.ndarray
    ) -> list[int]:
        logits, past = self._decoder.packed(tokens, depth, visible, self._past, self._depth, keep)
        self._past = past
        self._depth = torch.cat([self._depth, torch.from_numpy(depth).to(self._depth.device)])
        return logits.argmax(-1).tolist()

    def _take(self, likeliest: Sequence[int], start: int) -> None:
        for place, token in enumerate(likeliest, start):
            self._next[place] = token
            self.completions[place].take(token)

    def leave(self) -> list[Completion]:
        """Hand out the finished texts and forget the columns that no other text sees."""
        finished = [text for text in self.completions if text.finish is not None]
        if not finished:
            return finished
        staying = [at for at, text in enumerate(self.completions) if text.finish is None]
        self.completions = [self.completions[at] for at in staying]
        self._next = [self._next[at] for at in staying]
        self._sees = self._sees[staying]
        used = self._sees.any(0)
        used[: self._n_prefix] = True
        columns = used.nonzero()[:, 0]
        self._sees = self._sees[:, columns]
        self._depth = self._depth[columns]
        self._past = [(keys[:, :, columns], values[:, :, columns]) for keys, values in self._past]
        return finished
