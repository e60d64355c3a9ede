"""M2: a straight line plus a Gaussian process over size, free to rise, fall and turn.

Matern 5/2 with a length scale of at least 0.75 decades, in the Hilbert-space approximation
(Riutort-Mayol et al. 2023): a sum of sines on an interval wider than the sizes by 2.5 decades on
each side. The sines are zero at its ends: with less room the curves would be tied down at the
smallest and largest sizes.
"""

import math

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.polynomial import STRAIGHT, Gain, Part, polynomial_at
from toolkit.models.priors import Tensor
from toolkit.models.spline import LEAST_LENGTH, size_range

# In decades. The SD at the smallest and largest size is then right to 1% at length scales up to
# 1.4, and to 5% up to 2.2, where 95% of their prior lies.
ROOM = 2.5


def _half_width(design: Design) -> tuple[float, float]:
    """Return the middle of the sizes and half the width of the interval of the sines."""
    low, high = size_range(design)
    return (low + high) / 2, (high - low) / 2 + ROOM


def sines(design: Design, x: np.ndarray) -> np.ndarray:
    """Return the sines at ``x``, (..., sine).

    As many as the shortest length scale needs (Riutort-Mayol et al. 2023, Matern 5/2: 2.65 times
    half the interval over the length scale).
    """
    middle, half = _half_width(design)
    n = math.ceil(2.65 * half / LEAST_LENGTH)
    k = np.arange(1, n + 1)
    angle = np.pi * k * (np.asarray(x)[..., None] - middle + half) / (2 * half)
    return np.sin(angle) / math.sqrt(half)


def _spread(design: Design, length: Tensor, n: int) -> Tensor:
    """Return the prior SD of each sine's weight for a process of SD 1."""
    _, half = _half_width(design)
    frequency = np.pi * np.arange(1, n + 1) / (2 * half)
    rate = math.sqrt(5) / length
    density = (16 / 3) * rate**5 / (rate**2 + frequency**2) ** 3
    return pt.sqrt(density)


class GaussianProcess:
    """Curve M2; methods as in ``Polynomial``."""

    def base(self, design: Design, priors: Priors) -> Tensor:
        """Return the curve of the controlled arm."""
        more = priors["gp_length_more"].variable("gp_length_more")
        pm.Deterministic("gp_length", LEAST_LENGTH + more)
        return STRAIGHT.base(design, priors) + self._deviation("gp", design, priors)

    def gain(self, name: Gain, design: Design, priors: Priors) -> Tensor:
        """Return what demonstrations or tuning add."""
        straight = STRAIGHT.gain(name, design, priors)
        return straight + self._deviation(f"{name}_gp", design, priors)

    def _deviation(self, name: str, design: Design, priors: Priors) -> Tensor:
        basis = sines(design, design.size)
        length = pm.modelcontext(None)["gp_length"]
        scale = priors[f"sigma_{name}"].variable(f"sigma_{name}")
        z = pm.Normal(f"z_{name}", dims=("task", "sine"))
        weights: Tensor = pm.Deterministic(
            f"{name}_weights",
            scale * z * _spread(design, length, basis.shape[-1]),
            dims=("task", "sine"),
        )
        return (weights[:, None, :] * basis).sum(axis=-1)

    def coords(self, design: Design) -> dict[str, list[int]]:
        """Return the coordinates that only this curve has."""
        return {"sine": list(range(sines(design, np.zeros(1)).shape[-1]))}

    def at(
        self, posterior: xr.Dataset, design: Design, x: xr.DataArray, part: Part
    ) -> xr.DataArray:
        """Return a part of the log-odds at ``x`` decades from the design's centre."""
        basis = xr.DataArray(sines(design, x.to_numpy()), x.coords, (*x.dims, "sine"))
        name = "gp_weights" if part == "base" else f"{part}_gp_weights"
        weights = posterior[name].drop_vars("sine", errors="ignore")
        return polynomial_at(posterior, x, part) + xr.dot(weights, basis, dim="sine")


GAUSSIAN_PROCESS = GaussianProcess()
