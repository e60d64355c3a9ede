"""May this fit be trusted? Thresholds stand here, once; reports print them from here.

A ``Check`` is three-valued: True, False, or None where it could not be made. ``Diagnosis.passed``
is True only when every check is: what was not checked is not trusted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import arviz_stats as azs
import numpy as np
import xarray as xr

# Vehtari et al. 2021 recommend R-hat below 1.01 and a bulk ESS of at least 400 over four chains.
RHAT_MAX = 1.01
ESS_MIN = 400
# A rare divergence comes from rounding in a tail; a region that the sampler can't enter gives many.
DIVERGENT_SHARE_MAX = 0.001
# Betancourt 2016: below 0.3 the momentum can't explore the energies.
BFMI_MIN = 0.3


@dataclass(frozen=True)
class Check:
    """One check of a fit: passed is True, False, or None (not checked)."""

    name: str
    value: float
    threshold: float
    passed: bool | None

    @property
    def text(self) -> str:
        """Return the check as one line."""
        state = {True: "ok", False: "failed", None: "not checked"}[self.passed]
        return f"{self.name}: {self.value:.3g} (threshold {self.threshold:g}, {state})"


@dataclass(frozen=True)
class Diagnosis:
    """All checks that a reported number rests on."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool | None:
        """Return False when a check failed, None when one could not be made, else True."""
        states = [check.passed for check in self.checks]
        if False in states:
            return False
        return None if None in states or not states else True

    @property
    def failures(self) -> tuple[Check, ...]:
        """Return the checks that did not pass."""
        return tuple(check for check in self.checks if check.passed is not True)


def at_most(name: str, value: float, threshold: float) -> Check:
    """Return a check that passes up to the threshold; a NaN is not checked."""
    return Check(name, value, threshold, None if np.isnan(value) else bool(value <= threshold))


def at_least(name: str, value: float, threshold: float) -> Check:
    """Return a check that passes from the threshold on; a NaN is not checked."""
    return Check(name, value, threshold, None if np.isnan(value) else bool(value >= threshold))


def diagnose_sampler(idata: xr.DataTree) -> Diagnosis:
    """Return the checks of the whole fit: divergences, E-BFMI, and every unknown's mixing."""
    stats = idata["sample_stats"].to_dataset() if "sample_stats" in idata else xr.Dataset()
    divergent = float(stats["diverging"].mean()) if "diverging" in stats else np.nan
    bfmi = float(_bfmi(stats["energy"].to_numpy()).min()) if "energy" in stats else np.nan
    posterior = idata["posterior"].to_dataset()
    unknowns = posterior[[name for name in posterior if "draw" in posterior[name].dims]]
    return Diagnosis(
        (
            at_most("share of divergent draws", divergent, DIVERGENT_SHARE_MAX),
            at_least("smallest E-BFMI", bfmi, BFMI_MIN),
            *_mixing(unknowns.drop_vars(["jump_gap", "jump_present"], errors="ignore"), "unknown"),
        )
    )


def diagnose_quantities(quantities: Mapping[str, xr.DataArray]) -> Diagnosis:
    """Return the checks of reported quantities, each an array of (chain, draw)."""
    checks: list[Check] = []
    for name, draws in quantities.items():
        checks.extend(_mixing(draws.to_dataset(name="x"), name))
    return Diagnosis(tuple(checks))


def _mixing(draws: xr.Dataset, name: str) -> tuple[Check, Check, Check]:
    """Return R-hat and both ESS of the worst element.

    A quantity that has the same value in every draw has nothing to mix: it counts as mixed. That
    the chains moved at all is what the checks of the unknowns are for.
    """
    if all(bool((draws[v] == draws[v].isel(chain=0, draw=0)).all()) for v in draws):
        n_draws = float(draws.sizes["chain"] * draws.sizes["draw"])
        return (
            Check(f"R-hat of {name}", 1.0, RHAT_MAX, True),
            Check(f"bulk ESS of {name}", n_draws, ESS_MIN, True),
            Check(f"tail ESS of {name}", n_draws, ESS_MIN, True),
        )
    sample_dims = ["chain", "draw"]
    rhat = azs.rhat(draws, sample_dims=sample_dims)
    bulk = azs.ess(draws, sample_dims=sample_dims, method="bulk")
    tail = azs.ess(draws, sample_dims=sample_dims, method="tail", prob=(0.05, 0.95))
    return (
        at_most(f"R-hat of {name}", _extreme(rhat, np.nanmax), RHAT_MAX),
        at_least(f"bulk ESS of {name}", _extreme(bulk, np.nanmin), ESS_MIN),
        at_least(f"tail ESS of {name}", _extreme(tail, np.nanmin), ESS_MIN),
    )


def _extreme(statistics: xr.Dataset, worst: Callable[[np.ndarray], np.floating]) -> float:
    values = np.concatenate([np.ravel(statistics[name].to_numpy()) for name in statistics])
    return float(worst(values)) if np.isfinite(values).any() else np.nan


def _bfmi(energy: np.ndarray) -> np.ndarray:
    """Return the energy Bayesian fraction of missing information of each chain."""
    return np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)
