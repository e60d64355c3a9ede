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


def contrast(name: str, dim: str, occurring: np.ndarray, priors: Priors) -> Tensor:
    """Return effects over ``dim`` that sum to zero over the members ``occurring``, by index.

    Their common part is the intercept's; left in both it is a direction along which the sampler
    drifts. Predictions for a new member carry the variance of that common part as well.
    """
    sigma = priors[f"sigma_{name}"].variable(f"sigma_{name}")
    z = pm.Normal(f"z_{name}", dims=dim)
    from_mean = z - z[np.unique(occurring)].mean()
    return pm.Deterministic(f"{name}_effect", sigma * from_mean, dims=dim)


def by_cell(effect: Tensor, index: np.ndarray) -> Tensor:
    """Return the effect of each cell's member; a flat index has a fast gradient."""
    return effect[index.ravel()].reshape(index.shape)


def checkpoint_effects(design: Design, priors: Priors) -> Tensor:
    """Return what checkpoint, family and recipe add to a cell's log-odds, (task, slot).

    Summed by checkpoint first: a cell looks one number up, and not one for each effect.
    """
    family, base, size = map(design.by_checkpoint, (design.family, design.base, design.size))
    total = contrast("family", "lm_family", family, priors)[family]
    total += contrast("family_slope", "lm_family", family, priors)[family] * size
    total += contrast("checkpoint", "base", base, priors)[base]
    if design.tuned.any():
        tuned, recipe = map(design.by_checkpoint, (design.tuned, design.tuned_checkpoint))
        total += tuned * contrast("pair", "tuned_checkpoint", recipe[tuned > 0], priors)[recipe]
    by_task = group("checkpoint_task", "checkpoint_task", priors)
    cells = by_cell(total, design.checkpoint) + by_cell(by_task, design.checkpoint_task)
    if design.few_shot.any():
        shown = design.base[design.few_shot > 0]
        gain = contrast("few_shot_checkpoint", "base", shown, priors)
        cells += design.few_shot * by_cell(gain, design.base)
    return cells
