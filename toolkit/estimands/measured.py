"""Which arms a study has: what was not scored is not estimated.

The model draws a jump in every arm, from its prior where there are no scores (and mostly so where
they are of one size). Such draws are no estimates: they are NaN in everything that is reported, and
shown as "not measured".
"""

import numpy as np
import xarray as xr

from toolkit.estimands.jumps import curve_of, jump
from toolkit.fit.draws import Fitted
from toolkit.models.design import Design
from toolkit.study.claims import ARMS, Arm


def measured_arms(design: Design, task: int) -> dict[Arm, bool]:
    """Return of each arm whether a task, by its number, was scored there at two sizes or more."""
    return dict(zip(ARMS, design.arms_measured[task].tolist(), strict=True))


def sizes_in(design: Design, task: int, arm: Arm) -> np.ndarray:
    """Return the size of each cell of a task, by its number, in an arm, from the centre."""
    return design.size[task][_cells_in(design, task, arm)]


def scored_in(design: Design, task: int, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
    """Return size (log10 of parameters) and score of each cell of a task in an arm."""
    own = _cells_in(design, task, arm)
    scores = design.n_correct[task][own] / design.n_items[task][own]
    return design.size[task][own] + design.center, scores


def _cells_in(design: Design, task: int, arm: Arm) -> np.ndarray:
    """Return which slots of a task are its cells in an arm."""
    return design.scored[task] & (design.arm[task] == ARMS.index(arm))


def jumps_of(fitted: Fitted) -> xr.DataArray:
    """Return E1 draws (chain, draw, task, arm) of a fit, NaN in arms that were not scored."""
    design, posterior = fitted.design, fitted.idata["posterior"].to_dataset()
    return only_measured(jump(posterior, design, curve_of(fitted.model, design)), design)


def only_measured(jumps: xr.DataArray, design: Design) -> xr.DataArray:
    """Return E1 draws (chain, draw, task, arm), NaN in arms that a task was not scored in."""
    return jumps.where(xr.DataArray(design.arms_measured, dims=("task", "arm")))
