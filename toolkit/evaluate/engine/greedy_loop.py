"""Greedy texts one request at a time: the reference, and the way where packing isn't exact."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import torch

from toolkit.evaluate.engine.completion import Completion
from toolkit.evaluate.engine.decoder import Decoder
from toolkit.evaluate.engine.encoder_decoder import EncoderDecoder
from toolkit.evaluate.engine.memory import too_large
from toolkit.evaluate.engine.trie import in_order
from toolkit.evaluate.requests import Generated, GenerateRequest

# Returns the likeliest token after those generated so far.
NextToken = Callable[[list[int]], int]


class LoopGenerator:
    """Generates for one request after the other."""

    def __init__(
        self,
        network: Decoder | EncoderDecoder,
        begin: Callable[[GenerateRequest], Completion],
        *,
        cached: bool,
    ) -> None:
        self._network = network
        self._begin = begin
        self._cached = cached

    def generate(
        self,
        requests: Sequence[GenerateRequest],
        known: AbstractSet[GenerateRequest] = frozenset(),
    ) -> Iterator[tuple[GenerateRequest, Generated]]:
        """Yield each request that isn't known, with its text."""
        for request in in_order(requests)[0]:
            if request not in known:
                try:
                    generated = self._generate(request)
                except torch.OutOfMemoryError as error:
                    raise too_large(len(request.context)) from error
                yield request, generated

    def _generate(self, request: GenerateRequest) -> Generated:
        completion = self._begin(request)
        if isinstance(self._network, EncoderDecoder):
            next_token = after_encoder(self._network, request.context, cached=self._cached)
        else:
            next_token = after_context(self._network, request.context, cached=self._cached)
        while completion.finish is None:
            completion.take(next_token(completion.tokens))
        return completion.generated()


def after_context(decoder: Decoder, context: Sequence[int], *, cached: bool) -> NextToken:
    """Return the next token of a decoder; without a cache everything is run again each time."""
    cache = decoder.new_cache() if cached else None
    n_run = 0

    def next_token(generated: list[int]) -> int:
        nonlocal n_run
        tokens = [*context, *generated][n_run:]
        if cached:
            n_run += len(tokens)
        row = torch.tensor([tokens], device=decoder.device)
        return int(decoder.rows(row, [len(tokens) - 1], cache)[0, 0].argmax())

    return next_token


def after_encoder(network: EncoderDecoder, context: Sequence[int], *, cached: bool) -> NextToken:
    """Return the next token of the decoder half; the context is encoded once."""
    hidden = network.encode([context])
    cache = network.new_cache() if cached else None
    n_run = 0

    def next_token(generated: list[int]) -> int:
        nonlocal n_run
        tokens = [network.start_token, *generated][n_run:]
        if cached:
            n_run += len(tokens)
        row = torch.tensor([tokens], device=network.device)
        return int(network.decode(hidden, row, cache)[0, -1].argmax())

    return next_token
