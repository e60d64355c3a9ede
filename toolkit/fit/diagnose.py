"""May this fit be trusted? Thresholds stand here, once; reports print them from here.

A ``Check`` is three-valued: True, False, or None where it could not be made. ``Diagnosis.passed``
is True only when every check is: what was not checked is not trusted.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import arviz_stats as azs
import numpy as np
import xarray as xr

from toolkit.models.design import pair_label

# Vehtari et al. 2021 recommend R-hat below 1.01 and a bulk ESS of at least 400 over four chains.
RHAT_MAX = 1.01
ESS_MIN = 400
# A rare divergence comes from rounding in a tail; a region that the sampler can't enter gives many.
DIVERGENT_SHARE_MAX = 0.001
# Betancourt 2016: below 0.3 the momentum can't explore the energies.
BFMI_MIN = 0.3
TAILS = (0.05, 0.95)
# Labels and flags drawn after sampling; the quantities made from them are checked themselves.
LABELS = frozenset({"jump_gap", "jump_present"})
TASK_DIMS = frozenset({"task", "checkpoint_task", "exact_match_task"})


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
        value = f"{self.value:.3g}"
        if value == f"{self.threshold:.3g}":  # which side of it must be seen
            value = f"{self.value:.5g}"
        return f"{self.name}: {value} (threshold {self.threshold:g}, {state})"


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


def diagnose_sampler(idata: xr.DataTree, mixing: "Mixing") -> Diagnosis:
    """Return the checks that every claim rests on.

    Divergences, E-BFMI, and the mixing of the unknowns that the tasks share.
    """
    stats = idata["sample_stats"].to_dataset() if "sample_stats" in idata else xr.Dataset()
    bfmi = float(_bfmi(stats["energy"].to_numpy()).min()) if "energy" in stats else np.nan
    return Diagnosis(
        (
            at_most(
                "share of divergent draws in a chain", divergent_share(stats), DIVERGENT_SHARE_MAX
            ),
            at_least("smallest E-BFMI", bfmi, BFMI_MIN),
            *mixing.shared().checks("shared unknowns"),
        )
    )


def divergent_share(stats: xr.Dataset) -> float:
    """Return the share of divergent draws of the worst chain, NaN where none was recorded."""
    return float(stats["diverging"].mean("draw").max()) if "diverging" in stats else np.nan


def diagnose_quantities(quantities: Mapping[str, xr.DataArray]) -> Diagnosis:
    """Return the checks of reported quantities, each an array of (chain, draw)."""
    stacked = xr.concat(list(quantities.values()), dim="quantity", coords="minimal")
    mixing = measure_mixing(stacked.to_dataset(name="value"))
    checks: list[Check] = []
    for index, name in enumerate(quantities):
        checks.extend(mixing.map(lambda values, i=index: values.isel(quantity=i)).checks(name))
    return Diagnosis(tuple(checks))


@dataclass(frozen=True)
class Mixing:
    """R-hat and effective numbers of draws of every element of some variables."""

    rhat: xr.Dataset
    ess_bulk: xr.Dataset
    ess_tail: xr.Dataset

    def checks(self, name: str) -> tuple[Check, Check, Check]:
        """Return the checks of the worst element; one that is NaN leaves a check unmade."""
        return (
            at_most(f"R-hat of {name}", float(_values(self.rhat).max()), RHAT_MAX),
            at_least(f"bulk ESS of {name}", float(_values(self.ess_bulk).min()), ESS_MIN),
            at_least(f"tail ESS of {name}", float(_values(self.ess_tail).min()), ESS_MIN),
        )

    def shared(self) -> "Mixing":
        """Return the unknowns that do not belong to a single task."""
        names = [name for name in self.rhat if not TASK_DIMS & set(self.rhat[name].dims)]
        return self.map(lambda statistics: statistics[names])

    def of_task(self, task: str) -> "Mixing":
        """Return the unknowns of one task: its own effects, and its checkpoints' effects on it."""

        def pick(statistics: xr.Dataset) -> xr.Dataset:
            picked = {}
            for name, values in statistics.items():
                for dim in TASK_DIMS & set(values.dims):
                    labels = values[dim].to_numpy()
                    suffix = pair_label("", task) if dim == "checkpoint_task" else None
                    own = [v for v in labels if v == task or (suffix and v.endswith(suffix))]
                    picked[name] = values.sel({dim: own})
            return xr.Dataset(picked)

        return self.map(pick)

    def map(self, change: Callable[[xr.Dataset], xr.Dataset]) -> "Mixing":
        """Return the same change made to all three."""
        return Mixing(change(self.rhat), change(self.ess_bulk), change(self.ess_tail))


def measure_mixing(draws: xr.Dataset) -> Mixing:
    """Return R-hat and both ESS of every element of some draws (chain, draw, ...).

    An element that has the same value in every draw has nothing to mix: it counts as mixed. That
    the chains moved at all is what the checks of the other unknowns are for.
    """
    drawn = draws[[v for v in draws if "draw" in draws[v].dims and v not in LABELS]]
    dims = ["chain", "draw"]
    constant = (drawn == drawn.isel(chain=0, draw=0)).all(dims)
    n_draws = drawn.sizes["chain"] * drawn.sizes["draw"]
    with warnings.catch_warnings():
        # ArviZ warns of the division by zero in a constant, which is replaced here.
        warnings.simplefilter("ignore", RuntimeWarning)
        rhat = azs.rhat(drawn, sample_dims=dims)
        bulk = azs.ess(drawn, sample_dims=dims, method="bulk")
        tail = azs.ess(drawn, sample_dims=dims, method="tail", prob=TAILS)
    return Mixing(
        rhat.where(~constant, 1.0), bulk.where(~constant, n_draws), tail.where(~constant, n_draws)
    )


def _values(statistics: xr.Dataset) -> np.ndarray:
    return np.concatenate([np.ravel(statistics[name].to_numpy()) for name in statistics])


def _bfmi(energy: np.ndarray) -> np.ndarray:
    """Return the energy Bayesian fraction of missing information of each chain."""
    return np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)
