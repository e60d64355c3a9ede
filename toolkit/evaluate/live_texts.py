"""The texts that are being decoded side by side, and the keys and values that they see."""

import numpy as np
import torch

from toolkit.evaluate.completion import Completion
from toolkit.evaluate.decoder import Decoder, KeyValues
from toolkit.evaluate.packed_row import PackedRow, is_ancestor
from toolkit.evaluate.requests import GenerateRequest
from toolkit.evaluate.trie import TokenTrie


def n_needed(request: GenerateRequest, n_prefix: int) -> int:
    """Return the tokens that a live text can come to hold beside the prefix."""
    return len(request.context) - n_prefix + request.max_new_tokens


class LiveTexts:
    """The texts being decoded, with keys and values of the prefix and of every text's tokens."""

    def __init__(self, decoder: Decoder, past: KeyValues) -> None:
        self._row = PackedRow(decoder, past)
        self._device = decoder.device
        self.completions: list[Completion] = []
        self._next: list[int] = []
        # Which tokens of the row each text sees: (text, column).
        self._sees = torch.zeros(0, self._row.n_columns, dtype=torch.bool, device=self._device)

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
        pieces = list(self._row.run_trie(trie, keep, n_tokens))
        likeliest = torch.cat([logits.argmax(-1) for logits in pieces]).tolist()
        end = torch.from_numpy(trie.end).to(self._device)
        own = is_ancestor(end, torch.from_numpy(last).to(self._device))
        others = own.new_zeros(len(own), self._sees.shape[1])
        others[:, : self._row.n_prefix] = True
        old = torch.cat([self._sees, own.new_zeros(len(self._sees), len(end))], dim=1)
        self._sees = torch.cat([old, torch.cat([others, own], dim=1)])
        self.completions += completions
        self._next += [likeliest[kept] for kept in place]
        for completion, token in zip(completions, self._next[-len(completions) :], strict=True):
            completion.take(token)

    def step(self) -> None:
        """Run the last token of every live text and take the next."""
        n_live = len(self.completions)
        own = torch.eye(n_live, dtype=torch.bool, device=self._device)
        self._sees = torch.cat([self._sees, own], dim=1)
        depth = [len(text.request.context) + len(text.tokens) - 1 for text in self.completions]
        tokens = np.array(self._next)
        logits = self._row.run(tokens, np.array(depth), self._sees, np.arange(n_live))
        self._next = logits.argmax(-1).tolist()
        for completion, token in zip(self.completions, self._next, strict=True):
            completion.take(token)

    def leave(self) -> list[Completion]:
        """Hand out the finished texts and forget the tokens that no other text sees."""
        finished = [text for text in self.completions if text.finish is not None]
        if not finished:
            return finished
        staying = [at for at, text in enumerate(self.completions) if text.finish is None]
        self.completions = [self.completions[at] for at in staying]
        self._next = [self._next[at] for at in staying]
        self._sees = self._sees[staying]
        seen = self._sees.any(0)
        seen[: self._row.n_prefix] = True
        columns = seen.nonzero()[:, 0]
        self._sees = self._sees[:, columns]
        self._row.keep_columns(columns)
        return finished
