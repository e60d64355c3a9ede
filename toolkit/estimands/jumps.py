"""Draws -> the quantities a claim speaks of, on the accuracy scale.

E1  ``jump``: expected accuracy just above the jump minus the same draw with the jump switched off,
    for a new checkpoint of a new family, by task and arm. A functional of the posterior, not a
    coefficient; it is exactly zero in draws without a jump.
E2  ``attribute``: the jump in one arm minus the jump in the controlled arm, split over few-shot
    prompting, instruction tuning and their interaction.
E3  ``surviving``: of a set of claims, how many have a jump beyond the region of practical
    equivalence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from toolkit.estimands.estimate import ROPE
from toolkit.models.design import Design
from toolkit.models.model import Model
from toolkit.models.polynomial import Part, polynomial_at
from toolkit.models.power_law import SCALES_WIDE
from toolkit.study.claims import ARM_LABELS, ARMS, CONTROLLED_ARM, Arm

# Part of a curve's log-odds (task by task) at sizes in decades from the design's centre.
CurveAt = Callable[[xr.Dataset, xr.DataArray, Part], xr.DataArray]

# How far above the jump it is read, in decades of parameters.
ABOVE_JUMP = 0.25
# Nodes for averaging over new checkpoints: exact to 1e-4 up to a spread of 3 log-odds.
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


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
