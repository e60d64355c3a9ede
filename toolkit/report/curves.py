"""Fitted curves and exceedance probabilities for the charts, as tidy frames."""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from toolkit.claims import ARM_LABELS, ARMS, Arm
from toolkit.curves import jump_at
from toolkit.estimands import CI_PROB, curve_of, expected_accuracy
from toolkit.fit import Fitted
from toolkit.measured import sizes_in

N_GRID = 40
# Curves are drawn from this many draws: their bands are read by eye, not to the Monte Carlo error.
N_CURVE_DRAWS = 400
TAILS = ((1 - CI_PROB) / 2, 1 - (1 - CI_PROB) / 2)
EXCEEDANCE_GRID = np.round(np.arange(0, 0.601, 0.02), 3)


def cell_intervals(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with a Jeffreys interval (low, high) and their prompt in words."""
    k, n = cells["n_correct"], cells["n_items"]
    return cells.assign(
        low=stats.beta.ppf(TAILS[0], k + 0.5, n - k + 0.5),
        high=stats.beta.ppf(TAILS[1], k + 0.5, n - k + 0.5),
        shots=np.where(cells["n_shots"] > 0, "few-shot", "zero-shot"),
    )


def fitted_curves(fitted: Fitted, seed: int) -> pd.DataFrame:
    """Return mean and interval of the expected score by task, arm and size.

    Columns task, shots, instruction_tuned, n_params, mean, low, high; the expectation is for a new
    checkpoint of a new family, jump included.
    """
    stacked = fitted.idata["posterior"].to_dataset()
    stacked = stacked.stack(each=("chain", "draw"), create_index=False)  # noqa: PD013
    n_draws = stacked.sizes["each"]
    chosen = np.random.default_rng(seed).choice(
        n_draws, size=min(N_CURVE_DRAWS, n_draws), replace=False
    )
    some = stacked.isel(each=chosen)
    return pd.concat(
        [_task_curves(some, fitted, task, arm) for task in fitted.design.tasks for arm in ARMS],
        ignore_index=True,
    )


def _task_curves(draws: xr.Dataset, fitted: Fitted, task: str, arm: Arm) -> pd.DataFrame:
    """Return the curve of one task and arm over the sizes that were scored there."""
    design = fitted.design
    index = design.tasks.index(task)
    sizes = sizes_in(design, index, arm)
    if sizes.size == 0:
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
            "shots": "few-shot" if arm.few_shot else "zero-shot",
            "instruction_tuned": arm.instruction_tuned,
            "n_params": 10 ** (grid + design.center),
            "mean": expected.mean("each").to_numpy(),
            "low": low.to_numpy(),
            "high": high.to_numpy(),
        }
    )


def exceedance(jumps: xr.DataArray, task: str) -> pd.DataFrame:
    """Return P(jump > x) by arm on a grid of x; columns arm, jump, probability."""
    of_task = jumps.sel(task=task)
    rows = []
    for label in ARM_LABELS:
        draws = of_task.sel(arm=label).to_numpy().ravel()
        if np.isnan(draws).all():  # an arm that was not scored
            continue
        larger = [(draws > x).mean() for x in EXCEEDANCE_GRID]
        rows.append(pd.DataFrame({"arm": label, "jump": EXCEEDANCE_GRID, "probability": larger}))
    return pd.concat(rows, ignore_index=True)
