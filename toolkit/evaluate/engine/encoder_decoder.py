"""Log-likelihoods by an encoder-decoder: each distinct context is encoded once."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from toolkit.errors import CheckpointError
from toolkit.evaluate.engine.decoder import cache_of, key_values_of
from toolkit.evaluate.engine.loading import Checkpoint
from toolkit.evaluate.engine.memory import HELD_PER_FORWARD, Room
from toolkit.evaluate.engine.scoring_ways import scored
from toolkit.evaluate.requests import Scored, ScoreRequest

Context = tuple[int, ...]


class EncoderDecoder:
    """Both halves of an encoder-decoder, run one at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model = checkpoint.model
        self.device = checkpoint.device
        parameters = inspect.signature(self._model.forward).parameters
        self._cache_name = "cache" if "cache" in parameters else "past_key_values"
        config = self._model.config
        settings = (self._model.generation_config, config, config.get_text_config(decoder=True))
        starts = [getattr(part, "decoder_start_token_id", None) for part in settings]
        if not any(start is not None for start in starts):
            raise CheckpointError(
                "config.json: no decoder_start_token_id, so the decoder has nothing to begin "
                "with; add it (T5 uses its padding token)."
            )
        self.start_token = int(next(start for start in starts if start is not None))

    def new_cache(self) -> EncoderDecoderCache:
        """Return an empty cache of the decoder's own and of the encoder's keys and values."""
        return EncoderDecoderCache(DynamicCache(), DynamicCache())

    @torch.inference_mode()
    def encode(self, contexts: Sequence[Sequence[int]]) -> Tensor:  # (context, position, channel)
        """Encode contexts of equal length: without padding there is nothing to mask."""
        tokens = torch.tensor([list(context) for context in contexts], device=self.device)
        return self._model.get_encoder()(input_ids=tokens).last_hidden_state

    @torch.inference_mode()
    def decode(
        self, hidden: Tensor, tokens: Tensor, cache: EncoderDecoderCache | None = None
    ) -> Tensor:  # (row, position, vocabulary)
        """Return the logits of rows of decoder tokens, each after its encoded context."""
        settings: dict[str, Any] = {"use_cache": cache is not None}
        if cache is not None:
            settings[self._cache_name] = cache
        return self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=hidden),  # type: ignore[arg-type]
            decoder_input_ids=tokens,
            **settings,
        ).logits


class EncoderDecoderScorer:
    """Scores distinct requests in one way; what meets in a forward depends on them alone."""

    def __init__(self, network: EncoderDecoder, room: Room, mode: str) -> None:
        self._network = network
        self._room = room
        self._mode = mode

    def score(
        self, requests: Sequence[ScoreRequest], known: AbstractSet[ScoreRequest] = frozenset()
    ) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Yield each request of every batch that holds an unknown one, with its score."""
        by_context: dict[Context, list[ScoreRequest]] = {}
        for request in sorted(requests, key=lambda request: request.continuation):
            by_context.setdefault(request.context, []).append(request)
        for contexts in equal_lengths(by_context, self._room.budget):
            batch = {context: by_context[context] for context in contexts}
            if not all(set(group) <= known for group in batch.values()):
                yield from self._in_room(batch)

    def _in_room(
        self, batch: dict[Context, list[ScoreRequest]]
    ) -> Iterator[tuple[ScoreRequest, Scored]]:
        """Score a batch of contexts, or its two halves where the memory runs out."""
        size = sum(len(context) for context in batch)
        if size <= self._room.tokens or len(batch) == 1:
            scores = self._try_scoring(batch)
            if scores is not None:
                yield from scores
                return
            self._room.halve(size)
        groups = list(batch.items())
        middle = len(groups) // 2
        for half in (groups[:middle], groups[middle:]):
            if half:
                yield from self._in_room(dict(half))

    def _try_scoring(
        self, batch: dict[Context, list[ScoreRequest]]
    ) -> list[tuple[ScoreRequest, Scored]] | None:
        """Return the scores, None if the memory ran out."""
        requests = [request for group in batch.values() for request in group]
        try:
            if self._mode == "plain":
                scores = [score_whole(self._network, request) for request in requests]
            else:
                scores = score_after_encoder(self._network, batch, self._room.tokens)
        except torch.OutOfMemoryError:
            return None
        return list(zip(requests, scores, strict=True))


def equal_lengths(contexts: Iterable[Context], n_tokens: int) -> Iterator[list[Context]]:
    """Yield contexts of equal length together, at most ``n_tokens`` tokens at once."""
    ordered = sorted(contexts, key=lambda context: (len(context), context))
    for length, group in groupby(ordered, key=len):
        waiting = list(group)
        n_contexts = max(1, n_tokens // length)
        for start in range(0, len(waiting), n_contexts):
            yield waiting[start : start + n_contexts]


def score_whole(network: EncoderDecoder, request: ScoreRequest) -> Scored:
    """Score one request by encoding its context and decoding its continuation, nothing shared."""
    tokens = [network.start_token, *request.continuation[:-1]]
    row = torch.tensor([tokens], device=network.device)
    logits = network.decode(network.encode([request.context]), row)[0]
    return scored(logits, np.arange(len(tokens)), [request.continuation])[0]


def score_after_encoder(
    network: EncoderDecoder, batch: dict[Context, list[ScoreRequest]], n_tokens: int
) -> list[Scored]:
    """Score contexts of equal length: encoder and first step once each, then rows of the rest.

    The first step leaves the cross-attention's keys and values, which all continuations share.
    """
    hidden = network.encode(list(batch))
    first_cache = network.new_cache()
    start = torch.full((len(batch), 1), network.start_token, device=network.device)
    first = network.decode(hidden, start, first_cache)[:, 0]  # (context, vocabulary)
    own = key_values_of(first_cache.self_attention_cache)
    cross = key_values_of(first_cache.cross_attention_cache)
    continuations = [request.continuation for group in batch.values() for request in group]
    context_of = [place for place, group in enumerate(batch.values()) for _ in group]
    n_rows = max(1, HELD_PER_FORWARD * n_tokens // hidden.shape[1])
    scores: list[Scored] = []
    for begin in range(0, len(continuations), n_rows):
        chunk = continuations[begin : begin + n_rows]
        rows = context_of[begin : begin + n_rows]
        width = max(len(continuation) for continuation in chunk) - 1
        logits = first
        if width:
            tails = np.zeros((len(chunk), width), dtype=np.int64)
            for tail, continuation in zip(tails, chunk, strict=True):
                tail[: len(continuation) - 1] = continuation[:-1]
            cache = EncoderDecoderCache(
                cache_of([(keys[rows], values[rows]) for keys, values in own], len(rows)),
                cache_of([(keys[rows], values[rows]) for keys, values in cross], len(rows)),
            )
            grid = torch.from_numpy(tails).to(network.device)
            rest = network.decode(hidden[rows], grid, cache)  # (row, position, vocabulary)
            logits = torch.cat([first, rest.flatten(0, 1)])
        places = [
            np.array([row, *(len(first) + at * width + np.arange(len(continuation) - 1))])
            for at, (row, continuation) in enumerate(zip(rows, chunk, strict=True))
        ]
        scores += scored(logits, np.concatenate(places), chunk)
    return scores
