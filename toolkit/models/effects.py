"""Group effects and contrasts that every model shares: checkpoints, families, pairs, tasks."""

from collections.abc import Mapping

import numpy as np
import pymc as pm

from toolkit.models.design import Design
from toolkit.models.priors import Prior, Tensor

Priors = Mapping[str, Prior]


def group(
    name: str, dim: str, priors: Priors, *, mean: bool = False, centered: bool = False
) -> Tensor:
    """Return group effects over ``dim``, with a mean of their own or around zero.

    As multiples of their scale, which may be close to zero; ``centered`` as themselves, which mixes
    better where the data pin each of them down. Both are the same model.
    """
    sigma = priors[f"sigma_{name}"].variable(f"sigma_{name}")
    mu = priors[f"mu_{name}"].variable(f"mu_{name}") if mean else 0.0
    if centered:
        return pm.Normal(f"{name}_effect", mu, sigma, dims=dim)
    return pm.Deterministic(
        f"{name}_effect", mu + sigma * pm.Normal(f"z_{name}", dims=dim), dims=dim
    )


def contrast(name: str, dim: str, index: np.ndarray, cells: np.ndarray, priors: Priors) -> Tensor:
    """Return effects by cell that sum to zero over the members that occur in ``cells``.

    Their common part is the intercept's; left in both it is a direction along which the sampler
    drifts. Predictions for a new member carry the variance of that common part as well.
    """
    sigma = priors[f"sigma_{name}"].variable(f"sigma_{name}")
    z = pm.Normal(f"z_{name}", dims=dim)
    members = np.unique(index[cells])
    effect: Tensor = pm.Deterministic(f"{name}_effect", sigma * (z - z[members].mean()), dims=dim)
    return by_cell(effect, index)


def by_cell(effect: Tensor, index: np.ndarray) -> Tensor:
    """Return the effect of each cell's member; a flat index has a fast gradient."""
    return effect[index.ravel()].reshape(index.shape)


def checkpoint_effects(design: Design, priors: Priors) -> Tensor:
    """Return what checkpoint, family and recipe add to a cell's log-odds, (task, slot)."""
    real = design.n_items > 0
    family = contrast("family", "lm_family", design.family, real, priors)
    family_slope = contrast("family_slope", "lm_family", design.family, real, priors)
    checkpoint = contrast("checkpoint", "base", design.base, real, priors)
    of_task = by_cell(group("checkpoint_task", "checkpoint_task", priors), design.checkpoint_task)
    total = family + family_slope * design.size + checkpoint + of_task
    if design.few_shot.any():
        total += design.few_shot * contrast(
            "few_shot_checkpoint", "base", design.base, design.few_shot > 0, priors
        )
    if design.tuned.any():
        total += design.tuned * contrast(
            "pair", "tuned_checkpoint", design.tuned_checkpoint, design.tuned > 0, priors
        )
    return total
