"""Fitted curves and exceedance probabilities for the charts, as tidy frames."""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from toolkit.claims import ARM_LABELS, ARMS, Arm
from toolkit.estimands import CI_PROB, expected_accuracy
from toolkit.models.design import Design

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


def fitted_curves(posterior: xr.Dataset, design: Design, seed: int) -> pd.DataFrame:
    """Return mean and interval of the expected score by task, arm and size.

    Columns task, shots, instruction_tuned, n_params, mean, low, high; the expectation is for a new
    checkpoint of a new family, jump included.
    """
    stacked = posterior.stack(each=("chain", "draw"), create_index=False)  # noqa: PD013
    n_draws = stacked.sizes["each"]
    chosen = np.random.default_rng(seed).choice(
        n_draws, size=min(N_CURVE_DRAWS, n_draws), replace=False
    )
    some = stacked.isel(each=chosen)
    return pd.concat(
        [_task_curves(some, design, task, arm) for task in design.tasks for arm in ARMS],
        ignore_index=True,
    )


def _task_curves(draws: xr.Dataset, design: Design, task: str, arm: Arm) -> pd.DataFrame:
    """Return the curve of one task and arm over the sizes that were scored there."""
    index = design.tasks.index(task)
    scored = (design.n_items[index] > 0) & (design.tuned[index] == arm.instruction_tuned)
    scored &= design.few_shot[index] == arm.few_shot
    sizes = design.size[index][scored]
    if sizes.size == 0:
        return pd.DataFrame()
    grid = np.linspace(sizes.min(), sizes.max(), N_GRID)
    x = xr.DataArray(grid, dims="x")
    own = draws.sel(task=task)
    place = xr.DataArray(design.gap_middle[index], dims="gap").isel(gap=own["jump_gap"])
    of_arm = own.sel(arm=arm.label)
    jump = xr.where(of_arm["jump_present"] & (x >= place), of_arm["jump_size"], 0.0)
    expected = expected_accuracy(own, float(design.chance[index]), x, arm, jump)
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
        larger = [(draws > x).mean() for x in EXCEEDANCE_GRID]
        rows.append(pd.DataFrame({"arm": label, "jump": EXCEEDANCE_GRID, "probability": larger}))
    return pd.concat(rows, ignore_index=True)
