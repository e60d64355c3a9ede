"""The observation model shared by all models: counts above chance, with over-dispersion.

    n_correct ~ BetaBinomial(n_items, p, concentration)
    p = compliance * (chance + (1 - chance) * (1 - lapse) * logistic(log_odds))

``compliance`` is the probability of an answer that can be parsed (1 where the scorer always picks
an option): an unparseable answer is not a wrong one, so it never lowers the ability.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from toolkit.models.design import Design
from toolkit.models.effects import Priors, group
from toolkit.models.priors import Tensor

log_gamma: Any = pt.gammaln
# Keeps the beta-binomial's two shapes above zero; far below one item in the largest task.
EDGE = 1e-5
# A score is known to a point at best, however many its items (docs/decisions/0014).
LEAST_VARIANCE = 0.01**2


def concentration(priors: Priors) -> Tensor:
    """Return each task's beta-binomial concentration, (task,).

    From its SD beyond its items, as accuracy at 0.5: scorers misread some tasks more than others.
    """
    scale = priors["sigma_dispersion"].variable("sigma_dispersion")
    spread = pm.Deterministic(
        "dispersion_sd", scale * pm.HalfNormal("z_dispersion", 1.0, dims="task"), dims="task"
    )
    return concentration_of(spread)


def concentration_of(dispersion_sd: Any) -> Any:
    """Return the concentration that gives this SD beyond the items, and a point more, at 0.5."""
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


def compliance(design: Design, priors: Priors) -> Tensor | float:
    """Return the probability of a parseable answer, (task, slot): 1 but for exact match."""
    if not design.has_compliance.any():
        return 1.0
    scored_exactly = np.cumsum(design.has_compliance) - 1
    intercept = priors["compliance_intercept"].variable("compliance_intercept", "exact_match_task")
    log_odds = (
        intercept[np.maximum(scored_exactly, 0)][:, None]
        + priors["compliance_slope"].variable("compliance_slope") * design.size
        + priors["compliance_few_shot"].variable("compliance_few_shot") * design.few_shot
        + priors["compliance_tuned"].variable("compliance_tuned") * design.tuned
        + group("compliance", "checkpoint", priors)[design.checkpoint]
    )
    return pt.where(design.has_compliance[:, None], pt.sigmoid(log_odds), 1.0)


def count_log_likelihood(
    n_correct: Tensor, n_items: Tensor, p: Tensor, concentration: Tensor
) -> Tensor:
    """Return the log-likelihood of each count, without the ways to choose the correct items.

    In plain PyTensor, for any shapes that go together; ``jump_mixture`` has the fast form.
    """
    alpha, beta = p * concentration, (1 - p) * concentration
    return (
        log_gamma(n_correct + alpha)
        + log_gamma(n_items - n_correct + beta)
        - log_gamma(n_items + concentration)
        - log_gamma(alpha)
        - log_gamma(beta)
        + log_gamma(concentration)
    )
