"""Token sequences in lexicographic order, the trie they form, and the work that it saves; no torch.

Sequences in order have their common beginnings side by side, so the trie of all of them is told by
the length that each shares with the one before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from toolkit.evaluate.requests import GenerateRequest, Request, ScoreRequest

AnyRequest = TypeVar("AnyRequest", ScoreRequest, GenerateRequest, Request)


@dataclass(frozen=True)
class Work:
    """Tokens that requests name and tokens that any exact computation has to run through.

    Tokens that will be generated aren't counted: their number isn't known in advance.
    """

    n_requests: int
    n_requested_tokens: int
    n_distinct_tokens: int


def count_work(requests: Sequence[Request], *, encoder_decoder: bool = False) -> Work:
    """Count the tokens of requests one by one and as nodes of their token trie.

    An encoder sees what comes after a token as well, so that it shares whole contexts only; its
    decoder shares the beginnings of what follows the same context.
    """
    if encoder_decoder:
        return _count_both_halves(requests)
    lengths = [len(read_tokens(request)) for request in requests]
    _, tokens, shared = in_order(list(dict.fromkeys(requests)))
    n_distinct = sum(len(sequence) for sequence in tokens) - int(shared.sum())
    return Work(len(requests), sum(lengths), n_distinct)


def _count_both_halves(requests: Sequence[Request]) -> Work:
    decoded: dict[tuple[int, ...], list[Request]] = {}
    for request in requests:
        # A decoder begins with a token of its own, whichever it is.
        decoded.setdefault(request.context, []).append(replace(request, context=(0,)))
    work = {context: count_work(of_context) for context, of_context in decoded.items()}
    return Work(
        len(requests),
        sum(len(c) * each.n_requests + each.n_requested_tokens for c, each in work.items()),
        sum(len(context) + each.n_distinct_tokens for context, each in work.items()),
    )


def read_tokens(request: Request) -> tuple[int, ...]:
    """Return the tokens that a decoder must read: the last of a continuation is only predicted."""
    if isinstance(request, ScoreRequest):
        return request.context + request.continuation[:-1]
    return request.context


def in_order(
    requests: Sequence[AnyRequest],
) -> tuple[list[AnyRequest], list[np.ndarray], np.ndarray]:
    """Sort distinct requests by the tokens that they read; equal sets give equal results.

    Returns the requests, the tokens of each, and how many it shares with the one before it.
    """
    # Big-endian bytes compare like the tokens themselves, a hundred times faster than tuples.
    keyed = [(np.asarray(read_tokens(r), dtype=">u4").tobytes(), r) for r in requests]
    keyed.sort(key=lambda pair: (pair[0], _tie_break(pair[1])))
    tokens = [np.frombuffer(key, dtype=">u4") for key, _ in keyed]
    shared = np.zeros(len(tokens), dtype=np.int64)
    for place in range(1, len(tokens)):
        shared[place] = _common_length(tokens[place - 1], tokens[place])
    return [request for _, request in keyed], tokens, shared


def _tie_break(request: Request) -> tuple[bool, int, int, tuple[str, ...]]:
    if isinstance(request, GenerateRequest):
        return True, len(request.context), request.max_new_tokens, request.stops
    return False, len(request.context), request.continuation[-1], ()


def _common_length(first: np.ndarray, second: np.ndarray) -> int:
    length = min(len(first), len(second))
    unequal = first[:length] != second[:length]
    return int(unequal.argmax()) if unequal.any() else length


@dataclass(frozen=True)
class TokenTrie:
    """Distinct tokens below a shared prefix in preorder, so that a subtree is one stretch.

    ``tokens``, ``depth`` (position in the sequence) and ``end`` (first node after the subtree)
    are arrays over nodes; ``paths`` holds the nodes of each sequence, from the prefix on.
    """

    tokens: np.ndarray
    depth: np.ndarray
    end: np.ndarray
    paths: list[np.ndarray]

    def root(self, node: int) -> int:
        """Return the node right below the prefix whose subtree holds a node."""
        # The nodes before a subtree end before it or at its root.
        return int(np.flatnonzero(self.end[: node + 1] > node)[0])

    @classmethod
    def build(cls, sequences: Sequence[np.ndarray], n_prefix: int) -> "TokenTrie":
        """Pack ordered sequences that agree in their first ``n_prefix`` tokens."""
        tokens: list[np.ndarray] = []
        depth: list[np.ndarray] = []
        paths: list[np.ndarray] = []
        end = np.zeros(sum(len(sequence) - n_prefix for sequence in sequences), dtype=np.int64)
        n_nodes = 0
        open_path = np.zeros(0, dtype=np.int64)
        for place, sequence in enumerate(sequences):
            shared = _common_length(sequences[place - 1], sequence) if place else n_prefix
            end[open_path[shared - n_prefix :]] = n_nodes
            n_new = len(sequence) - shared
            new_nodes = np.arange(n_nodes, n_nodes + n_new)
            open_path = np.concatenate([open_path[: shared - n_prefix], new_nodes])
            paths.append(open_path)
            tokens.append(sequence[shared:].astype(np.int64))
            depth.append(np.arange(shared, len(sequence)))
            n_nodes += n_new
        end[open_path] = n_nodes
        return cls(np.concatenate(tokens), np.concatenate(depth), end[:n_nodes], paths)
