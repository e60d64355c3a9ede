"""Four exact ways for a decoder to score requests, from the fastest to the plainest.

The first two work below a cached prefix.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from toolkit.evaluate.engine.decoder import Decoder, KeyValues, cache_of
from toolkit.evaluate.engine.equal_lengths import Batch, requests_of
from toolkit.evaluate.engine.packed_row import PackedRow, n_past
from toolkit.evaluate.engine.trie import TokenTrie
from toolkit.evaluate.requests import Scored, ScoreRequest

# Rows of logits turned to float32 at once, so that no second copy of all of them exists.
N_ROWS_AT_ONCE = 256


def score_packed(
    decoder: Decoder,
    requests: Sequence[ScoreRequest],
    tokens: Sequence[np.ndarray],
    past: KeyValues,
    n_tokens: int,
) -> list[Scored]:
    """Score ordered requests as one row that holds each distinct token once.

    No more than ``n_tokens`` of them go into one forward.
    """
    row = PackedRow(decoder, past)
    trie = TokenTrie.build(tokens, row.n_prefix)
    nodes = [
        path[len(request.context) - 1 - row.n_prefix :]
        for request, path in zip(requests, trie.paths, strict=True)
    ]
    keep, place = np.unique(np.concatenate(nodes), return_inverse=True)
    continuations = [request.continuation for request in requests]
    targets = np.concatenate(continuations)
    predictions = np.zeros((len(targets), 2))
    n_done = 0
    for logits in row.append_trie(trie, keep, n_tokens):
        here = (place >= n_done) & (place < n_done + len(logits))
        predictions[here] = predicted(logits, place[here] - n_done, targets[here])
        n_done += len(logits)
    return summed(predictions, continuations)


def score_rows(
    decoder: Decoder,
    requests: Sequence[ScoreRequest],
    tokens: Sequence[np.ndarray],
    past: KeyValues,
    n_tokens: int,
) -> list[Scored]:
    """Score requests as rectangles of at most ``n_tokens``, padded on the right."""
    n_prefix = n_past(past)
    by_length = sorted(range(len(requests)), key=lambda place: len(tokens[place]))
    scores: dict[int, Scored] = {}
    while by_length:
        longest = by_length[-1]
        n_rows = max(1, n_tokens // len(tokens[longest]))
        places = by_length[-n_rows:]
        del by_length[-n_rows:]
        width = len(tokens[longest]) - n_prefix
        rows = np.zeros((len(places), width), dtype=np.int64)
        for row, place in zip(rows, places, strict=True):
            row[: len(tokens[place]) - n_prefix] = tokens[place][n_prefix:]
        first = min(len(requests[place].context) for place in places) - 1 - n_prefix
        cache = cache_of(past, len(places))
        grid = torch.from_numpy(rows).to(decoder.device)
        logits = decoder.rows(grid, range(first, width), cache)  # (row, first to width, vocabulary)
        starts = [len(requests[place].context) - 1 - n_prefix - first for place in places]
        continuations = [requests[place].continuation for place in places]
        kept = np.concatenate(
            [
                row * (width - first) + start + np.arange(len(continuation))
                for row, (start, continuation) in enumerate(zip(starts, continuations, strict=True))
            ]
        )
        scores.update(zip(places, scored(logits.flatten(0, 1), kept, continuations), strict=True))
    return [scores[place] for place in range(len(requests))]


def score_equal_rows(decoder: Decoder, batch: Batch, _: int) -> list[Scored]:
    """Score whole sequences of equal length side by side, without cache, padding or mask.

    Each row is what it would be alone, also where the length of a forward scales its positions.
    """
    requests = requests_of(batch)
    first = min(len(request.context) for request in requests) - 1
    grid = torch.tensor(list(batch), device=decoder.device)
    width = grid.shape[1] - first
    logits = decoder.rows(grid, range(first, grid.shape[1]))
    row_of = [row for row, group in enumerate(batch.values()) for _ in group]
    # The place that predicts each token of each continuation.
    places = [
        row * width + np.arange(len(request.context) - 1 - first, width)
        for row, request in zip(row_of, requests, strict=True)
    ]
    continuations = [request.continuation for request in requests]
    return scored(logits.flatten(0, 1), np.concatenate(places), continuations)


def score_plain(decoder: Decoder, request: ScoreRequest) -> Scored:
    """Score one request by one forward of its whole sequence, without cache or mask."""
    tokens = torch.tensor([request.context + request.continuation[:-1]], device=decoder.device)
    keep = np.arange(len(request.context) - 1, tokens.shape[1])
    logits = decoder.rows(tokens, keep.tolist())[0]
    return scored(logits, keep - keep[0], [request.continuation])[0]


def scored(
    logits: Tensor, places: np.ndarray, continuations: Sequence[Sequence[int]]
) -> list[Scored]:
    """Return the score of each continuation.

    ``logits`` are of shape (place, vocabulary); ``places`` holds the place that predicts each
    token of each continuation, one continuation after the other.
    """
    return summed(predicted(logits, places, np.concatenate(continuations)), continuations)


def predicted(logits: Tensor, places: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each target, and 1 where it is the likeliest: (target, 2)."""
    at = torch.from_numpy(places).to(logits.device)
    wanted = torch.from_numpy(targets).to(logits.device)
    parts = logits.split(N_ROWS_AT_ONCE)
    normaliser = torch.cat([part.float().logsumexp(-1) for part in parts])
    likelihoods = logits[at, wanted].float() - normaliser[at]
    likeliest = logits.argmax(-1)[at] == wanted
    return torch.stack([likelihoods, likeliest.float()], dim=1).cpu().numpy()


def summed(predictions: np.ndarray, continuations: Sequence[Sequence[int]]) -> list[Scored]:
    """Return the score of each continuation from the predictions of their tokens in order."""
    borders = np.cumsum([len(continuation) for continuation in continuations])[:-1]
    return [
        Scored(math.fsum(part[:, 0]), bool(part[:, 1].all()))
        for part in np.split(predictions, borders)
    ]
