"""The observation model shared by all models: counts above chance, with over-dispersion.

    n_correct ~ BetaBinomial(n_items, p, concentration)
    p = compliance * (chance + (1 - chance) * (1 - lapse) * logistic(log_odds))

``compliance`` is the probability of an answer that can be parsed (1 where the scorer always picks
an option): an unparseable answer is not a wrong one, so it never lowers the ability.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt

from toolkit.models.priors import Tensor

log_gamma: Any = pt.gammaln
# Keeps the beta-binomial's two shapes above zero; far below one item in the largest task.
EDGE = 1e-5
# Keeps the concentration finite at no dispersion: differences of log-gamma lose digits beyond.
LEAST_VARIANCE = 1e-6


def concentration(dispersion_sd: Tensor) -> Tensor:
    """Return the beta-binomial concentration that gives this extra SD at an accuracy of 0.5."""
    return 0.25 / (dispersion_sd**2 + LEAST_VARIANCE)


def accuracy(
    log_odds: Tensor,
    chance: Tensor | np.ndarray,
    lapse: Tensor,
    compliance: Tensor | float = 1.0,
) -> Tensor:
    """Return the expected proportion correct, strictly inside (0, 1)."""
    p: Tensor = compliance * (chance + (1 - chance) * (1 - lapse) * pt.sigmoid(log_odds))
    return pt.clip(p, EDGE, 1 - EDGE)


def count_log_likelihood(
    n_correct: Tensor,
    n_items: np.ndarray,
    p: Tensor,
    concentration: Tensor,
) -> Tensor:
    """Return the beta-binomial log probability of each count; 0 where there are no items."""
    alpha, beta = p * concentration, (1 - p) * concentration
    ways = (
        log_gamma(n_items + 1.0) - log_gamma(n_correct + 1.0) - log_gamma(n_items - n_correct + 1.0)
    )
    return (
        ways
        + log_gamma(n_correct + alpha)
        + log_gamma(n_items - n_correct + beta)
        - log_gamma(n_items + concentration)
        - log_gamma(alpha)
        - log_gamma(beta)
        + log_gamma(concentration)
    )
