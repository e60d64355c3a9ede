"""M0 in NumPyro, written from the formulas and not from ``toolkit``'s code.

For task t, checkpoint m of size x (decades from the mean of the distinct sizes), base checkpoint b,
family f, with demonstrations s and instruction tuning i in {0, 1}:

    log_odds = intercept_t + slope_t x + family_f + family_slope_f x + checkpoint_b
             + checkpoint_task_mt
             + s (few_shot_t + few_shot_slope_t x + few_shot_checkpoint_b)
             + i (tuned_t + tuned_slope_t x + pair_m) + s i both_t
    p = chance_t + (1 - chance_t) (1 - lapse_t) logistic(log_odds)
    n_correct ~ BetaBinomial(n_items, p c_t, (1 - p) c_t),  c_t = 0.25 / (dispersion_t^2 + 0.01^2)

Effects of families, checkpoints, pairs and checkpoints' use of demonstrations sum to zero over the
members that occur. Only the priors are shared: ``toolkit.models.priors.PRIORS``. Works on the long
table, one row a cell. Needs NumPyro (``pip install numpyro``, in the ``dev`` extra).
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from numpyro.infer import MCMC, NUTS
from scipy.special import expit

from toolkit.models.priors import PRIORS

EDGE = 1e-5
# The standard normal on a fine grid, for averages over new checkpoints.
GRID = np.linspace(-8, 8, 401)
WEIGHTS = np.exp(-(GRID**2) / 2) / np.exp(-(GRID**2) / 2).sum()

numpyro.enable_x64()


@dataclass(frozen=True)
class Cells:
    """The long table as arrays, (cell,), and the names that the indices stand for."""

    names: dict[str, list[str]]
    index: dict[str, np.ndarray]
    size: np.ndarray
    few_shot: np.ndarray
    tuned: np.ndarray
    chance: np.ndarray
    n_items: np.ndarray
    n_correct: np.ndarray
    center: float


def read_cells(frame: pd.DataFrame) -> Cells:
    """Return the cells of a table of scores; multiple choice only, every arm present."""
    log_size = np.log10(frame["n_params"].to_numpy(float))
    center = float(np.mean(np.unique(log_size)))
    keys = {
        "task": frame["task"],
        "lm_family": frame["lm_family"],
        "base": frame["base_checkpoint"].where(frame["instruction_tuned"], frame["checkpoint"]),
        "tuned_checkpoint": frame["checkpoint"].where(frame["instruction_tuned"]),
        "checkpoint_task": frame["checkpoint"] + " on " + frame["task"],
    }
    names = {key: sorted(values.dropna().unique()) for key, values in keys.items()}
    index = {
        key: np.array([names[key].index(v) if isinstance(v, str) else 0 for v in values])
        for key, values in keys.items()
    }
    return Cells(
        names,
        index,
        log_size - center,
        (frame["n_shots"].to_numpy() > 0).astype(float),
        frame["instruction_tuned"].to_numpy(float),
        frame["chance"].to_numpy(float),
        frame["n_items"].to_numpy(float),
        frame["n_correct"].to_numpy(float),
        center,
    )


def prior(name: str) -> dist.Distribution:
    """Return the prior of an unknown, its numbers read from the toolkit's table."""
    known = PRIORS[name]
    kinds = {"normal": dist.Normal, "half_normal": dist.HalfNormal, "beta": dist.Beta}
    return kinds[known.family](*known.arguments)


def model(cells: Cells) -> None:
    """State the model of the counts of all cells."""
    at = cells.index
    n_tasks = len(cells.names["task"])

    def per_task(name: str) -> jax.Array:
        mu, sigma = (numpyro.sample(f"{k}_{name}", prior(f"{k}_{name}")) for k in ("mu", "sigma"))
        z = numpyro.sample(f"z_{name}", dist.Normal().expand([n_tasks]))
        return numpyro.deterministic(f"{name}_effect", mu + sigma * z)[at["task"]]

    def balanced(name: str, key: str) -> jax.Array:
        sigma = numpyro.sample(f"sigma_{name}", prior(f"sigma_{name}"))
        z = numpyro.sample(f"z_{name}", dist.Normal().expand([len(cells.names[key])]))
        return (sigma * (z - z.mean()))[at[key]]

    x, s, i = cells.size, cells.few_shot, cells.tuned
    intercept = numpyro.sample("intercept_effect", prior("intercept_effect").expand([n_tasks]))
    sigma_pairs = numpyro.sample("sigma_checkpoint_task", prior("sigma_checkpoint_task"))
    pairs = dist.Normal().expand([len(cells.names["checkpoint_task"])])
    log_odds = intercept[at["task"]] + per_task("slope") * x
    log_odds += balanced("family", "lm_family") + balanced("family_slope", "lm_family") * x
    log_odds += balanced("checkpoint", "base")
    log_odds += sigma_pairs * numpyro.sample("z_pairs", pairs)[at["checkpoint_task"]]
    log_odds += s * (per_task("few_shot") + per_task("few_shot_slope") * x)
    log_odds += s * balanced("few_shot_checkpoint", "base")
    log_odds += i * (per_task("tuned") + per_task("tuned_slope") * x)
    log_odds += i * balanced("pair", "tuned_checkpoint") + s * i * per_task("both")
    lapse = numpyro.sample("lapse", prior("lapse").expand([n_tasks]))
    scale = numpyro.sample("sigma_dispersion", prior("sigma_dispersion"))
    z_dispersion = numpyro.sample("z_dispersion", dist.HalfNormal().expand([n_tasks]))
    spread = numpyro.deterministic("dispersion_sd", scale * z_dispersion)
    total = (0.25 / (spread**2 + 0.01**2))[at["task"]]
    able = (1 - lapse[at["task"]]) * jax.nn.sigmoid(log_odds)
    p = jnp.clip(cells.chance + (1 - cells.chance) * able, EDGE, 1 - EDGE)
    counts = dist.BetaBinomial(p * total, (1 - p) * total, cells.n_items)
    numpyro.sample("n_correct", counts, obs=cells.n_correct)


def run(
    cells: Cells, draws: int, tune: int, chains: int, target_accept: float, seed: int
) -> dict[str, np.ndarray]:
    """Return draws of each unknown, (chain, draw, ...)."""
    sampler = MCMC(
        NUTS(model, target_accept_prob=target_accept),
        num_warmup=tune,
        num_samples=draws,
        num_chains=chains,
        chain_method="sequential",
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(seed), cells)
    return {name: np.asarray(v) for name, v in sampler.get_samples(group_by_chain=True).items()}


def expected_accuracy(
    draws: dict[str, np.ndarray], cells: Cells, x: float, few_shot: bool, tuned: bool
) -> np.ndarray:
    """Return the accuracy expected of a new checkpoint of a new family, (chain, draw, task).

    ``x`` in decades from ``cells.center``. The effect of a new member lies around the mean of the n
    that were scored, with variance sigma^2 (1 + 1 / n).
    """

    def new(name: str, key: str) -> Any:
        return draws[f"sigma_{name}"] ** 2 * (1 + 1 / len(cells.names[key]))

    center = draws["intercept_effect"] + draws["slope_effect"] * x
    variance = new("family", "lm_family") + x**2 * new("family_slope", "lm_family")
    variance = variance + new("checkpoint", "base") + draws["sigma_checkpoint_task"] ** 2
    if few_shot:
        center = center + draws["few_shot_effect"] + draws["few_shot_slope_effect"] * x
        variance = variance + new("few_shot_checkpoint", "base")
    if tuned:
        center = center + draws["tuned_effect"] + draws["tuned_slope_effect"] * x
        variance = variance + new("pair", "tuned_checkpoint")
    if few_shot and tuned:
        center = center + draws["both_effect"]
    chance = np.array([cells.chance[cells.index["task"] == t][0] for t in range(center.shape[-1])])
    spread = np.sqrt(variance)[..., None]
    risen = sum(w * expit(center + node * spread) for node, w in zip(GRID, WEIGHTS, strict=True))
    return chance + (1 - chance) * (1 - draws["lapse"]) * risen
