"""Expected accuracy of every cell from posterior draws: for checks, held-out cells and influence.

The same linear predictor as the models', from the draws that a fit keeps; a test holds the two
together.
"""

import numpy as np
import xarray as xr
from scipy import special

from toolkit.estimands.jumps import risen_at
from toolkit.fit.draws import Fitted
from toolkit.models.design import Design
from toolkit.models.likelihood import EDGE, concentration_of
from toolkit.study.claims import ARM_LABELS

CELL = ("task", "slot")


def predicted_cells(posterior: xr.Dataset, fitted: Fitted) -> xr.Dataset:
    """Return ``accuracy`` (draw, task, slot) and ``concentration`` (draw, task) of some draws.

    ``posterior`` holds the draws of ``fitted`` to use; chains are put in one row. The jump is
    applied in the draws that have it.
    """
    design = fitted.design
    plain = posterior.drop_vars(["chain", "draw"], errors="ignore")
    stacked = plain.stack(each=("chain", "draw"), create_index=False).rename(each="draw")
    p = stacked.drop_vars([n for n in stacked.coords if n not in ("arm",)], errors="ignore")
    log_odds = smooth_log_odds(p, fitted)
    if fitted.model.jumps:
        log_odds = log_odds + _lift(p, design)
    return xr.Dataset(
        {
            "accuracy": _accuracy(p, design, log_odds).transpose("draw", *CELL),
            "concentration": concentration_of(p["dispersion_sd"]).transpose("draw", "task"),
        }
    )


def smooth_log_odds(p: xr.Dataset, fitted: Fitted) -> xr.DataArray:
    """Return the smooth part of every cell's log-odds, without any jump."""
    design, curve = fitted.design, fitted.model.curve
    size = xr.DataArray(design.size, dims=CELL)
    few_shot, tuned = (xr.DataArray(v, dims=CELL) for v in (design.few_shot, design.tuned))
    total = curve.at(p, design, size, "base")
    total = total + _of(p, "family", "lm_family", design.family)
    total = total + _of(p, "family_slope", "lm_family", design.family) * size
    total = total + _of(p, "checkpoint", "base", design.base)
    total = total + _of(p, "checkpoint_task", "checkpoint_task", design.checkpoint_task)
    if design.few_shot.any():
        own = _of(p, "few_shot_checkpoint", "base", design.base)
        total = total + few_shot * (curve.at(p, design, size, "few_shot") + own)
    if design.tuned.any():
        pair = _of(p, "pair", "tuned_checkpoint", design.tuned_checkpoint)
        total = total + tuned * (curve.at(p, design, size, "tuned") + pair)
    if "both_effect" in p:
        total = total + few_shot * tuned * p["both_effect"]
    return total


def _of(p: xr.Dataset, name: str, dim: str, index: np.ndarray) -> xr.DataArray:
    """Return the effect of every cell's member."""
    return p[f"{name}_effect"].isel({dim: xr.DataArray(index, dims=CELL)})


def _lift(p: xr.Dataset, design: Design) -> xr.DataArray:
    """Return what the jump adds to every cell's log-odds."""
    middle = xr.DataArray(design.gap_middle, dims=("task", "gap")).isel(gap=p["jump_gap"])
    risen = risen_at(p, xr.DataArray(design.size, dims=CELL) - middle)
    size = xr.where(p["jump_present"], p["jump_size"], 0.0)
    in_arm = (design.arm[:, :, None] == np.arange(len(ARM_LABELS))).astype(float)
    return risen * xr.dot(size, xr.DataArray(in_arm, dims=(*CELL, "arm")), dim="arm")


def _accuracy(p: xr.Dataset, design: Design, log_odds: xr.DataArray) -> xr.DataArray:
    chance = xr.DataArray(design.chance, dims="task")
    able = (1 - p["lapse"]) * xr.apply_ufunc(special.expit, log_odds)
    expected = chance + (1 - chance) * able
    if design.has_compliance.any():
        expected = expected * _compliance(p, design)
    return expected.clip(EDGE, 1 - EDGE)


def _compliance(p: xr.Dataset, design: Design) -> xr.DataArray:
    """Return the probability of a parseable answer in every cell."""
    exact = xr.DataArray(np.maximum(np.cumsum(design.has_compliance) - 1, 0), dims="task")
    few_shot, tuned, size = (
        xr.DataArray(v, dims=CELL) for v in (design.few_shot, design.tuned, design.size)
    )
    log_odds = (
        p["compliance_intercept"].isel(exact_match_task=exact)
        + p["compliance_slope"] * size
        + p["compliance_few_shot"] * few_shot
        + p["compliance_tuned"] * tuned
        + _of(p, "compliance", "checkpoint", design.checkpoint)
    )
    parsed = xr.apply_ufunc(special.expit, log_odds)
    return xr.where(xr.DataArray(design.has_compliance, dims="task"), parsed, 1.0)
