"""Straight and bent curves over size; the other curves add their own terms to these."""

from dataclasses import dataclass
from typing import Literal

import xarray as xr

from toolkit.models.design import Design
from toolkit.models.effects import Priors, group
from toolkit.models.priors import Tensor

Gain = Literal["few_shot", "tuned"]
Part = Literal["base", "few_shot", "tuned"]


@dataclass(frozen=True)
class Polynomial:
    """Log-odds over size by task: straight, or bent by a curvature.

    Every curve has these methods: ``base`` and ``gain`` make the variables and return log-odds by
    cell (task, slot); ``at`` evaluates a part of it from draws at any size.
    """

    bent: bool

    def base(self, design: Design, priors: Priors) -> Tensor:
        """Return the curve of the controlled arm."""
        x = design.size
        intercept = priors["intercept_effect"].variable("intercept_effect", "task")[:, None]
        slope = group("slope", "task", priors, mean=True, centered=design.is_dense)
        total = intercept + slope[:, None] * x
        if self.bent:
            total += 0.5 * group("curvature", "task", priors)[:, None] * x**2
        return total

    def gain(self, name: Gain, design: Design, priors: Priors) -> Tensor:
        """Return what demonstrations or tuning add: it may grow with size, and bend.

        What an additive or straight gain leaves over would be taken for a jump.
        """
        x = design.size
        total = group(name, "task", priors, mean=True)[:, None]
        total += group(f"{name}_slope", "task", priors, mean=True)[:, None] * x
        if self.bent:
            total += 0.5 * group(f"{name}_curvature", "task", priors)[:, None] * x**2
        return total

    def at(
        self,
        posterior: xr.Dataset,
        design: Design,  # noqa: ARG002
        x: xr.DataArray,
        part: Part,
    ) -> xr.DataArray:
        """Return a part of the log-odds at ``x`` decades from the design's centre."""
        return polynomial_at(posterior, x, part)


def polynomial_at(posterior: xr.Dataset, x: xr.DataArray, part: Part) -> xr.DataArray:
    """Return intercept, slope and curvature of a part at ``x``, as far as the draws have them."""
    p = posterior
    prefix = "" if part == "base" else f"{part}_"
    total = p["intercept_effect"] if part == "base" else p[f"{part}_effect"]
    if f"{prefix}slope_effect" in p:
        total = total + p[f"{prefix}slope_effect"] * x
    if f"{prefix}curvature_effect" in p:
        total = total + 0.5 * p[f"{prefix}curvature_effect"] * x**2
    return total


STRAIGHT = Polynomial(bent=False)
BENT = Polynomial(bent=True)
