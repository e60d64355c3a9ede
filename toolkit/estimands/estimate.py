"""Draws -> a number with its interval and Monte Carlo errors, and the limits it is read by."""

import math
from dataclasses import dataclass

import arviz_stats as azs
import numpy as np
import xarray as xr
from scipy import stats

CI_PROB = 0.90
CI_KIND = "eti"
# Half-width of the region of practical equivalence: Lu et al. call rises below it marginal.
ROPE = 0.05
# A jump above it is material; as readers see it.
MATERIAL = f"{100 * ROPE:.0f} points"
# From this probability on something is called sure, and from one minus it as surely not so.
SURE = 0.95
POINTS = "proportion"


@dataclass(frozen=True)
class Estimate:
    """A posterior summary that carries its interval's kind and its Monte Carlo errors.

    ``mcse`` is that of the median (or of a probability), the others those of the interval's ends,
    NaN where the interval is none of draws.
    """

    name: str
    unit: str
    median: float
    ci_low: float
    ci_high: float
    ci_prob: float
    ci_kind: str
    mcse: float
    mcse_low: float = math.nan
    mcse_high: float = math.nan


def estimate(name: str, draws: xr.DataArray, unit: str = POINTS) -> Estimate:
    """Return median and equal-tailed interval of (chain, draw), each with its Monte Carlo error."""
    tail = (1 - CI_PROB) / 2
    low, median, high = np.quantile(draws.to_numpy(), [tail, 0.5, 1 - tail]).tolist()
    ends = quantile_mcse(draws, tail), quantile_mcse(draws, 1 - tail)
    return Estimate(
        name, unit, median, low, high, CI_PROB, CI_KIND, quantile_mcse(draws, 0.5), *ends
    )


def probability(name: str, event: xr.DataArray) -> Estimate:
    """Return the posterior probability of an event, with its Monte Carlo error.

    The value stands in ``median``; the interval is that of the Monte Carlo error, since a
    probability has no posterior of its own.
    """
    return probability_of(name, float(event.mean()), mean_mcse(event), event.size)


def probability_of(name: str, p: float, error: float, n_draws: int) -> Estimate:
    """Return a probability with this Monte Carlo error, from so many draws."""
    n = n_draws if error == 0 else min(n_draws, p * (1 - p) / error**2)
    # Jeffreys' interval for as many independent draws as these are worth: not empty at 0 and 1.
    tail = (1 - CI_PROB) / 2
    low, high = stats.beta.ppf([tail, 1 - tail], p * n + 0.5, (1 - p) * n + 0.5)
    return Estimate(
        name, "probability", p, min(float(low), p), max(float(high), p), CI_PROB, "mcse", error
    )


def mean_mcse(draws: xr.DataArray) -> float:
    """Return the Monte Carlo error of the mean of (chain, draw); 0 for a constant."""
    values = draws.astype(float)
    if float(values.std()) == 0.0:
        return 0.0
    return float(azs.mcse(values, sample_dims=["chain", "draw"], method="mean"))


def quantile_mcse(draws: xr.DataArray, p: float) -> float:
    """Return the Monte Carlo error of a quantile of (chain, draw); 0 for a constant."""
    values = draws.astype(float)
    if float(values.std()) == 0.0:
        return 0.0
    return float(azs.mcse(values, sample_dims=["chain", "draw"], method="quantile", prob=p))
