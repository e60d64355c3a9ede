"""M1: a monotone spline over size, with gains that are splines as well.

The base curve is a cubic B-spline whose coefficients never fall, so that it rises in any smooth
way; knots lie at least 0.75 decades apart, so that a rise over much less than that is not in it.
The gains from demonstrations and tuning may rise and fall.
"""

import numpy as np
import pymc as pm
import xarray as xr
from scipy.interpolate import BSpline

from toolkit.models.design import Design
from toolkit.models.effects import Priors, group
from toolkit.models.polynomial import Gain, Part
from toolkit.models.priors import Tensor

DEGREE = 3
# In decades: the shortest distance over which a smooth curve may turn (see docs/decisions).
LEAST_LENGTH = 0.75


def rises(design: Design, x: np.ndarray) -> np.ndarray:
    """Return the rising basis functions at ``x``, (..., basis), zero at the design's centre.

    Each goes smoothly from 0 to 1 (I-splines, Ramsay 1988): sums of the last B-splines. Beyond the
    sizes that were scored the curve stays where it is.
    """
    low, high = size_range(design)
    n_pieces = max(1, int((high - low) // LEAST_LENGTH))
    inner = np.linspace(low, high, n_pieces + 1)
    knots = np.r_[[low] * DEGREE, inner, [high] * DEGREE]
    n_basis = len(knots) - DEGREE - 1

    def cumulated(at: np.ndarray) -> np.ndarray:
        flat = np.clip(np.ravel(at), low, high)
        values = BSpline.design_matrix(flat, knots, DEGREE).toarray()
        sums = values[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
        return sums.reshape(*np.shape(at), n_basis - 1)

    return cumulated(x) - cumulated(np.zeros(1))[0]


def size_range(design: Design) -> tuple[float, float]:
    """Return the smallest and largest size that was scored, in decades from the centre."""
    scored = design.size[design.scored]
    return float(scored.min()), float(scored.max())


class MonotoneSpline:
    """Curve M1; methods as in ``Polynomial``."""

    def base(self, design: Design, priors: Priors) -> Tensor:
        """Return the curve of the controlled arm, which never falls."""
        basis = rises(design, design.size)
        scale = priors["sigma_spline"].variable("sigma_spline")
        steps = pm.HalfNormal("z_spline", 1.0, dims=("task", "rise"))
        weights: Tensor = pm.Deterministic("spline_weights", scale * steps, dims=("task", "rise"))
        intercept = priors["intercept_effect"].variable("intercept_effect", "task")[:, None]
        return intercept + (weights[:, None, :] * basis).sum(axis=-1)

    def gain(self, name: Gain, design: Design, priors: Priors) -> Tensor:
        """Return what demonstrations or tuning add, a spline that may rise and fall."""
        basis = rises(design, design.size)
        scale = priors[f"sigma_{name}_spline"].variable(f"sigma_{name}_spline")
        turns = pm.Normal(f"z_{name}_spline", dims=("task", "rise"))
        weights: Tensor = pm.Deterministic(
            f"{name}_spline_weights", scale * turns, dims=("task", "rise")
        )
        level = group(name, "task", priors, mean=True)[:, None]
        return level + (weights[:, None, :] * basis).sum(axis=-1)

    def coords(self, design: Design) -> dict[str, list[int]]:
        """Return the coordinates that only this curve has."""
        return {"rise": list(range(rises(design, np.zeros(1)).shape[-1]))}

    def at(
        self, posterior: xr.Dataset, design: Design, x: xr.DataArray, part: Part
    ) -> xr.DataArray:
        """Return a part of the log-odds at ``x`` decades from the design's centre."""
        basis = xr.DataArray(rises(design, x.to_numpy()), x.coords, (*x.dims, "rise"))
        name = "spline_weights" if part == "base" else f"{part}_spline_weights"
        level = posterior["intercept_effect" if part == "base" else f"{part}_effect"]
        return level + xr.dot(posterior[name].drop_vars("rise", errors="ignore"), basis, dim="rise")


MONOTONE_SPLINE = MonotoneSpline()
