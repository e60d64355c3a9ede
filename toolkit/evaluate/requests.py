"""What an engine is asked and what it answers: tokens in, numbers out; no torch here.

For an encoder-decoder checkpoint the context goes to the encoder and the continuation to the
decoder; for a decoder alone the continuation follows the context.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Finish = Literal["stop", "end", "length"]


@dataclass(frozen=True)
class ScoreRequest:
    """Asks for the log-likelihood of a continuation (at least one token) after a context."""

    context: tuple[int, ...]
    continuation: tuple[int, ...]


@dataclass(frozen=True)
class GenerateRequest:
    """Asks for the greedy text after a context, up to a stop string or a number of tokens."""

    context: tuple[int, ...]
    stops: tuple[str, ...]
    max_new_tokens: int


@dataclass(frozen=True)
class Scored:
    """Natural-log likelihood of a continuation, and whether each token was the likeliest one."""

    log_likelihood: float
    greedy: bool


@dataclass(frozen=True)
class Generated:
    """Greedy text before the first stop string, its tokens, and why it ended."""

    text: str
    tokens: tuple[int, ...]
    finish: Finish


Request: TypeAlias = ScoreRequest | GenerateRequest
Answer: TypeAlias = Scored | Generated


@dataclass(frozen=True)
class CheckpointSource:
    """Where a checkpoint lies and how it may be opened; ``place`` is a folder or a hub id."""

    place: str
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: Literal["sdpa", "eager"] = "sdpa"
    trust_remote_code: bool = False
    allow_pickle: bool = False


class Engine(Protocol):
    """A loaded checkpoint that answers requests.

    ``identity`` is a hash of everything that its answers depend on besides the requests: weights,
    tokenizer, dtype, attention, version of the numerics. ``resolution`` is the error of a
    log-likelihood per token that rounding alone explains in this dtype.
    """

    identity: str
    n_params: int
    context_length: int | None
    encoder_decoder: bool
    resolution: float

    def answer(
        self, requests: Sequence[Request], known: AbstractSet[int] = frozenset()
    ) -> Iterator[tuple[int, Answer]]:
        """Yield the place of a request and its answer, as they are computed.

        What goes into one forward is decided by all requests together, also by those whose places
        are in ``known``: a batch is left out when all its members are known and computed whole
        otherwise, so that a resumed run gives the same numbers to the last bit.
        """
        ...

    def provenance(self) -> dict[str, str | int | float | bool]:
        """Return versions, device, dtype, mode and certificate of this engine."""
        ...


def rounding_error(log_likelihood: float, n_tokens: int, resolution: float) -> float:
    """Return the error of a log-likelihood, in nats, that rounding alone explains.

    It grows with the tokens summed and the size of the logits; ``resolution`` as in ``Engine``.
    """
    return resolution * (n_tokens + abs(log_likelihood) / 16)
