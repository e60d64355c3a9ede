"""Which way of computing is exact for a checkpoint, found by trying it against plain forwards.

Architectures differ in how they treat masks and positions, and a wrong mask raises no error: it
gives slightly wrong numbers. So no way is trusted before it agrees on random requests.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch

from toolkit.errors import CheckpointError
from toolkit.evaluate.requests import (
    Generated,
    GenerateRequest,
    Scored,
    ScoreRequest,
    rounding_error,
)

# Tokens of a forward during the trial: so few that prefixes are cached, bundles follow one
# another, and texts enter while others are being decoded.
TRIAL_BUDGET = 64
# Longest prompt of the trial; a prefix, its continuation by a second prefix, then the item.
N_TRIAL_TOKENS = 48
# Sliding windows up to this length are crossed in the trial; longer ones would take too long.
LONGEST_TRIED_WINDOW = 512


Result = TypeVar("Result")


class Scorer(Protocol):
    """Scores distinct requests."""

    def score(self, requests: Sequence[ScoreRequest]) -> Iterable[tuple[ScoreRequest, Scored]]:
        """Yield each request with its score."""
        ...


class Generator(Protocol):
    """Generates for distinct requests."""

    def generate(
        self, requests: Sequence[GenerateRequest]
    ) -> Iterable[tuple[GenerateRequest, Generated]]:
        """Yield each request with its text."""
        ...


@dataclass(frozen=True)
class Certificate:
    """The fastest way that agreed with plain forwards, and by how much it differed at most.

    ``residual`` is in nats: the largest difference of a log-likelihood; for generation, how much
    less likely than the plain choice a token was. ``refused`` tells what faster ways failed by.
    """

    mode: str
    residual: float
    refused: str


def resolution(dtype: torch.dtype) -> float:
    """Return the error of a log-likelihood per token, in nats, that rounding alone explains.

    Logits of language models reach 16 to 32, where neighbouring numbers lie ``16 * eps`` apart:
    0.125 in bfloat16, 0.016 in float16. Float32 logits are finer than the sums that lead to
    them: those differ by up to 3e-5 between orders of summation, here taken three times.
    """
    return 1e-4 if dtype == torch.float32 else 16 * torch.finfo(dtype).eps


def trial_requests(
    n_vocabulary: int, context_length: int | None, window: int | None, seed: int
) -> tuple[list[ScoreRequest], list[GenerateRequest]]:
    """Return random requests with shared prefixes and options that begin alike."""
    rng = np.random.default_rng(seed)

    def random_tokens(n_tokens: int) -> tuple[int, ...]:
        return tuple(rng.integers(n_vocabulary, size=max(1, n_tokens)).tolist())

    unit = min(N_TRIAL_TOKENS, context_length or N_TRIAL_TOKENS) / N_TRIAL_TOKENS
    outer = random_tokens(int(18 * unit))
    inner = outer + random_tokens(int(16 * unit))
    beginnings = [inner] * 5 + [outer] * 4 + [()] * 3
    contexts = [start + random_tokens(int(rng.integers(2, 9) * unit)) for start in beginnings]
    if window is not None and window <= LONGEST_TRIED_WINDOW:
        far = random_tokens(min(window + 8, context_length or window + 8) - 16)
        contexts += [far + random_tokens(8), far + random_tokens(12)]
    scores = [
        ScoreRequest(context, continuation)
        for context in contexts
        for first, second, third in [random_tokens(3)]
        for continuation in [(first,), (first, second), (first, third, second), (third,)]
    ]
    generations = [
        GenerateRequest(context, (), 1 + place % 4) for place, context in enumerate(contexts)
    ]
    return scores, generations


def certify_scoring(
    modes: Sequence[str],
    scorer: Callable[[str, int], Scorer],
    requests: Sequence[ScoreRequest],
    budget: int,
    dtype: torch.dtype,
) -> Certificate:
    """Return the first way whose log-likelihoods agree with those of the last, the plain one.

    They must agree in many small bundles below cached prefixes and in one of the engine's own
    budget, where the tokens of a sequence lie far apart: some architectures count that distance.

    Raises
    ------
    CheckpointError
        If plain forwards fail or don't give finite numbers.
    """
    expected = _plainly(lambda: dict(scorer(modes[-1], budget).score(requests)))
    if not all(np.isfinite(score.log_likelihood) for score in expected.values()):
        raise CheckpointError(
            f"the checkpoint in {str(dtype).removeprefix('torch.')} gives log-likelihoods that "
            "aren't finite; use float32, or bfloat16 where the device has it."
        )
    allowed = [
        rounding_error(score.log_likelihood, len(request.continuation), resolution(dtype))
        for request, score in expected.items()
    ]
    refused: list[str] = []
    for mode in modes[:-1]:
        try:
            trials = [
                dict(scorer(mode, room).score(requests))
                for room in (min(TRIAL_BUDGET, budget), budget)
            ]
        except Exception as error:
            refused.append(f"{mode}: {_reason(error)}")
            continue
        errors = [
            max(abs(got[request].log_likelihood - score.log_likelihood) for got in trials)
            for request, score in expected.items()
        ]
        if all(error <= limit for error, limit in zip(errors, allowed, strict=True)):
            return Certificate(mode, max(errors), "; ".join(refused))
        refused.append(f"{mode}: log-likelihoods differ by up to {max(errors):.2g}")
    return Certificate(modes[-1], 0.0, "; ".join(refused))


def certify_generation(
    modes: Sequence[str],
    generator: Callable[[str], Generator],
    requests: Sequence[GenerateRequest],
    plain_scorer: Scorer,
    dtype: torch.dtype,
) -> Certificate:
    """Return the first way whose tokens are those of the last, or tied with them to rounding."""
    expected = _plainly(lambda: dict(generator(modes[-1]).generate(requests)))
    refused: list[str] = []
    for mode in modes[:-1]:
        try:
            got = dict(generator(mode).generate(requests))
            gaps = list(_gaps(expected, got, plain_scorer))
        except Exception as error:
            refused.append(f"{mode}: {_reason(error)}")
            continue
        if all(gap <= 2 * resolution(dtype) for gap in gaps):
            return Certificate(mode, max(gaps, default=0.0), "; ".join(refused))
        refused.append(f"{mode}: chose tokens less likely by up to {max(gaps):.2g}")
    return Certificate(modes[-1], 0.0, "; ".join(refused))


def _gaps(
    expected: dict[GenerateRequest, Generated],
    got: dict[GenerateRequest, Generated],
    plain_scorer: Scorer,
) -> Iterator[float]:
    """Yield by how much the first token that differs is less likely than the plain choice."""
    for request, plain in expected.items():
        tokens = got[request].tokens
        if len(tokens) != len(plain.tokens):
            yield float("inf")
            continue
        unequal = [at for at, token in enumerate(plain.tokens) if token != tokens[at]]
        if unequal:
            at = unequal[0]
            both = [
                ScoreRequest(request.context, (*plain.tokens[:at], choice))
                for choice in (plain.tokens[at], tokens[at])
            ]
            scores = dict(plain_scorer.score(both))
            yield scores[both[0]].log_likelihood - scores[both[1]].log_likelihood


def _plainly(compute: Callable[[], Result]) -> Result:
    try:
        return compute()
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"the checkpoint can't run even plain forwards: {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
