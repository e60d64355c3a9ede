"""E4: how sharp the rise of a curve is, read off the curve of a typical checkpoint.

``transition_width`` is the decades between 10% and 90% of the rise of the expected accuracy over
the sizes that were scored, jump included; set against the gap between the sizes where it rises.

A typical checkpoint is one whose family, recipe and own deviations are zero. The mean over new
families, in which few that are far better stand for all, rises earlier and more slowly than any
family (docs/decisions/0016). A width whose chains disagree, or that few draws have, is not given:
it would be a number by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from toolkit.estimands.estimate import ROPE, SURE, Estimate, estimate, probability
from toolkit.estimands.jumps import CurveAt, expected_accuracy, risen_at
from toolkit.fit.diagnose import ESS_MIN, diagnose_quantities
from toolkit.models.design import Design
from toolkit.models.polynomial import polynomial_at
from toolkit.study.claims import Arm

N_GRID = 61
# Draws used for curves: enough for the Monte Carlo error of a width of some tenths of a decade.
N_DRAWS = 2000
TENTH, NINE_TENTHS = 0.1, 0.9
DECADES = "decades"
# By how much families and checkpoints deviate, the latter on single tasks too.
SPREADS = (
    "sigma_family", "sigma_family_slope", "sigma_checkpoint", "sigma_checkpoint_task",
    "sigma_few_shot_checkpoint", "sigma_pair",
)  # fmt: skip
UNSURE = "whether it rises is not sure"
NOT_CONVERGED = "not converged: too few effective draws"


@dataclass(frozen=True)
class Curves:
    """Accuracy of a typical checkpoint (chain, draw, x) in one task and arm, by size in decades."""

    accuracy: xr.DataArray
    sizes: np.ndarray  # (x,), log10 of parameters
    chance: float


def thinned(posterior: xr.Dataset, n_draws: int = N_DRAWS) -> xr.Dataset:
    """Return evenly spaced draws of every chain, about ``n_draws`` in all."""
    every = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // n_draws)
    return posterior.isel(draw=slice(None, None, every))


def curves_of(
    posterior: xr.Dataset, design: Design, task: str, arm: Arm, curve: CurveAt = polynomial_at
) -> Curves:
    """Return the curves of one task over the sizes that were scored on it, in any arm."""
    index = design.tasks.index(task)
    sizes = design.size[index][design.scored[index]]
    grid = np.linspace(sizes.min(), sizes.max(), N_GRID)
    own = posterior.sel(task=task)
    expected = expected_accuracy(
        typical(own),
        float(design.chance[index]),
        xr.DataArray(grid, dims="x"),
        arm,
        jump_at(own, design, task, arm, grid),
        curve,
    )
    return Curves(
        expected.transpose("chain", "draw", "x"), grid + design.center, float(design.chance[index])
    )


def typical(posterior: xr.Dataset) -> xr.Dataset:
    """Return draws in which new members of every group are like the mean of their group."""
    spreads = [name for name in SPREADS if name in posterior]
    return posterior.assign({name: xr.zeros_like(posterior[name]) for name in spreads})


def jump_at(
    own: xr.Dataset, design: Design, task: str, arm: Arm, grid: np.ndarray
) -> xr.DataArray | float:
    """Return what one task's jump adds to the log-odds of an arm at each size of a grid."""
    if "jump_gap" not in own:
        return 0.0
    middle = xr.DataArray(design.gap_middle[design.tasks.index(task)], dims="gap")
    beyond = xr.DataArray(grid, dims="x") - middle.isel(gap=own["jump_gap"])
    of_arm = own.sel(arm=arm.label)
    return xr.where(of_arm["jump_present"], of_arm["jump_size"], 0.0) * risen_at(own, beyond)


@dataclass(frozen=True)
class Sharpness:
    """E4: the width of the rise against the gap between the sizes in which its middle lies.

    ``width`` is over the draws with a rise beyond the ROPE, whose share is ``p_rises``; None
    without such a rise, or where it did not converge, as ``reading`` says.
    """

    p_rises: Estimate
    width: Estimate | None
    gap: float
    sizes_inside: int
    reading: str


def sharpness(curves: Curves, scored: Sequence[float]) -> Sharpness:
    """Return E4 for the curves of a task and arm scored at sizes ``scored`` (log10)."""
    rises = (rise_of(curves) > ROPE).astype(float)
    p_rises = probability("P(the curve rises by more than the ROPE)", rises)
    width, middles = transition_width(curves)
    middle = float(middles.median()) if middles.notnull().any() else np.nan
    low, high = _gap_around(middle, scored)
    if p_rises.median < 1 - SURE:
        return Sharpness(p_rises, None, high - low, 0, "no rise to measure")
    summary = over_known("width of the rise", width)
    if summary is None:
        return Sharpness(p_rises, None, high - low, 0, NOT_CONVERGED)
    inside = [size for size in np.unique(scored) if abs(size - middle) < summary.median / 2]
    told = _reading(summary, high - low, len(inside))
    reading = told if p_rises.median >= SURE else UNSURE
    return Sharpness(p_rises, summary, high - low, len(inside), reading)


def _reading(width: Estimate, gap: float, n_inside: int) -> str:
    """Say whether "sharp" may be claimed: a rise between two far sizes looks sharp by itself."""
    if width.ci_high < gap:
        return "sharper than the gap"
    if width.ci_low > gap and n_inside > 0:
        return "gradual: wider than the gap"
    return "can't be told from the gap"


def rise_of(curves: Curves) -> xr.DataArray:
    """Return the rise from the smallest to the highest later point, (chain, draw)."""
    return curves.accuracy.max("x") - curves.accuracy.isel(x=0)


def transition_width(curves: Curves) -> tuple[xr.DataArray, xr.DataArray]:
    """Return width and middle of the rise in decades, (chain, draw); NaN without a rise.

    From the first point above 10% of the rise to the first above 90% of it.
    """
    start, rise = curves.accuracy.isel(x=0), rise_of(curves)
    early = first_above(curves, start + TENTH * rise)
    late = first_above(curves, start + NINE_TENTHS * rise)
    enough = rise > ROPE
    return (late - early).where(enough), ((late + early) / 2).where(enough)


def first_above(curves: Curves, level: xr.DataArray | float) -> xr.DataArray:
    """Return the size (log10) at which a curve first exceeds a level, between grid points.

    NaN where it never does.
    """
    values = curves.accuracy.to_numpy()
    goal = np.broadcast_to(np.asarray(level), values.shape[:2])[..., None]
    above = values > goal
    first = above.argmax(axis=-1)
    before = np.maximum(first - 1, 0)
    at = np.take_along_axis(values, first[..., None], -1)[..., 0]
    under = np.take_along_axis(values, before[..., None], -1)[..., 0]
    share = np.where(at > under, (goal[..., 0] - under) / np.where(at > under, at - under, 1), 1)
    size = curves.sizes[before] + np.clip(share, 0, 1) * (
        curves.sizes[first] - curves.sizes[before]
    )
    return xr.DataArray(np.where(above.any(axis=-1), size, np.nan), dims=("chain", "draw"))


def _gap_around(middle: float, scored: Sequence[float]) -> tuple[float, float]:
    """Return the neighbouring scored sizes around a size."""
    sizes = np.unique(scored)
    if np.isnan(middle):
        return float("nan"), float("nan")
    upper = int(np.clip(np.searchsorted(sizes, middle), 1, len(sizes) - 1))
    return float(sizes[upper - 1]), float(sizes[upper])


def over_known(name: str, draws: xr.DataArray) -> Estimate | None:
    """Return the estimate over the draws that are not NaN; None where these do not converge.

    Chains are compared with the median in the place of every NaN, so that they stay as long as
    each other; the effective draws that the others are worth must be enough all the same.
    """
    values = draws.to_numpy().ravel()
    known = values[~np.isnan(values)]
    if not known.size:
        return None
    checks = diagnose_quantities({name: draws.fillna(float(np.median(known)))})
    ess = min(check.value for check in checks.checks if "ESS" in check.name)
    if checks.passed is not True or ess * known.size / values.size < ESS_MIN:
        return None
    return estimate(name, xr.DataArray(known[None], dims=("chain", "draw")), DECADES)
