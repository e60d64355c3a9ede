"""What a checkpoint can be asked: refused before anything is computed; no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from toolkit.errors import CheckpointError
from toolkit.evaluate.requests import GenerateRequest, Request, ScoreRequest


@dataclass(frozen=True)
class Limits:
    """The tokens that a checkpoint knows and how many of them it can read at once.

    ``name`` is what messages call the checkpoint.
    """

    name: str
    n_vocabulary: int
    context_length: int | None
    encoder_decoder: bool

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse requests that can't be answered as they stand.

        Raises
        ------
        CheckpointError
            If a request holds a token that the checkpoint doesn't have, or more than it can read.
        ValueError
            If a request asks for nothing.
        """
        for place, request in enumerate(requests):
            _check_asks_something(place, request)
            self._check_tokens(place, request)
            self._check_length(place, request)

    def _check_tokens(self, place: int, request: Request) -> None:
        tokens = request.context
        if not tokens:
            self._refuse(
                place,
                "its context is empty, but the first token can only be predicted from one before "
                "it; begin with the tokenizer's beginning-of-text token.",
            )
        if isinstance(request, ScoreRequest):
            tokens = (*tokens, *request.continuation)
        odd = max(tokens) if min(tokens) >= 0 else min(tokens)
        if not 0 <= odd < self.n_vocabulary:
            self._refuse(
                place,
                f"holds token {odd}, but the checkpoint has embeddings for 0 to "
                f"{self.n_vocabulary - 1} only; its tokenizer belongs to another checkpoint, or "
                "tokens were added to it.",
            )

    def _check_length(self, place: int, request: Request) -> None:
        if self.context_length is None:
            return
        if isinstance(request, ScoreRequest):
            n_following = len(request.continuation) - 1
        else:
            n_following = request.max_new_tokens - 1
        n_context = len(request.context)
        if self.encoder_decoder:
            n_tokens = max(n_context, n_following + 1)
        else:
            n_tokens = n_context + n_following
        if n_tokens > self.context_length:
            self._refuse(
                place,
                f"needs {n_tokens} positions (context of {n_context} tokens), but the checkpoint "
                f"has {self.context_length}; use fewer demonstrations, a shorter prompt, or fewer "
                "new tokens.",
            )

    def _refuse(self, place: int, why: str) -> NoReturn:
        raise CheckpointError(f"{self.name}: request {place}: {why}")


def _check_asks_something(place: int, request: Request) -> None:
    if isinstance(request, GenerateRequest):
        if request.max_new_tokens < 1:
            raise ValueError(f"request {place}: max_new_tokens must be at least 1")
        if "" in request.stops:
            raise ValueError(f"request {place}: an empty stop string stops every text at once")
    elif not request.continuation:
        raise ValueError(f"request {place}: its continuation must have at least one token")
