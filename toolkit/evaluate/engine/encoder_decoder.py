"""Log-likelihoods by an encoder-decoder: each distinct context is encoded once."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from toolkit.errors import CheckpointError
from toolkit.evaluate.engine.decoder import cache_of, key_values_of
from toolkit.evaluate.engine.equal_lengths import Batch, requests_of
from toolkit.evaluate.engine.loading import Checkpoint
from toolkit.evaluate.engine.memory import HELD_PER_FORWARD
from toolkit.evaluate.engine.scoring_ways import scored
from toolkit.evaluate.requests import Scored, ScoreRequest


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


def score_each(network: EncoderDecoder, batch: Batch, _: int) -> list[Scored]:
    """Score every request of a batch by itself: the reference."""
    return [score_whole(network, request) for request in requests_of(batch)]


def score_whole(network: EncoderDecoder, request: ScoreRequest) -> Scored:
    """Score one request by encoding its context and decoding its continuation, nothing shared."""
    tokens = [network.start_token, *request.continuation[:-1]]
    row = torch.tensor([tokens], device=network.device)
    logits = network.decode(network.encode([request.context]), row)[0]
    return scored(logits, np.arange(len(tokens)), [request.continuation])[0]


def score_after_encoder(network: EncoderDecoder, batch: Batch, n_tokens: int) -> list[Scored]:
    """Score contexts of equal length: encoder and first step once each, then rows of the rest.

    The first step leaves the cross-attention's keys and values, which all continuations share.
    """
    hidden = network.encode(list(batch))
    first_cache = network.new_cache()
    start = torch.full((len(batch), 1), network.start_token, device=network.device)
    first = network.decode(hidden, start, first_cache)[:, 0]  # (context, vocabulary)
    own = key_values_of(first_cache.self_attention_cache)
    cross = key_values_of(first_cache.cross_attention_cache)
    continuations = [request.continuation for request in requests_of(batch)]
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
