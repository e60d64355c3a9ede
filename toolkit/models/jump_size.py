"""Whether a task jumps, in which arms, and how large, before any score of the task.

A task jumps with probability ``jump_tasks``, whatever was scored of it. One that does jumps in an
arm with probability ``jump_arms``, independently but that it does in one at least of those in which
a jump could be seen (``some_arm``; docs/decisions/0013). So what makes arms jump together is that
it is the task that jumps.

A jump that is present has a size from the prior ``jump_size``. One that is absent has none, and so
any density may stand for it without changing what is present, how large it is, or how probable: a
pseudo-prior (Carlin and Chib 1995, J. R. Stat. Soc. B 57, 473-484). With the prior itself the size
of an absent jump wanders far from where a jump would be, and the sampler hardly finds back;
``ABSENT`` stays near. With q for it, the share w of tasks, and the log odds of any jump, ``any``,
of log odds by arm,

    l_a = logit(jump_arms_a) + log(prior(size_a) / q(size_a))
    u = logit(w) + any(l) - any(logit(jump_arms))
    p(sizes) = prod_a q(size_a) (1 - w) (1 + exp(u))

u are the log odds that a task of these sizes jumps, and l those of its arms; in an arm without
scores the size says nothing. Once presence is drawn, the sizes of absent jumps, and all in arms
without scores, are drawn anew from their prior.
"""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.special import logit

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.priors import PRIORS, Prior, Tensor
from toolkit.models.some_arm import log_odds_of_any
from toolkit.study.claims import ARM_LABELS

# A share this close to 0 or 1 is rounding; beyond, its log odds are infinite.
SHARE_LOW, SHARE_HIGH = 1e-300, 1 - 2.0**-53
# Names of ``JumpLogOdds`` in a model.
LOG_ODDS = ("jump_log_odds", "jump_arm_log_odds")

# About what the sizes of present jumps have where the scores say little: half of it lies between
# 0.2 and 1.1 on the log-odds scale, 5 to 25 points from a half (docs/decisions/0012).
ABSENT = Prior(
    "log_normal", (float(np.log(0.5)), 1.2), "size of a jump that is absent", "only for sampling"
)


class JumpLogOdds(NamedTuple):
    """Log odds of jumps before any score: of tensors in a model, of arrays of its draws."""

    jumping: Any  # (..., task), that the task jumps
    in_arm: Any  # (..., task, arm), of its arms, given that it does


def jump_variables(priors: Priors, scale: Tensor, design: Design) -> tuple[Tensor, JumpLogOdds]:
    """Make the jump's variables; return its sizes (task, arm) and what they say before any score.

    ``scale`` multiplies the prior scale of the size: refits at half and twice need no new model.
    """
    tasks = priors["jump_tasks"].variable("jump_tasks")
    arms = priors["jump_arms"].variable("jump_arms", "arm")
    (sigma,) = priors["jump_size"].arguments
    size = ABSENT.variable("jump_size", ("task", "arm"))
    center, spread = ABSENT.arguments
    present: Any = pm.logp(pm.HalfNormal.dist(sigma * scale), size)
    absent: Any = pm.logp(pm.LogNormal.dist(mu=center, sigma=spread), size)  # pyright: ignore[reportArgumentType]
    of_tasks, of_arms = (pm.math.logit(pt.clip(s, SHARE_LOW, SHARE_HIGH)) for s in (tasks, arms))
    whatever_size: Any = of_arms + pt.zeros(design.arms_scored.shape)
    in_arm = of_arms + pt.switch(design.arms_scored, present - absent, 0.0)  # pyright: ignore[reportOperatorIssue]
    jumping = of_tasks + _of_any(in_arm, design) - _of_any(whatever_size, design)
    # ``size`` is drawn as if every jump were absent; this makes its density that of the model.
    pm.Potential("jump_size_prior", pt.softplus(jumping) - pt.softplus(of_tasks), dims="task")  # pyright: ignore[reportOperatorIssue]
    return size, JumpLogOdds(
        pm.Deterministic(LOG_ODDS[0], jumping, dims="task"),
        pm.Deterministic(LOG_ODDS[1], in_arm, dims=("task", "arm")),
    )


def _of_any(in_arm: Tensor, design: Design) -> Tensor:
    by_arm = [in_arm[:, a] for a in range(len(ARM_LABELS))]
    return log_odds_of_any(by_arm, list(design.arms_of_jump.T))


def log_odds_of_shares(tasks: np.ndarray, arms: np.ndarray, design: Design) -> JumpLogOdds:
    """Return the log odds of draws of both shares, (...) and (..., arm), whatever the sizes."""
    of_tasks, of_arms = (logit(share.clip(SHARE_LOW, SHARE_HIGH)) for share in (tasks, arms))
    shape = (*of_tasks.shape, len(design.tasks))
    return JumpLogOdds(
        np.broadcast_to(of_tasks[..., None], shape),
        np.broadcast_to(of_arms[..., None, :], (*shape, len(ARM_LABELS))),
    )


def drawn_where_absent(
    size: np.ndarray, present: np.ndarray, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Return sizes (..., task, arm) with those of absent jumps drawn anew from their prior.

    So that the draws are of the model as it is written, in which a size says nothing of presence.
    """
    (sigma,) = PRIORS["jump_size"].arguments
    return np.where(present, size, np.abs(rng.normal(0.0, sigma * scale, size.shape)))
