"""The observation model shared by all models: counts above chance, with over-dispersion.

    n_correct ~ BetaBinomial(n_items, p, concentration)
    p = compliance * (chance + (1 - chance - lapse) * logistic(log_odds))

``compliance`` is the probability of an answer that can be parsed (1 where the scorer always picks
an option): an unparseable answer is not a wrong one, so it never lowers the ability.
"""

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

# Keeps the beta-binomial's two shapes above zero; far below one item in the largest task.
EDGE = 1e-5
# With a dispersion of zero the concentration stays finite: log-gamma differences lose digits beyond.
LEAST_VARIANCE = 1e-6


def concentration(dispersion_sd: TensorVariable) -> TensorVariable:
    """Return the beta-binomial concentration that gives this extra SD at an accuracy of 0.5."""
    return 0.25 / (dispersion_sd**2 + LEAST_VARIANCE)


def accuracy(
    log_odds: TensorVariable,
    chance: TensorVariable | np.ndarray,
    lapse: TensorVariable,
    compliance: TensorVariable | float = 1.0,
) -> TensorVariable:
    """Return the expected proportion correct, strictly inside (0, 1)."""
    p = compliance * (chance + (1 - chance - lapse) * pt.sigmoid(log_odds))
    return pt.clip(p, EDGE, 1 - EDGE)


def count_log_likelihood(
    n_correct: TensorVariable,
    n_items: np.ndarray,
    p: TensorVariable,
    concentration: TensorVariable,
) -> TensorVariable:
    """Return the beta-binomial log probability of each count; 0 where there are no items."""
    alpha, beta = p * concentration, (1 - p) * concentration
    ways = (
        pt.gammaln(n_items + 1.0)
        - pt.gammaln(n_correct + 1.0)
        - pt.gammaln(n_items - n_correct + 1.0)
    )
    return (
        ways
        + pt.gammaln(n_correct + alpha)
        + pt.gammaln(n_items - n_correct + beta)
        - pt.gammaln(n_items + concentration)
        - pt.gammaln(alpha)
        - pt.gammaln(beta)
        + pt.gammaln(concentration)
    )
