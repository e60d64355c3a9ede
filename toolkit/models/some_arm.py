"""Which arms a task jumps in, given that it jumps.

Of some of its arms one at least must jump; the others are free. But for that the arms are
independent, each with its odds. With log odds l_a of the arms, and products over the former,

    log odds that one jumps = log(prod(1 + exp(l_a)) - 1)
                            = log sum_a exp(l_a) prod_{b < a} (1 + exp(l_b))

The second form sums over which arm is the last to jump. It has only positive terms, so that
nothing cancels where jumps are improbable, and says how to draw the arms: the last by its term,
those before it by their own odds. An arm that is free adds log(1 + exp(l_a)). The sum is called
the log odds of any jump: its difference between two l is what a task that jumps has from them.
"""

from collections.abc import Sequence

import numba
import numpy as np
import pytensor.tensor as pt
from scipy.special import expit

from toolkit.models.priors import Tensor

# exp(-1000) is exactly zero, while its sum with any other log odds rounds at the 13th digit.
NEVER = -1000.0


@numba.njit(error_model="numpy")
def softplus(x: float) -> float:
    """Return log(1 + exp(x)), without overflow."""
    return max(x, 0.0) + np.log1p(np.exp(-abs(x)))


@numba.njit(error_model="numpy")
def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return np.exp(x - softplus(x))


@numba.njit(error_model="numpy")
def any_jump(log_odds: np.ndarray, some_of: np.ndarray, given: np.ndarray) -> float:
    """Return the log odds of any jump, of log odds (arm,); one at least of ``some_of`` jumps.

    Fill ``given`` (arm,), the probability that an arm jumps if the task does; this is also the
    derivative.
    """
    total, before, free, first = 0.0, 0.0, 0.0, True
    for a in range(log_odds.size):
        given[a] = softplus(log_odds[a])
        if some_of[a]:
            total = log_odds[a] if first else total + softplus(log_odds[a] + before - total)
            before += given[a]
            first = False
        else:
            free += given[a]
    for a in range(log_odds.size):
        given[a] = np.exp(log_odds[a] - given[a] + (before - total if some_of[a] else 0.0))
    return total + free


def log_odds_of_any(log_odds: Sequence[Tensor], some_of: Sequence[np.ndarray]) -> Tensor:
    """Return the log odds of any jump, as ``any_jump`` does, of one tensor by arm.

    ``some_of`` is by arm too. Below ``NEVER`` all log odds of any are that.
    """
    total, before, free = pt.constant(NEVER), pt.constant(0.0), pt.constant(0.0)
    for each, needed in zip(log_odds, some_of, strict=True):
        other = pt.softplus(each)
        total = pt.switch(needed, total + pt.softplus(each + before - total), total)  # pyright: ignore[reportOptionalOperand]
        before, free = before + pt.switch(needed, other, 0), free + pt.switch(needed, 0, other)
    return total + free


def of_any(log_odds: np.ndarray, some_of: np.ndarray) -> np.ndarray:
    """Return the log odds of any jump (...), of log odds and ``some_of`` (..., arm)."""
    free = np.where(some_of, 0.0, np.logaddexp(0.0, log_odds)).sum(axis=-1)
    return np.logaddexp.reduce(_last(log_odds, some_of), axis=-1) + free


def _last(log_odds: np.ndarray, some_of: np.ndarray) -> np.ndarray:
    """Return the log of the terms (..., arm): that an arm jumps and none of ``some_of`` after."""
    each = np.where(some_of, np.logaddexp(0.0, log_odds), 0.0)
    return np.where(some_of, log_odds + each.cumsum(axis=-1) - each, -np.inf)


def draw_arms(log_odds: np.ndarray, some_of: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return draws (..., arm) of the arms that jump, at least one of ``some_of``."""
    terms = _last(log_odds, some_of)
    share = np.exp(terms - terms.max(axis=-1, keepdims=True)).cumsum(axis=-1)
    share /= share[..., -1:]
    last = (rng.random(share.shape[:-1])[..., None] >= share).sum(axis=-1)[..., None]
    arm = np.arange(log_odds.shape[-1])
    others = ((arm < last) | ~some_of) & (rng.random(log_odds.shape) < expit(log_odds))
    return (arm == last) | others


def given_any(log_odds: np.ndarray, some_of: np.ndarray) -> np.ndarray:
    """Return the probability that an arm jumps if the task does, (..., arm)."""
    each = np.logaddexp(0.0, log_odds)
    whole = each.sum(axis=-1, keepdims=True) - of_any(log_odds, some_of)[..., None]
    return np.exp(log_odds - each + np.where(some_of, whole, 0.0))
