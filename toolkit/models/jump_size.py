"""How large a jump is, and how probable one of that size is before any score of its task.

A jump that is present has a size from the prior ``jump_size``. One that is absent has none, and so
any density may stand for it without changing what is present, how large it is, or how probable:
a pseudo-prior (Carlin and Chib 1995, J. R. Stat. Soc. B 57, 473-484). With the prior itself the
size of an absent jump wanders far from where a jump would be, and the sampler hardly finds back;
``ABSENT`` stays near. With the share w of an arm,

    p(size) = w prior(size) + (1 - w) ABSENT(size),   P(present | size) = w prior(size) / p(size)

Once presence is drawn, the sizes of absent jumps are drawn anew from their prior.
"""

from typing import Any, cast

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from toolkit.models.effects import Priors
from toolkit.models.jump_mixture import PRESENCE_HIGH, PRESENCE_LOW
from toolkit.models.priors import PRIORS, Prior, Tensor

# About what the sizes of present jumps have where the scores say little: half of it lies between
# 0.2 and 1.1 on the log-odds scale, 5 to 25 points from a half (docs/decisions/0012).
ABSENT = Prior(
    "log_normal", (float(np.log(0.5)), 1.2), "size of a jump that is absent", "only for sampling"
)


def jump_variables(priors: Priors, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return size and presence, (task, arm); the latter is P(present | size).

    ``scale`` multiplies the prior scale of the size: refits at half and twice need no new model.
    """
    share = priors["jump_share"].variable("jump_share", "arm")
    (sigma,) = priors["jump_size"].arguments
    inside: Tensor = pt.clip(share, PRESENCE_LOW, PRESENCE_HIGH)
    center, spread = ABSENT.arguments
    absent: Any = pm.LogNormal.dist(mu=center, sigma=spread)  # pyright: ignore[reportArgumentType]
    kinds: list[Any] = [pm.HalfNormal.dist(sigma * scale), absent]
    size = pm.Mixture(
        "jump_size",
        pt.stack([inside, 1 - inside], axis=-1),
        kinds,
        dims=("task", "arm"),
    )
    as_present, as_absent = cast("list[Tensor]", [pm.logp(kind, size) for kind in kinds])
    log_odds: Tensor = as_present - as_absent + pm.math.logit(inside)
    presence: Tensor = pm.Deterministic("jump_presence", pt.sigmoid(log_odds), dims=("task", "arm"))
    return size, presence


def drawn_where_absent(
    size: np.ndarray, present: np.ndarray, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Return sizes (..., task, arm) with those of absent jumps drawn anew from their prior.

    So that the draws are of the model as it is written, in which a size says nothing of presence.
    """
    (sigma,) = PRIORS["jump_size"].arguments
    return np.where(present, size, np.abs(rng.normal(0.0, sigma * scale, size.shape)))
