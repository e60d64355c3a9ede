"""M5: a smooth curve with scale interactions, plus a sharp step that may or may not be there.

For task t, checkpoint m of size x (decades), with demonstrations s and tuning i in {0, 1}:

    log_odds = intercept_t + slope_t x + curvature_t x^2 / 2
             + family_f + family_slope_f x + checkpoint_b + checkpoint_task_mt
             + s (few_shot_t + few_shot_slope_t x + few_shot_curvature_t x^2 / 2
                  + few_shot_checkpoint_b)
             + i (tuned_t + tuned_slope_t x + tuned_curvature_t x^2 / 2 + pair_m) + s i both_t
             + jump_ta [x above gap k_t] [jump present in arm a of task t]

b is the base checkpoint, shared by a base and its tuned partners. The gains from
demonstrations and from tuning grow with size, and may bend, because what an additive or straight
gain leaves over would be taken for a jump. The gap k_t is even over the task's own gaps; a jump is
present in an arm with probability ``jump_share`` of that arm, so that a true zero can be found.

Both are marginalised exactly. A cell's log-likelihood takes two values, L0 without and L1 with the
jump; the gain of arm a and gap k is the sum of L1 - L0 over the cells of that arm above the gap:

    log p(t) = sum L0 + log sum_k exp(-log G_t + sum_a log(1 - w_a + w_a exp(gain[t, a, k])))

which costs two likelihood evaluations whatever the number of gaps. It is computed with the largest
term taken out: written plainly, its gradient overflows where a jump is certain.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad

from toolkit.models.design import Design
from toolkit.models.likelihood import accuracy, concentration, count_log_likelihood
from toolkit.models.priors import PRIORS, Prior, Tensor


def build_model(design: Design, priors: Mapping[str, Prior] = PRIORS) -> pm.Model:
    """Return the model of a design; ``counts`` is its data, so the same design can be refitted."""
    with pm.Model(coords=design.coords) as model:
        counts: Tensor = pm.Data("counts", design.n_correct, dims=("task", "slot"))
        smooth = _log_odds(design, priors)
        lapse = priors["lapse"].variable("lapse", "task")[:, None]
        spread = concentration(_dispersion(priors))[:, None]
        share = priors["jump_share"].variable("jump_share", "arm")
        size = priors["jump_size"].variable("jump_size", ("task", "arm"))
        compliance = _compliance(design, priors)
        task = np.arange(len(design.tasks))[:, None]
        arm = (design.few_shot + 2 * design.tuned).astype(int)
        chance = design.chance[:, None]
        p_without = accuracy(smooth, chance, lapse, compliance)
        p_with = accuracy(smooth + size[task, arm], chance, lapse, compliance)

        def log_probability(value: Tensor, without: Tensor, with_: Tensor, *rest: Tensor) -> Tensor:
            spread, share = rest
            base = cell_log_likelihood(value, without, spread, design)
            lifted = cell_log_likelihood(value, with_, spread, design)
            return base.sum(axis=1) + log_gain(jump_gains(lifted - base, design), share, design)

        pm.CustomDist(
            "n_correct",
            p_without,
            p_with,
            spread,
            share,
            logp=log_probability,
            signature="(s),(s),(o),(a)->(s)",
            observed=counts,
            dims=("task", "slot"),
        )
        base = cell_log_likelihood(counts, p_without, spread, design)
        lifted = cell_log_likelihood(counts, p_with, spread, design)
        # Kept for drawing which gap and which arms afterwards; fit.py turns it into draws.
        pm.Deterministic("gain", jump_gains(lifted - base, design), dims=("task", "arm", "gap"))
    return model


def cell_log_likelihood(n_correct: Tensor, p: Tensor, spread: Tensor, design: Design) -> Tensor:
    """Return each cell's log-likelihood, (task, slot), 0 in padding.

    Only real cells are computed: log-gamma is what a gradient costs, and a third of the slots of a
    study with unequal tasks may be padding.
    """
    real = np.flatnonzero(design.n_items.ravel() > 0)
    task = real // design.n_items.shape[1]
    values = count_log_likelihood(
        n_correct.ravel()[real], design.n_items.ravel()[real], p.ravel()[real], spread.ravel()[task]
    )
    padded: Tensor = pt.zeros(design.n_items.size)
    return pt.set_subtensor(padded[real], values).reshape(design.n_items.shape)


def jump_gains(difference: Tensor, design: Design) -> Tensor:
    """Return the gain in log-likelihood of a jump, (task, arm, gap), from L1 - L0 by cell."""
    n_tasks, n_slots, n_arms, n_gaps = design.gains.shape
    by_jump = design.gains.reshape(n_tasks, n_slots, n_arms * n_gaps)
    total: Tensor = pt.matmul(difference[:, None, :], by_jump)
    return total.reshape((n_tasks, n_arms, n_gaps))


def log_gain(gain: Tensor, share: Tensor, design: Design) -> Tensor:
    """Return the log-likelihood gained by allowing jumps, marginal over gaps and arms, (task,)."""
    by_arm = share[..., None]
    # log(1 - w + w exp(gain)): a softplus, whose gradient stays finite for gains of thousands.
    absent: Tensor = pt.log1p(-by_arm)
    presence: Tensor = absent + pt.softplus(gain + pt.log(by_arm) - absent)
    by_gap = design.log_gap_prior + presence.sum(axis=1)
    # Without the largest term taken out, the gradient of log-sum-exp is infinity over infinity.
    largest: Tensor = disconnected_grad(by_gap.max(axis=1, keepdims=True))
    shares: Tensor = pt.exp(by_gap - largest)
    return largest[:, 0] + pt.log(shares.sum(axis=1))


def _log_odds(design: Design, priors: Mapping[str, Prior]) -> Tensor:
    """Return the smooth part of the linear predictor, (task, slot)."""
    x, few_shot, tuned = design.size, design.few_shot, design.tuned
    task = np.arange(len(design.tasks))[:, None]
    intercept = priors["intercept_effect"].variable("intercept_effect", "task")[task]
    slope = _group("slope", "task", priors, mean=True)[task]
    curvature = _group("curvature", "task", priors)[task]
    smooth = intercept + slope * x + 0.5 * curvature * x**2
    real = design.n_items > 0
    family = _contrast("family", "lm_family", design.family, real, priors)
    family_slope = _contrast("family_slope", "lm_family", design.family, real, priors)
    checkpoint = _contrast("checkpoint", "base", design.base, real, priors)
    of_task = _group("checkpoint_task", "checkpoint_task", priors)[design.checkpoint_task]
    smooth += family + family_slope * x + checkpoint + of_task
    if few_shot.any():
        own = _contrast("few_shot_checkpoint", "base", design.base, few_shot > 0, priors)
        gain = _group("few_shot", "task", priors, mean=True)[task]
        growth = _group("few_shot_slope", "task", priors, mean=True)[task]
        bend = _group("few_shot_curvature", "task", priors)[task]
        smooth += few_shot * (gain + growth * x + 0.5 * bend * x**2 + own)
    if tuned.any():
        pair = _contrast("pair", "tuned_checkpoint", design.tuned_checkpoint, tuned > 0, priors)
        gain = _group("tuned", "task", priors, mean=True)[task]
        growth = _group("tuned_slope", "task", priors, mean=True)[task]
        bend = _group("tuned_curvature", "task", priors)[task]
        smooth += tuned * (gain + growth * x + 0.5 * bend * x**2 + pair)
    if (few_shot * tuned).any():
        smooth += few_shot * tuned * _group("both", "task", priors, mean=True)[task]
    return smooth


def _compliance(design: Design, priors: Mapping[str, Prior]) -> Tensor | float:
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
        + _group("compliance", "checkpoint", priors)[design.checkpoint]
    )
    return pt.where(design.has_compliance[:, None], pt.sigmoid(log_odds), 1.0)


def _dispersion(priors: Mapping[str, Prior]) -> Tensor:
    """Return each task's SD beyond its items: scorers misread some tasks more than others."""
    scale = priors["sigma_dispersion"].variable("sigma_dispersion")
    return pm.Deterministic(
        "dispersion_sd", scale * pm.HalfNormal("z_dispersion", 1.0, dims="task"), dims="task"
    )


def _group(name: str, dim: str, priors: Mapping[str, Prior], *, mean: bool = False) -> Tensor:
    """Return group effects over ``dim``, as multiples of their scale: it may be close to zero."""
    sigma = priors[f"sigma_{name}"].variable(f"sigma_{name}")
    mu = priors[f"mu_{name}"].variable(f"mu_{name}") if mean else 0.0
    return pm.Deterministic(
        f"{name}_effect", mu + sigma * pm.Normal(f"z_{name}", dims=dim), dims=dim
    )


def _contrast(
    name: str, dim: str, index: np.ndarray, cells: np.ndarray, priors: Mapping[str, Prior]
) -> Tensor:
    """Return effects by cell that sum to zero over the members that occur in ``cells``.

    Their common part is the intercept's; left in both it is a direction along which the sampler
    drifts. Predictions for a new member carry the variance of that common part as well.
    """
    sigma = priors[f"sigma_{name}"].variable(f"sigma_{name}")
    z = pm.Normal(f"z_{name}", dims=dim)
    members = np.unique(index[cells])
    effect: Tensor = pm.Deterministic(f"{name}_effect", sigma * (z - z[members].mean()), dims=dim)
    return effect[index]


class JumpDraws(NamedTuple):
    """Where and whether a task jumps, drawn once for each posterior draw."""

    gap: np.ndarray  # (chain, draw, task), index of the gap
    present: np.ndarray  # (chain, draw, task, arm), True where the arm jumps there
    probability: np.ndarray  # (chain, draw, task, arm), P(jump in the arm | parameters)


def draw_jumps(
    gain: np.ndarray, share: np.ndarray, design: Design, rng: np.random.Generator
) -> JumpDraws:
    """Return draws of the marginalised gap and presence given the parameters of each draw.

    ``gain`` is (chain, draw, task, arm, gap) and ``share`` (chain, draw, arm).
    """
    by_arm = share[:, :, None, :, None]
    log_absent, log_present = np.log1p(-by_arm), np.log(by_arm) + gain
    log_either = np.logaddexp(log_absent, log_present)
    present_at = np.exp(log_present - log_either)  # P(present in arm | gap)
    log_weight = design.log_gap_prior + log_either.sum(axis=3)
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)  # P(gap), (chain, draw, task, gap)
    below = rng.random(weight.shape[:-1])[..., None] > weight.cumsum(axis=-1)
    gap = np.minimum(below.sum(axis=-1), weight.shape[-1] - 1)
    at_gap = np.take_along_axis(present_at, gap[..., None, None], axis=-1)[..., 0]
    present = rng.random(at_gap.shape) < at_gap
    return JumpDraws(gap, present, np.einsum("cdtag,cdtg->cdta", present_at, weight))
