"""How often a step of some height would be told from none, before anything is measured.

A quick approximation of the procedure on one task in one arm, so that thousands of designs can be
compared without a fit: the model of a Gaussian-process curve with a step (the most flexible rival)
is made linear around the truth, with its scales given. What stays exact are presence, place and
height of the step. Scores of the other arms are left out. They also bear on the curve, so that the
full procedure may find a little more; where they have no step, one in this arm alone is less likely
to begin with than the half that is taken here (0.26 with four arms, docs/decisions/0013).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import stats
from scipy.linalg import solve_triangular
from scipy.special import expit, log_softmax, logit

from toolkit.estimands.estimate import ROPE, SURE
from toolkit.models.priors import PRIORS
from toolkit.verdict.gates import SIZES_MIN, is_resolvable

# Heights of a step in log-odds that the posterior is summed over: from nothing to chance-to-solved.
HEIGHTS = np.linspace(0.05, 8.0, 80)
PRESENT = 0.5
# A design finds a step of a height when it does so this often.
POWER = 0.80
# One seed for all designs: what differs is the design, and a map is the same each time it is made.
SEED = 20241
# Keeps cells at the floor, where nothing shows of the log-odds, from dividing by zero.
LEAST_STEEP = 1e-3


@dataclass(frozen=True)
class Scales:
    """How smooth and how noisy scores are: SDs on the log-odds scale, per decade for slopes.

    ``gp`` and ``slope`` are the curve's; ``gp_length`` in decades; ``checkpoint_task`` is how
    single cells differ; ``dispersion`` the spread beyond the items, as accuracy at 0.5.
    """

    slope: float
    gp: float
    gp_length: float
    family: float
    family_slope: float
    checkpoint: float
    checkpoint_task: float
    dispersion: float


@dataclass(frozen=True)
class ArmDesign:
    """Where a task is scored in one arm.

    ``size`` (log10 parameters), ``family`` and ``n_items`` are by cell; ``n_tasks`` are scored by
    the same checkpoints, which tells how good each checkpoint and family is at everything.
    """

    size: np.ndarray
    family: np.ndarray
    n_items: np.ndarray
    chance: float
    n_tasks: int = 20

    @property
    def sizes(self) -> np.ndarray:
        """Return the distinct sizes."""
        return np.unique(self.size)


def step_power(
    design: ArmDesign,
    place: float,
    height: float,
    scales: Scales,
    rng: np.random.Generator,
    n_draws: int = 400,
) -> float:
    """Return how often P(jump above the ROPE) would reach 0.95 for a true step.

    ``place`` is in log10 parameters, ``height`` on the accuracy scale. Just below its place the
    task is where the prior expects it, with the mean slope. 0 where gates on sizes are closed, NaN
    where a step so high would pass a perfect score.
    """
    before, slope = PRIORS["intercept_effect"].arguments[0], PRIORS["mu_slope"].arguments[0]
    risen = expit(before) + height / (1 - design.chance)
    if risen >= 1:
        return float("nan")
    gaps = list(pairwise(design.sizes))
    resolved = np.array([is_resolvable(design.sizes, low, high) for low, high in gaps])
    own = [low < place <= high for low, high in gaps]
    if len(design.sizes) < SIZES_MIN or not resolved[own].any():
        return 0.0
    above = design.size >= place
    truth = before + slope * (design.size - place) + (logit(risen) - before) * above
    certain = _posterior_of_steps(design, truth, gaps, scales, rng, n_draws)
    return float((certain[:, resolved].sum(axis=1) >= SURE).mean())


def _posterior_of_steps(
    design: ArmDesign,
    truth: np.ndarray,
    gaps: list[tuple[float, float]],
    scales: Scales,
    rng: np.random.Generator,
    n_draws: int,
) -> np.ndarray:
    """Return P(a jump above the ROPE lies in this gap) for simulated scores, (draw, gap).

    ``truth`` is the log-odds above chance of every cell.
    """
    x = design.size - design.size.mean()
    middles = np.array([(low + high) / 2 for low, high in gaps]) - design.size.mean()
    steps = np.array([design.size >= high for _, high in gaps], float)
    steep = (1 - design.chance) * expit(truth) * (1 - expit(truth))
    noise = _noise(design, x, steep, truth, scales)
    factor = np.linalg.cholesky(np.outer(steep, steep) * _smooth(x, x, scales) + noise)
    seen = np.linalg.cholesky(noise) @ rng.standard_normal((len(x), n_draws))

    def whiten(values: np.ndarray) -> np.ndarray:
        return solve_triangular(factor, values, lower=True)

    # Scores less what the prior's mean curve predicts, and what a step of height 1 adds to it.
    left = whiten(seen - (steep * (_mean(x) - truth))[:, None])
    lifted = whiten((steep * steps).T)
    along = whiten(steep[:, None] * _smooth(x, middles, scales))
    h = HEIGHTS[:, None, None]
    gain = h * (lifted.T @ left) - h**2 / 2 * (lifted**2).sum(axis=0)[:, None]
    smooth_there = (
        _mean(middles)[:, None] + along.T @ left - h * (along * lifted).sum(axis=0)[:, None]
    )
    jump = (1 - design.chance) * (expit(smooth_there + h) - expit(smooth_there))
    weights = np.exp(_log_weights(gain))
    return (weights * (jump > ROPE)).sum(axis=0).T


def _log_weights(gain: np.ndarray) -> np.ndarray:
    """Return the log posterior of every height and gap, (height, gap, draw), absence left out."""
    scale = PRIORS["jump_size"].arguments[0]
    prior = stats.halfnorm.logpdf(HEIGHTS, scale=scale)
    prior = log_softmax(prior)[:, None, None] - np.log(gain.shape[1]) + np.log(PRESENT)
    total = (prior + gain).reshape(-1, gain.shape[2])
    absent = np.full((1, gain.shape[2]), np.log(1 - PRESENT))
    return log_softmax(np.vstack([absent, total]), axis=0)[1:].reshape(gain.shape)


def _mean(x: np.ndarray) -> np.ndarray:
    return PRIORS["intercept_effect"].arguments[0] + PRIORS["mu_slope"].arguments[0] * x


def _smooth(x: np.ndarray, other: np.ndarray, scales: Scales) -> np.ndarray:
    """Return the prior covariance of the smooth log-odds: a line and a Matern 5/2 process."""
    away = np.sqrt(5) * np.abs(x[:, None] - other) / scales.gp_length
    turns = (1 + away + away**2 / 3) * np.exp(-away)
    level = PRIORS["intercept_effect"].arguments[1] ** 2
    slope = PRIORS["mu_slope"].arguments[1] ** 2 + scales.slope**2
    return level + slope * np.outer(x, other) + scales.gp**2 * turns


def _noise(
    design: ArmDesign, x: np.ndarray, steep: np.ndarray, truth: np.ndarray, scales: Scales
) -> np.ndarray:
    """Return the covariance of scores around the smooth curve, on the accuracy scale.

    Of what checkpoints and families add to every task, the other tasks tell the more the more there
    are; what is left of it, what is particular to a cell, and its items.
    """
    p = design.chance + (1 - design.chance) * expit(truth)
    counted = p * (1 - p) * (1 / design.n_items + 4 * scales.dispersion**2)
    typical = float(np.median(counted / np.maximum(steep, LEAST_STEEP) ** 2))
    told = (design.n_tasks - 1) / (typical + scales.checkpoint_task**2)

    def left(scale: float) -> float:
        return 1 / (scale**-2 + told)

    related = design.family[:, None] == design.family
    effects = related * (left(scales.family) + left(scales.family_slope) * np.outer(x, x))
    effects += (left(scales.checkpoint) + scales.checkpoint_task**2) * np.eye(len(x))
    return np.outer(steep, steep) * effects + np.diag(counted)


@dataclass(frozen=True)
class Noise:
    """Scales of checkpoints that somebody measured or made."""

    scales: Scales
    meaning: str


# Posterior medians, from python -m benchmarks.noise.
NOISE = {
    "published": Noise(
        Scales(0.157, 0.41, 1.107, 0.164, 0.105, 0.127, 0.367, 0.028),
        "those of Lu et al. 2024",
    ),
    "simulated": Noise(
        Scales(0.236, 0.196, 1.149, 0.287, 0.038, 0.074, 0.045, 0.008),
        "those of the simulated studies that error rates are counted on",
    ),
}
