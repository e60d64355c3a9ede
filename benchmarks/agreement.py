"""Whether two sets of posterior draws agree, as far as their Monte Carlo errors can tell.

A quantity is one element of one variable, named ``slope_effect[flat]``.
"""

import itertools
import math
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import arviz_stats as azs
import numpy as np
import xarray as xr
from scipy import stats

from toolkit.fit.diagnose import TAILS

SAMPLE_DIMS = ["chain", "draw"]
# Means and SDs may differ by so many combined Monte Carlo standard errors.
Z_MAX = 4.0

Summary = dict[str, float]


def summarise(draws: xr.Dataset) -> dict[str, Summary]:
    """Return mean, SD, Monte Carlo errors, R-hat and ESS of each quantity of (chain, draw, ...)."""
    summaries: dict[str, Summary] = {}
    for name, values in draws.astype(float).items():
        statistics = _statistics(values)
        dims = [dim for dim in values.dims if dim not in SAMPLE_DIMS]
        for index in itertools.product(*(range(values.sizes[dim]) for dim in dims)):
            at = dict(zip(dims, index, strict=True))
            labels = ", ".join(str(values[dim].to_numpy()[i]) for dim, i in at.items())
            quantity = f"{name}[{labels}]" if labels else str(name)
            summaries[quantity] = {k: float(v.isel(at)) for k, v in statistics.items()}
    return summaries


def _statistics(values: xr.DataArray) -> dict[str, xr.DataArray]:
    constant = (values == values.isel(chain=0, draw=0)).all(SAMPLE_DIMS)
    n_draws = values.sizes["chain"] * values.sizes["draw"]
    with warnings.catch_warnings():
        # ArviZ divides by the zero variance of a constant, which is replaced here.
        warnings.simplefilter("ignore", RuntimeWarning)
        of = {"sample_dims": SAMPLE_DIMS}
        return {
            "mean": values.mean(SAMPLE_DIMS),
            "sd": values.std(SAMPLE_DIMS, ddof=1),
            "mcse_mean": azs.mcse(values, method="mean", **of).where(~constant, 0.0),
            "mcse_sd": azs.mcse(values, method="sd", **of).where(~constant, 0.0),
            "rhat": azs.rhat(values, **of).where(~constant, 1.0),
            "ess_bulk": azs.ess(values, method="bulk", **of).where(~constant, n_draws),
            "ess_tail": azs.ess(values, method="tail", prob=TAILS, **of).where(~constant, n_draws),
        }


def z_score(first: Summary, second: Summary, of: Literal["mean", "sd"] = "mean") -> float:
    """Return how many combined Monte Carlo standard errors two means, or two SDs, lie apart."""
    difference = abs(first[of] - second[of])
    error = math.hypot(first[f"mcse_{of}"], second[f"mcse_{of}"])
    if error == 0:
        return 0.0 if difference < 1e-6 else math.inf
    return difference / error


def compare(
    first: Mapping[str, Summary], second: Mapping[str, Summary]
) -> dict[str, dict[str, float]]:
    """Return for each quantity how far apart means and SDs lie, and the ratio of the SDs.

    Raises
    ------
    ValueError
        When the two do not have the same quantities.
    """
    if set(first) != set(second):
        only = sorted(set(first) ^ set(second))
        msg = f"got quantities that only one of the two has: {', '.join(only[:5])}."
        raise ValueError(msg)
    return {
        name: {
            "z": z_score(first[name], second[name]),
            "z_of_sd": z_score(first[name], second[name], "sd"),
            "sd_ratio": first[name]["sd"] / second[name]["sd"] if second[name]["sd"] else 1.0,
        }
        for name in first
    }


def furthest(compared: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Return the largest disagreement in means and in SDs, with the quantity that has it."""
    by_mean = max(compared, key=lambda name: compared[name]["z"])
    by_sd = max(compared, key=lambda name: compared[name]["z_of_sd"])
    by_ratio = max(compared, key=lambda name: abs(np.log(compared[name]["sd_ratio"])))
    return {
        "quantities": len(compared),
        "largest_z": compared[by_mean]["z"],
        "largest_z_of": by_mean,
        "z_expected_of_the_largest": expected_largest_z(len(compared)),
        "largest_z_of_sd": compared[by_sd]["z_of_sd"],
        "largest_z_of_sd_of": by_sd,
        "furthest_sd_ratio": compared[by_ratio]["sd_ratio"],
        "furthest_sd_ratio_of": by_ratio,
    }


def expected_largest_z(n: int) -> float:
    """Return the median of the largest of ``n`` independent absolute standard normals."""
    return float(stats.norm.isf((1 - 0.5 ** (1 / n)) / 2))
