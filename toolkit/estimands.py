"""Draws -> the quantities a claim speaks of, on the accuracy scale.

E1  ``jump``: expected accuracy just above the jump minus the same draw with the jump switched off,
    for a new checkpoint of a new family, by task and arm. A functional of the posterior, not a
    coefficient; it is exactly zero in draws without a jump.
E2  ``attribute``: the jump in one arm minus the jump in the controlled arm, split over few-shot
    prompting, instruction tuning and their interaction.
E3  ``surviving``: of a set of claims, how many have a jump beyond the region of practical
    equivalence.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import arviz_stats as azs
import numpy as np
import xarray as xr
from scipy import stats

from toolkit.claims import ARM_LABELS, ARMS, CONTROLLED_ARM, Arm
from toolkit.models.design import Design
from toolkit.models.model import Model
from toolkit.models.polynomial import Part, polynomial_at
from toolkit.models.power_law import SCALES_WIDE

# Part of a curve's log-odds (task by task) at sizes in decades from the design's centre.
CurveAt = Callable[[xr.Dataset, xr.DataArray, Part], xr.DataArray]

CI_PROB = 0.90
CI_KIND = "eti"
# Half-width of the region of practical equivalence: Lu et al. call rises below it marginal.
ROPE = 0.05
# A jump above it is material; as readers see it.
MATERIAL = f"{100 * ROPE:.0f} points"
# How far above the jump it is read, in decades of parameters.
ABOVE_JUMP = 0.25
POINTS = "proportion"
# Nodes for averaging over new checkpoints: exact to 1e-4 up to a spread of 3 log-odds.
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


@dataclass(frozen=True)
class Estimate:
    """A posterior summary that carries its interval's kind and its Monte Carlo errors.

    ``mcse`` is that of the median (or of a probability), the others those of the interval's ends,
    NaN where the interval is none of draws.
    """

    name: str
    unit: str
    median: float
    ci_low: float
    ci_high: float
    ci_prob: float
    ci_kind: str
    mcse: float
    mcse_low: float = math.nan
    mcse_high: float = math.nan


def estimate(name: str, draws: xr.DataArray, unit: str = POINTS) -> Estimate:
    """Return median and equal-tailed interval of (chain, draw), each with its Monte Carlo error."""
    tail = (1 - CI_PROB) / 2
    low, median, high = np.quantile(draws.to_numpy(), [tail, 0.5, 1 - tail]).tolist()
    ends = quantile_mcse(draws, tail), quantile_mcse(draws, 1 - tail)
    return Estimate(
        name, unit, median, low, high, CI_PROB, CI_KIND, quantile_mcse(draws, 0.5), *ends
    )


def probability(name: str, event: xr.DataArray) -> Estimate:
    """Return the posterior probability of an event, with its Monte Carlo error.

    The value stands in ``median``; the interval is that of the Monte Carlo error, since a
    probability has no posterior of its own.
    """
    return probability_of(name, float(event.mean()), mean_mcse(event), event.size)


def probability_of(name: str, p: float, error: float, n_draws: int) -> Estimate:
    """Return a probability with this Monte Carlo error, from so many draws."""
    n = n_draws if error == 0 else min(n_draws, p * (1 - p) / error**2)
    # Jeffreys' interval for as many independent draws as these are worth: not empty at 0 and 1.
    tail = (1 - CI_PROB) / 2
    low, high = stats.beta.ppf([tail, 1 - tail], p * n + 0.5, (1 - p) * n + 0.5)
    return Estimate(
        name, "probability", p, min(float(low), p), max(float(high), p), CI_PROB, "mcse", error
    )


def mean_mcse(draws: xr.DataArray) -> float:
    """Return the Monte Carlo error of the mean of (chain, draw); 0 for a constant."""
    values = draws.astype(float)
    if float(values.std()) == 0.0:
        return 0.0
    return float(azs.mcse(values, sample_dims=["chain", "draw"], method="mean"))


def quantile_mcse(draws: xr.DataArray, p: float) -> float:
    """Return the Monte Carlo error of a quantile of (chain, draw); 0 for a constant."""
    values = draws.astype(float)
    if float(values.std()) == 0.0:
        return 0.0
    return float(azs.mcse(values, sample_dims=["chain", "draw"], method="quantile", prob=p))


def curve_of(model: Model, design: Design) -> CurveAt:
    """Return the smooth curve of a model, to be evaluated from its draws at any size."""
    return lambda posterior, x, part: model.curve.at(posterior, design, x, part)


def jump(posterior: xr.Dataset, design: Design, curve: CurveAt = polynomial_at) -> xr.DataArray:
    """Return E1 by arm, (chain, draw, task, arm), as a difference of proportions."""
    gap = posterior["jump_gap"]
    middle = xr.DataArray(design.gap_middle, dims=("task", "gap"))
    chance = xr.DataArray(design.chance, dims="task")
    x = middle.isel(gap=gap) + ABOVE_JUMP
    risen = risen_at(posterior, ABOVE_JUMP)
    expected = partial(expected_accuracy, posterior, chance, x, curve=curve)
    by_arm = []
    for index, arm in enumerate(ARMS):
        size = posterior["jump_size"].isel(arm=index) * risen
        present = posterior["jump_present"].isel(arm=index)
        by_arm.append(xr.where(present, expected(arm, jump=size) - expected(arm), 0.0))
    dims = ("chain", "draw", "task", "arm")
    stacked = xr.concat(by_arm, dim="arm", coords="minimal", compat="override")
    return stacked.assign_coords(arm=list(ARM_LABELS)).transpose(*dims)


def risen_at(posterior: xr.Dataset, beyond: xr.DataArray | float) -> xr.DataArray | float:
    """Return how much of a jump has happened ``beyond`` decades past its middle.

    A sharp one is all there on one side and absent on the other; a wide one follows a sigmoid.
    """
    if "jump_width" not in posterior:
        return beyond >= 0 if isinstance(beyond, float) else xr.where(beyond >= 0, 1.0, 0.0)
    return 1 / (1 + np.exp(-beyond * SCALES_WIDE / posterior["jump_width"]))


def expected_accuracy(
    posterior: xr.Dataset,
    chance: xr.DataArray | float,
    x: xr.DataArray,
    arm: Arm,
    jump: xr.DataArray | float = 0.0,
    curve: CurveAt = polynomial_at,
) -> xr.DataArray:
    """Return the accuracy expected of a new checkpoint of a new family at size ``x``.

    ``x`` is in decades from the design's centre. ``posterior`` may be that of one task.
    Of exact-match tasks it is the accuracy if every answer could be parsed. Averages over
    checkpoints, families and their use of the task.
    """
    center, variance = _linear_predictor(posterior, x, arm, curve)
    ability = (1 - chance) * (1 - posterior["lapse"])
    return chance + ability * xr.apply_ufunc(_over_checkpoints, center + jump, np.sqrt(variance))


def _over_checkpoints(center: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the mean of a logistic curve over normal log-odds, by Gauss-Hermite quadrature."""
    total = np.zeros(np.broadcast_shapes(center.shape, spread.shape))
    for node, weight in zip(NODES, NODE_WEIGHTS, strict=True):
        total += weight / (1 + np.exp(-(center + node * spread)))
    return total


def _linear_predictor(
    posterior: xr.Dataset, x: xr.DataArray, arm: Arm, curve: CurveAt
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return mean and variance of the log-odds over new checkpoints at size ``x``."""
    p = posterior
    center = curve(p, x, "base")
    variance = (
        _new_member(p, "family", "lm_family")
        + _new_member(p, "family_slope", "lm_family") * x**2
        + _new_member(p, "checkpoint", "base")
        + p["sigma_checkpoint_task"] ** 2
    )
    # An arm that the study does not have has no effect to add.
    if arm.few_shot and "few_shot_effect" in p:
        center = center + curve(p, x, "few_shot")
        variance = variance + _new_member(p, "few_shot_checkpoint", "base")
    if arm.instruction_tuned and "tuned_effect" in p:
        center = center + curve(p, x, "tuned")
        variance = variance + _new_member(p, "pair", "tuned_checkpoint")
    if arm.few_shot and arm.instruction_tuned and "both_effect" in p:
        center = center + p["both_effect"]
    return center, variance


def _new_member(posterior: xr.Dataset, name: str, dim: str) -> xr.DataArray:
    """Return the variance of a new member's effect around the mean of those that were scored.

    The model's effects sum to zero over n members, so their common part, of variance sigma^2 / n,
    is in neither the effects nor the intercept.
    """
    return posterior[f"sigma_{name}"] ** 2 * (1 + 1 / posterior.sizes[dim])


@dataclass(frozen=True)
class Attribution:
    """Draws (chain, draw) of E2: the parts add up to the total in every draw."""

    total: xr.DataArray
    few_shot: xr.DataArray
    instruction_tuning: xr.DataArray
    interaction: xr.DataArray

    def shapley(self) -> tuple[xr.DataArray, xr.DataArray]:
        """Return the shares of few-shot and tuning with the interaction halved between them."""
        half = self.interaction / 2
        return self.few_shot + half, self.instruction_tuning + half


def attribute(jumps: xr.DataArray, to: Arm) -> Attribution:
    """Return the split of jump(to) - jump(controlled arm) for one task's (chain, draw, arm).

    A factor that is off in ``to`` gets exactly zero; with one factor on, it gets everything.
    """
    at = {arm: jumps.sel(arm=arm.label, drop=True) for arm in ARMS}
    base = at[CONTROLLED_ARM]
    nothing = xr.zeros_like(base)
    few_shot = at[Arm(True, False)] - base if to.few_shot else nothing
    tuned = at[Arm(False, True)] - base if to.instruction_tuned else nothing
    total = at[to] - base
    return Attribution(total, few_shot, tuned, total - few_shot - tuned)


def surviving(jumps: xr.DataArray, tasks: Sequence[str], rope: float = ROPE) -> xr.DataArray:
    """Return E3 draws: how many of the tasks have a controlled jump above ``rope``."""
    controlled = jumps.sel(arm=CONTROLLED_ARM.label, task=list(tasks))
    return (controlled > rope).sum("task")
