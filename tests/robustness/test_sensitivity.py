"""Priors changed: by weights that agree with exact answers, and by power-scaling."""

import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import dataarray_stats
from scipy import stats

from toolkit.models.priors import PRIORS, Prior
from toolkit.robustness.hidden_cells import smoothed
from toolkit.robustness.sensitivity import (
    OTHER_SHARES,
    PowerScaling,
    _share_ratio,
    log_density,
    reweighted,
)
from toolkit.study.claims import ARM_LABELS

LEAD = ("chain", "draw")


def jumps_of(values):
    """Return the same draws in every arm of one task."""
    values = np.asarray(values).reshape(4, -1)
    stacked = np.repeat(values[:, :, None, None], len(ARM_LABELS), axis=3)
    return xr.DataArray(
        stacked, dims=(*LEAD, "task", "arm"), coords={"task": ["leap"], "arm": list(ARM_LABELS)}
    )


def test_equal_weights_change_nothing():
    draws = np.random.default_rng(1).normal(0.1, 0.1, 4000)
    table = reweighted(jumps_of(draws), xr.DataArray(np.ones((4, 1000)), dims=LEAD))
    assert table["p_above"].to_numpy() == pytest.approx((draws > 0.05).mean())
    assert table["p_positive"].to_numpy() == pytest.approx((draws > 0).mean())
    assert table["median"].to_numpy() == pytest.approx(np.median(draws), abs=1e-3)


def test_smoothed_weights_turn_draws_of_one_normal_into_another():
    rng = np.random.default_rng(2)
    draws = rng.normal(0, 1, 40_000)
    values = xr.DataArray(draws.reshape(4, -1), dims=LEAD)
    ratio = stats.norm.logpdf(values, 0.3, 0.9) - stats.norm.logpdf(values, 0, 1)
    log_weights = xr.DataArray(ratio, dims=LEAD)
    # As in other_jump_priors: the library takes the negative of the log weights.
    smoothed, k = dataarray_stats.psislw(-log_weights, dim=list(LEAD))
    assert float(k) < 0.5
    table = reweighted(jumps_of(draws), np.exp(smoothed))
    assert table["median"].iloc[0] == pytest.approx(0.3, abs=0.03)
    assert table["p_positive"].iloc[0] == pytest.approx(stats.norm.sf(0, 0.3, 0.9), abs=0.01)


@pytest.mark.parametrize("name", list(PRIORS))
def test_log_density_of_every_prior_integrates_to_one(name):
    prior = PRIORS[name]
    grid = (
        np.linspace(1e-6, 1 - 1e-6, 200_001)
        if prior.family == "beta"
        else np.linspace(-40 if prior.family == "normal" else 1e-9, 80, 2_000_001)
    )
    density = np.exp(log_density(prior)(grid))
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=2e-3)


def test_log_density_scales_a_half_normal_only():
    half, normal = Prior("half_normal", (2.0,), "", ""), Prior("normal", (0.0, 1.0), "", "")
    at = np.array([0.5, 3.0])
    np.testing.assert_allclose(log_density(half, 2.0)(at), stats.halfnorm.logpdf(at, scale=4))
    np.testing.assert_allclose(log_density(normal, 2.0)(at), stats.norm.logpdf(at))


@pytest.mark.parametrize(
    ("values", "reading"),
    [
        ((0.01, 0.02, 0.3), "not sensitive to the priors"),
        ((0.01, 0.08, 0.01), "the priors decide: strong prior or weak data"),
        ((0.09, 0.01, 0.3), "priors and data both matter"),
    ],
)
def test_reading_of_the_sensitivities(values, reading):
    assert PowerScaling(*values).reading == reading


@pytest.mark.parametrize("name", list(OTHER_SHARES))
def test_other_priors_of_a_share_turn_its_flat_draws_into_those_of_the_other_prior(name):
    _, beta = OTHER_SHARES[name]
    draws = np.random.default_rng(4).random((4, 5000))
    weights, k = smoothed(_share_ratio(xr.DataArray(draws, dims=LEAD), beta))
    assert k < 0.5  # weights are bounded
    # A jump that is there with the share as its probability.
    present = np.random.default_rng(5).random((4, 5000)) < draws
    table = reweighted(jumps_of(0.2 * present), weights)
    assert table["p_above"].iloc[0] == pytest.approx(beta[0] / sum(beta), abs=0.02)


def test_other_priors_of_shares_by_arm_are_of_all_of_them():
    draws = xr.DataArray(np.random.default_rng(4).random((2, 30, 4)), dims=(*LEAD, "arm"))
    found = _share_ratio(draws, (2.0, 1.0))
    np.testing.assert_allclose(found, np.log(2 * draws).sum("arm"))
