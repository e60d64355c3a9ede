"""Fitted curves, with a step and without, and exceedance probabilities, as tidy frames."""

import numpy as np
import pandas as pd
import xarray as xr

from toolkit.estimands.curves import jump_at
from toolkit.estimands.jumps import curve_of, expected_accuracy
from toolkit.estimands.measured import sizes_in
from toolkit.fit.draws import Fitted
from toolkit.report.card.score_cells import TAILS
from toolkit.study.claims import ARM_LABELS, ARMS, Arm

N_GRID = 36
# Curves are drawn from this many draws: their bands are read by eye, not to the Monte Carlo error.
N_CURVE_DRAWS = 400
# Of fewer draws the ends of a 90% band would be a handful of them.
N_CURVE_DRAWS_MIN = 100
# A tenth of a point is less than a line's width.
DIGITS = 3
EXCEEDANCE_GRID = np.round(np.arange(0, 0.601, 0.02), 3)
AVERAGED, STEP, SMOOTH = "averaged", "step", "smooth"
VALUES = ("mean", "low", "high")
CURVE_COLUMNS = (
    "task", "arm", "n_params", *(f"{c}_{v}" for c in (AVERAGED, STEP, SMOOTH) for v in VALUES),
)  # fmt: skip


def fitted_curves(fitted: Fitted, seed: int) -> pd.DataFrame:
    """Return mean and interval of the expected score by task, arm and size (``CURVE_COLUMNS``).

    The expectation, a proportion, is for a new checkpoint of a new family: ``AVERAGED`` over all
    draws, over those that have a step in this arm (``STEP``), and over those that have none there
    (``SMOOTH``): the posteriors of the jump and of the smooth model, which the fit averages by
    their probabilities. NaN where too few draws have a curve.
    """
    stacked = fitted.idata["posterior"].to_dataset()
    stacked = stacked.stack(each=("chain", "draw"), create_index=False)  # noqa: PD013
    rng = np.random.default_rng(seed)
    # The same draws for every average: neighbouring curves differ by what they are, not by chance.
    some = stacked.isel(each=_chosen(np.arange(stacked.sizes["each"]), rng))
    tables = []
    for task in fitted.design.tasks:
        for arm in ARMS:
            table = _curve(some, fitted, task, arm, AVERAGED)
            stepped = stacked["jump_present"].sel(task=task, arm=arm.label).to_numpy()
            for name, having in ((STEP, stepped), (SMOOTH, ~stepped)):
                if having.sum() >= N_CURVE_DRAWS_MIN and not table.empty:
                    draws = stacked.isel(each=_chosen(np.flatnonzero(having), rng))
                    own = _curve(draws, fitted, task, arm, name)
                    table = table.join(own[[f"{name}_{value}" for value in VALUES]])
            tables.append(table)
    return pd.concat(tables, ignore_index=True).reindex(columns=list(CURVE_COLUMNS))


def _chosen(draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(draws, size=min(N_CURVE_DRAWS, draws.size), replace=False)


def _curve(draws: xr.Dataset, fitted: Fitted, task: str, arm: Arm, name: str) -> pd.DataFrame:
    """Return the curve of one task and arm over its sizes; empty where it was not measured."""
    design = fitted.design
    index = design.tasks.index(task)
    sizes = sizes_in(design, index, arm)
    if np.unique(sizes).size < 2:
        return pd.DataFrame()
    grid = np.linspace(sizes.min(), sizes.max(), N_GRID)
    own, x = draws.sel(task=task), xr.DataArray(grid, dims="x")
    lift = jump_at(own, design, task, arm, grid)
    curve = curve_of(fitted.model, design)
    expected = expected_accuracy(own, float(design.chance[index]), x, arm, lift, curve)
    low, high = (expected.quantile(q, "each") for q in TAILS)
    return pd.DataFrame(
        {
            "task": task,
            "arm": arm.label,
            "n_params": _rounded(10 ** (grid + design.center)),
            f"{name}_mean": expected.mean("each").to_numpy().round(DIGITS),
            f"{name}_low": low.to_numpy().round(DIGITS),
            f"{name}_high": high.to_numpy().round(DIGITS),
        }
    )


def _rounded(sizes: np.ndarray) -> list[float]:
    """Return sizes with four digits: a page holds thousands of them."""
    return [float(f"{size:.4g}") for size in sizes]


def exceedance(jumps: xr.DataArray, task: str) -> pd.DataFrame:
    """Return P(jump > x) by arm on a grid of x; columns arm, jump, probability."""
    of_task = jumps.sel(task=task)
    rows = [pd.DataFrame({"arm": [], "jump": [], "probability": []})]
    for label in ARM_LABELS:
        draws = of_task.sel(arm=label).to_numpy().ravel()
        if np.isnan(draws).all():  # an arm that was not scored
            continue
        larger = [(draws > x).mean() for x in EXCEEDANCE_GRID]
        rows.append(pd.DataFrame({"arm": label, "jump": EXCEEDANCE_GRID, "probability": larger}))
    return pd.concat(rows, ignore_index=True)
