"""M0 written twice, by the toolkit and from its formulas in NumPyro, must be the same model."""

import numpy as np
import numpyro
import pytest
import xarray as xr
from scipy import stats

from benchmarks import numpyro_model as other
from benchmarks import studies
from benchmarks.agreement import compare, furthest, summarise
from benchmarks.independent_check import (
    DEFAULT,
    MODEL,
    SIZES,
    by_numpyro,
    by_toolkit,
    judged,
)
from toolkit.estimands.jumps import expected_accuracy
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.study.claims import ARMS

BALANCED = {
    "family": "lm_family",
    "family_slope": "lm_family",
    "checkpoint": "base",
    "few_shot_checkpoint": "base",
    "pair": "tuned_checkpoint",
}


@pytest.fixture(scope="module")
def scores():
    return studies.small()


@pytest.fixture(scope="module")
def cells(scores):
    return other.read_cells(scores.frame)


def values_of(cells, rng):
    """Return a value of each of NumPyro's unknowns."""
    model = numpyro.handlers.seed(other.model, int(rng.integers(1e6)))
    sites = numpyro.handlers.trace(model).get_trace(cells)
    return {
        name: np.asarray(site["value"])
        for name, site in sites.items()
        if site["type"] == "sample" and not site["is_observed"]
    }


def to_toolkit(values):
    """Return the same unknowns as the toolkit's model has them."""
    given = {name: value for name, value in values.items() if name != "z_pairs"}
    given["z_checkpoint_task"] = values["z_pairs"]
    given["slope_effect"] = values["mu_slope"] + values["sigma_slope"] * values["z_slope"]
    for name in ("checkpoint", "pair"):
        z = values[f"z_{name}"]
        given[f"{name}_effect"] = values[f"sigma_{name}"] * (z - z.mean())
    return given


def test_both_give_every_task_the_same_log_likelihood(scores, cells):
    design = build_design(scores)
    built = MODELS[MODEL].build(design)
    at = built.compile_fn(
        built["task_log_likelihood"], inputs=built.free_RVs, point_fn=False, mode="FAST_COMPILE"
    )
    for seed in range(5):
        values = values_of(cells, np.random.default_rng(seed))
        ours = at(*(to_toolkit(values)[v.name] for v in built.free_RVs))
        model = numpyro.handlers.substitute(other.model, values)
        site = numpyro.handlers.trace(model).get_trace(cells)["n_correct"]
        counts = site["fn"]
        by_cell = stats.betabinom.logpmf(
            cells.n_correct, cells.n_items, counts.concentration1, counts.concentration0
        )
        theirs = [by_cell[cells.index["task"] == t].sum() for t in range(len(design.tasks))]
        # Log-gamma differences of large concentrations keep about eight digits.
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
        # JAX's log-beta is exact to 1e-6 a cell.
        np.testing.assert_allclose(counts.log_prob(site["value"]), by_cell, rtol=0, atol=3e-6)


def test_both_have_the_same_priors_of_shared_unknowns(scores):
    """The names of all unknowns agree, so that no prior is left out of the comparison."""
    built = MODELS[MODEL].build(build_design(scores))
    ours = {v.name for v in built.free_RVs}
    theirs = set(to_toolkit(values_of(other.read_cells(scores.frame), np.random.default_rng(0))))
    assert ours <= theirs
    assert {n for n in theirs if n.startswith(("mu_", "sigma_"))} <= ours


def test_both_expect_the_same_accuracy_of_a_new_checkpoint(scores, cells):
    design = build_design(scores)
    rng = np.random.default_rng(9)
    lead, n_tasks = ("chain", "draw"), len(design.tasks)
    names = ["slope", "few_shot", "few_shot_slope", "tuned", "tuned_slope", "both", "intercept"]
    draws = {f"{name}_effect": rng.normal(0, 1, (2, 5, n_tasks)) for name in names}
    draws |= {f"sigma_{n}": rng.uniform(0, 0.8, (2, 5)) for n in (*BALANCED, "checkpoint_task")}
    draws["lapse"] = rng.uniform(0, 0.1, (2, 5, n_tasks))
    posterior = xr.Dataset({k: (lead + ("task",) * (v.ndim - 2), v) for k, v in draws.items()})
    posterior = posterior.assign_coords({dim: cells.names[dim] for dim in set(BALANCED.values())})
    chance = xr.DataArray(design.chance, dims="task")
    # The toolkit averages with 21 nodes, exact to 1e-4 up to a spread of 3.
    for arm in ARMS:
        for size in SIZES:
            x = np.log10(size) - design.center
            ours = expected_accuracy(posterior, chance, xr.DataArray(x), arm)
            theirs = other.expected_accuracy(draws, cells, x, arm.few_shot, arm.instruction_tuned)
            np.testing.assert_allclose(ours.transpose(*lead, "task"), theirs, atol=3e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_both_find_the_same_posterior(scores):
    ours, theirs = (summarise(by(scores, DEFAULT)) for by in (by_toolkit, by_numpyro))
    found = furthest(compare(ours, theirs))
    assert max(s["rhat"] for s in (*ours.values(), *theirs.values())) < 1.02
    assert all(judged(found).values()), found
