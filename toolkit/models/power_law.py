"""M3: a smoothly broken rise: a straight line and a sigmoid with a free place, height and width.

On the log-odds scale, so that it contains the four-parameter logistic and, with the line, a
smoothly broken power law of the odds. The width is that of the middle 80% of the sigmoid. Alone it
is free to be sharp, and then tells how sharp the rise is (E4); as the smooth part under a jump it
is at least as wide as the other rivals' least length, else it would be a jump itself.
"""

from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import expit

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.polynomial import BENT, STRAIGHT, Gain, Part, polynomial_at
from toolkit.models.priors import Tensor
from toolkit.models.spline import LEAST_LENGTH

# A logistic goes from 10% to 90% over this many of its scales: 2 log 9.
SCALES_WIDE = 2 * np.log(9)


@dataclass(frozen=True)
class BrokenRise:
    """Curve M3; methods as in ``Polynomial``. ``least_width`` in decades."""

    least_width: float

    def base(self, design: Design, priors: Priors) -> Tensor:
        """Return the curve of the controlled arm."""
        # One scale for all tasks: with a free height in each, some task of many is always steep.
        scale = priors["sigma_rise"].variable("sigma_rise")
        share = pm.HalfNormal("z_rise", 1.0, dims="task")
        height: Tensor = pm.Deterministic("rise_height", scale * share, dims="task")
        place = priors["rise_place"].variable("rise_place", "task")
        more = priors["rise_width"].variable("rise_width", "task")
        width: Tensor = pm.Deterministic("rise_decades", self.least_width + more, dims="task")
        away = (design.size - place[:, None]) * SCALES_WIDE / width[:, None]
        return STRAIGHT.base(design, priors) + height[:, None] * pt.sigmoid(away)

    def gain(self, name: Gain, design: Design, priors: Priors) -> Tensor:
        """Return what demonstrations or tuning add."""
        return BENT.gain(name, design, priors)

    def at(
        self,
        posterior: xr.Dataset,
        design: Design,  # noqa: ARG002
        x: xr.DataArray,
        part: Part,
    ) -> xr.DataArray:
        """Return a part of the log-odds at ``x`` decades from the design's centre."""
        total = polynomial_at(posterior, x, part)
        if part != "base":
            return total
        p = posterior
        away = (x - p["rise_place"]) * SCALES_WIDE / p["rise_decades"]
        return total + p["rise_height"] * xr.apply_ufunc(expit, away)


FREE_RISE = BrokenRise(least_width=0.0)
WIDE_RISE = BrokenRise(least_width=LEAST_LENGTH)
