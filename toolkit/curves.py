"""E4 and E6: how sharp the rise of a curve is, and from which size on an arm shows the ability.

E4  ``transition_width``: the decades between 10% and 90% of the rise of the expected accuracy over
    the sizes that were scored, jump included; set against the gap between the sizes where it rises.
E6  ``onset``: the size from which on an arm's expected accuracy is more than the region of
    practical equivalence above chance.

Both read the expected accuracy of a typical checkpoint on a grid of sizes: one whose family,
recipe and own deviations are zero. The mean over new families, in which few that are far better
stand for all, rises earlier and more slowly than any family (docs/decisions/0016). A size or
width whose chains disagree, or that few draws have, is not given: it would be a number by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from toolkit.claims import Arm
from toolkit.diagnose import ESS_MIN, diagnose_quantities
from toolkit.estimands import (
    ROPE,
    CurveAt,
    Estimate,
    estimate,
    expected_accuracy,
    probability,
    risen_at,
)
from toolkit.models.design import Design
from toolkit.models.polynomial import polynomial_at

N_GRID = 61
# Draws used for curves: enough for the Monte Carlo error of a width of some tenths of a decade.
N_DRAWS = 2000
TENTH, NINE_TENTHS = 0.1, 0.9
SURE = 0.95
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
    summary = _over_known("width of the rise", width)
    if summary is None:
        return Sharpness(p_rises, None, high - low, 0, NOT_CONVERGED)
    inside = [size for size in scored if abs(size - middle) < summary.median / 2]
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
    early = _first_above(curves, start + TENTH * rise)
    late = _first_above(curves, start + NINE_TENTHS * rise)
    enough = rise > ROPE
    return (late - early).where(enough), ((late + early) / 2).where(enough)


def _first_above(curves: Curves, level: xr.DataArray | float) -> xr.DataArray:
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


def _over_known(name: str, draws: xr.DataArray) -> Estimate | None:
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


@dataclass(frozen=True)
class Onset:
    """E6 of one arm: from which size on it shows the ability.

    ``sure_from`` is the smallest size (parameters) from which the curve exceeds chance plus the
    ROPE with probability 0.95, or None within the scored sizes; ``p_within`` the probability that
    it does so anywhere in them, and ``p_smallest`` that it does so at the smallest already, where
    the onset lies somewhere below. ``at`` is the size of the crossing among the draws that have one
    (log10, the smallest size standing for all below); None where they are too few. Of the
    ``n_up_to`` scored cells up to ``sure_from``, ``n_showing`` score so high: where these are few,
    the curve misses what was seen there.
    """

    arm: str
    sure_from: float | None
    p_within: Estimate
    p_smallest: Estimate
    at: Estimate | None
    n_up_to: int
    n_showing: int


def onset(curves: Curves, arm: Arm, sizes: np.ndarray, scores: np.ndarray) -> Onset:
    """Return E6 for the curves of a task and arm, with its cells' sizes (log10) and scores."""
    level = curves.chance + ROPE
    above = curves.accuracy > level
    sure = above.mean(("chain", "draw")).to_numpy() >= SURE
    upto = curves.sizes[int(sure.argmax())] if sure.any() else -np.inf
    seen = scores[sizes <= upto + 1e-9]
    return Onset(
        arm.label,
        float(10**upto) if sure.any() else None,
        probability("P(onset within the sizes)", above.any("x").astype(float)),
        probability("P(shown at the smallest size)", above.isel(x=0).astype(float)),
        _over_known("size at which the arm shows the ability", _first_above(curves, level)),
        n_up_to=len(seen),
        n_showing=int((seen > level).sum()),
    )


def onset_shift(controlled: Curves, other: Curves) -> Estimate | None:
    """Return how many decades earlier ``other`` shows the ability than the controlled arm.

    Over the draws in which both do within the sizes, and neither at the smallest already, where
    only a bound is known; None when these are too few.
    """
    crossings = []
    for each in (controlled, other):
        level = each.chance + ROPE
        crossings.append(
            _first_above(each, level).where(each.accuracy.isel(x=0, drop=True) <= level)
        )
    shift = crossings[0] - crossings[1]
    if float(shift.notnull().mean()) < SURE:
        return None
    return _over_known("decades earlier than the controlled arm", shift)
