"""How much a jump leans on the priors and on the likelihood.

Power-scaling (Kallioinen et al. 2024) perturbs the hyperpriors, the prior of the jump, and the
likelihood, each alone, and measures how far the jump's posterior moves. It can't see the priors of
the two shares, of tasks that jump and of arms that then do: they are flat, and flat to any power.
So these are given other priors, and the jump's size half and twice its prior scale: by importance
weights where they are reliable, else by a refit; the table says which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from toolkit.estimands.curves import thinned
from toolkit.estimands.estimate import ROPE
from toolkit.estimands.measured import jumps_of
from toolkit.fit.draws import Fitted
from toolkit.fit.sampling import Variation
from toolkit.models.jump_size import SHARE_HIGH, SHARE_LOW
from toolkit.models.priors import PRIORS, Prior
from toolkit.robustness.hidden_cells import cells_of, smoothed, worth
from toolkit.robustness.variants import Variant, jump_table, mixed

# Kallioinen et al. 2024: above it a quantity is called sensitive.
SENSITIVE = 0.05
# Vehtari et al. 2024: above it importance weights are not to be used.
PARETO_MAX = 0.7
# Weights must also be worth this many draws: a k from a few draws says nothing.
LEAST_WORTH = 100
JUMP_PRIORS = ("jump_size", "jump_tasks", "jump_arms")
SCALES = (0.5, 2.0)
# Beta(1, 2) and Beta(2, 1), means 1/3 and 2/3, for the flat prior of a share.
FEWER, MORE = (1.0, 2.0), (2.0, 1.0)
OTHER_SHARES = {
    "fewer tasks jump": ("jump_tasks", FEWER),
    "more tasks jump": ("jump_tasks", MORE),
    "a task jumps in fewer arms": ("jump_arms", FEWER),
    "a task jumps in more arms": ("jump_arms", MORE),
}
LEAD = ("chain", "draw")
# Scaled by all scores at once few draws keep a weight: 2,000 gave up to thrice the distance.
SCALED_DRAWS = 16_000


@dataclass(frozen=True)
class PowerScaling:
    """Sensitivities of a jump (cumulative Jensen-Shannon distance for each doubling)."""

    hyperpriors: float
    jump_prior: float
    likelihood: float

    @property
    def reading(self) -> str:
        """Return what the sensitivities say together."""
        prior = max(self.hyperpriors, self.jump_prior) >= SENSITIVE
        if not prior:
            return "not sensitive to the priors"
        if self.likelihood < SENSITIVE:
            return "the priors decide: strong prior or weak data"
        return "priors and data both matter"


def power_scaling(fitted: Fitted, jumps: xr.DataArray) -> dict[tuple[str, str], PowerScaling]:
    """Return the sensitivities of every jump, by task and arm that was scored.

    Of the hyperpriors only those at the top of the hierarchy are scaled; effects
    below them follow. Constant draws have nothing to be sensitive.
    """
    posterior = fitted.idata["posterior"].to_dataset()
    log_prior = {
        "hyperpriors": _log_density(posterior, [n for n in PRIORS if n not in JUMP_PRIORS]),
        "jump_prior": _log_density(posterior, list(JUMP_PRIORS)),
    }
    measured = {
        (str(task), str(arm)): jumps.sel(task=task, arm=arm, drop=True)
        for task in jumps["task"].to_numpy()
        for arm in jumps["arm"].to_numpy()
        if not np.isnan(float(jumps.sel(task=task, arm=arm)[0, 0]))
    }
    moving = [of for of, draws in measured.items() if float(draws.std()) > 0]
    found = dict.fromkeys(measured, PowerScaling(0.0, 0.0, 0.0))
    if not moving:
        return found
    together = xr.concat([measured[of] for of in moving], dim="of", coords="minimal")
    moves = {
        name: _sensitivity(together, log_prior=values.to_dataset(name=name))
        for name, values in log_prior.items()
    }
    some = thinned(together.to_dataset(name="jump"), SCALED_DRAWS)["jump"]
    some = some.drop_vars(LEAD, errors="ignore")
    moves["likelihood"] = _sensitivity(some, log_likelihood=_log_likelihood(fitted))
    for place, of in enumerate(moving):
        found[of] = PowerScaling(**{name: float(m[place]) for name, m in moves.items()})
    return found


def _log_likelihood(fitted: Fitted) -> xr.Dataset:
    """Return the marginal log-likelihood of thinned draws, (chain, draw, task).

    That of the sampler won't do: it is given the sizes that absent jumps had there.
    """
    cells = cells_of(fitted, 0, SCALED_DRAWS)
    likelihood, _ = cells.all_mixtures()
    by_chain = likelihood.reshape(cells.posterior.sizes["chain"], -1, likelihood.shape[1])
    return xr.Dataset({"n_correct": ((*LEAD, "task"), by_chain)})


def _sensitivity(jumps: xr.DataArray, **group: xr.Dataset) -> xr.DataArray:
    """Return ArviZ's power-scaling sensitivity of every jump to one group of densities."""
    tree = xr.DataTree.from_dict({"posterior": jumps.to_dataset(name="jump"), **group})
    kind = "likelihood" if "log_likelihood" in group else "prior"
    return azs.psense(tree, var_names=["jump"], group=kind, sample_dims=["chain", "draw"])["jump"]


def _log_density(posterior: xr.Dataset, names: list[str]) -> xr.DataArray:
    """Return the log prior density of some unknowns, summed, (chain, draw)."""
    total = xr.zeros_like(posterior["dispersion_sd"].isel(task=0, drop=True), dtype=float)
    for name in names:
        if name in posterior:
            density = xr.apply_ufunc(log_density(PRIORS[name]), posterior[name].astype(float))
            total = total + density.sum([d for d in density.dims if d not in ("chain", "draw")])
    return total


def log_density(prior: Prior, scale: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """Return the log density of a prior, its scale multiplied where it is a half-normal."""
    first, *rest = prior.arguments
    if prior.family == "half_normal":
        return lambda values: stats.halfnorm.logpdf(values, scale=first * scale)
    if prior.family == "normal":
        return lambda values: stats.norm.logpdf(values, first, *rest)
    if prior.family == "log_normal":
        return lambda values: stats.lognorm.logpdf(values, s=rest[0], scale=np.exp(first))
    return lambda values: stats.beta.logpdf(values, first, *rest)


def other_jump_priors(
    fitted: Fitted,
    variant: Variant,
    cache: Path,
    done: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Return the jumps under half and twice the prior scale of their size, and other shares.

    Columns prior (what is other), how ("reweighted" or "refitted"), pareto_k, task, arm, median,
    p_above (the ROPE), p_positive, converged (of a refit; weights are of draws that are diagnosed
    themselves). Weights of shares are bounded, so that no refit is needed for them.
    """
    posterior = fitted.idata["posterior"].to_dataset()
    jumps = jumps_of(fitted)
    tables = []
    for scale in SCALES:
        weights, pareto = smoothed(_log_ratio(posterior, scale))
        if pareto <= PARETO_MAX and worth(weights) >= LEAST_WORTH:
            table, how = reweighted(jumps, weights).assign(converged=True), "reweighted"
        else:
            changed = Variant(
                variant.scores, variant.model, variant.settings, Variation(jump_scale=scale)
            )
            table = jump_table(changed, cache).rename(columns={f"p_above_{ROPE:g}": "p_above"})
            table, how = table.assign(converged=mixed(table)), "refitted"
        tables.append(_named(table, f"its size times {scale:g}", how, pareto))
        done(f"jump prior x {scale:g} ({how})")
    for name, (share, beta) in OTHER_SHARES.items():
        weights, pareto = smoothed(_share_ratio(posterior[share], beta))
        table = reweighted(jumps, weights).assign(converged=True)
        tables.append(_named(table, name, "reweighted", pareto))
    return pd.concat(tables, ignore_index=True)


def _named(table: pd.DataFrame, prior: str, how: str, pareto: float) -> pd.DataFrame:
    kept = table[["task", "arm", "median", "p_above", "p_positive", "converged"]]
    return kept.assign(prior=prior, how=how, pareto_k=pareto)


def _share_ratio(share: xr.DataArray, beta: tuple[float, float]) -> xr.DataArray:
    """Return the log density ratio of a share's prior, new to flat, (chain, draw)."""
    inside = share.astype(float).clip(SHARE_LOW, SHARE_HIGH)
    ratio = xr.apply_ufunc(log_density(Prior("beta", beta, "", "")), inside)
    return ratio.sum([d for d in ratio.dims if d not in LEAD])


def _log_ratio(posterior: xr.Dataset, scale: float) -> xr.DataArray:
    """Return the log density ratio of the jump's size, new prior to old, (chain, draw)."""
    sizes = posterior["jump_size"].astype(float)
    prior = PRIORS["jump_size"]
    new = xr.apply_ufunc(log_density(prior, scale), sizes)
    return (new - xr.apply_ufunc(log_density(prior), sizes)).sum(["task", "arm"])


def reweighted(jumps: xr.DataArray, weights: xr.DataArray) -> pd.DataFrame:
    """Return median and probabilities of every jump under weights (chain, draw).

    A jump that is NaN, in an arm that was not scored, has no row.
    """
    share = (weights / weights.sum()).transpose("chain", "draw").to_numpy().ravel()
    rows = []
    for task in jumps["task"].to_numpy():
        for arm in jumps["arm"].to_numpy():
            values = jumps.sel(task=task, arm=arm).transpose("chain", "draw").to_numpy().ravel()
            if np.isnan(values).all():
                continue
            order = np.argsort(values)
            middle = int(np.searchsorted(share[order].cumsum(), 0.5))
            rows.append(
                {
                    "task": str(task),
                    "arm": str(arm),
                    "median": float(values[order][min(middle, len(values) - 1)]),
                    "p_above": float(share[values > ROPE].sum()),
                    "p_positive": float(share[values > 0].sum()),
                }
            )
    return pd.DataFrame(rows)
