"""The observation model against scipy, and its limits."""

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from toolkit.models import likelihood

N_ITEMS = (1, 7, 45, 2285)
ACCURACIES = (1e-5, 1e-3, 0.25, 0.5, 0.999, 1 - 1e-5)
CONCENTRATIONS = (0.5, 40.0, 1e4, 2.5e5)


@pytest.fixture(scope="module")
def log_likelihood():
    """Return the log pmf by cell; the number of ways is no part of what is differentiated."""
    arguments: list[Any] = [pt.dvector(name) for name in "knpc"]
    k, n, p, c = arguments
    value = likelihood.count_log_likelihood(k, n, p, c)
    log_gamma: Any = pt.gammaln
    ways = log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1)
    return pytensor.function([k, n, p, c], value + ways, mode="FAST_COMPILE")


@pytest.fixture(scope="module")
def slope():
    k, n, p, c = (pt.dvector(name) for name in "knpc")
    value = likelihood.count_log_likelihood(k, n, p, c).sum()
    return pytensor.function([k, n, p, c], pt.grad(value, [p, c]), mode="FAST_COMPILE")


@pytest.fixture(scope="module")
def accuracy():
    log_odds, chance, lapse, compliance = (pt.dvector(name) for name in "xglc")
    value = likelihood.accuracy(log_odds, chance, lapse, compliance)
    return pytensor.function([log_odds, chance, lapse, compliance], value, mode="FAST_COMPILE")


def grid():
    """Return counts (with none and all right), items, accuracies and concentrations, flat."""
    cells = [
        (k, n, p, c)
        for n in N_ITEMS
        for k in sorted({0, 1, n // 3, n - 1, n})
        for p in ACCURACIES
        for c in CONCENTRATIONS
    ]
    return np.array(cells, dtype=float).T


def test_count_log_likelihood_over_a_grid_with_extremes_equals_scipy(log_likelihood):
    k, n, p, c = grid()
    expected = stats.betabinom.logpmf(k, n, p * c, (1 - p) * c)
    assert np.isfinite(expected).all()
    # scipy takes the same differences of log-gamma: both lose digits as the concentration grows.
    np.testing.assert_allclose(log_likelihood(k, n, p, c), expected, rtol=1e-7, atol=1e-7)


def test_count_log_likelihood_of_all_counts_sums_to_one(log_likelihood):
    k = np.arange(31.0)
    for p in ACCURACIES:
        for c in CONCENTRATIONS:
            values = log_likelihood(k, np.full(31, 30.0), np.full(31, p), np.full(31, c))
            assert np.exp(values).sum() == pytest.approx(1, abs=1e-8)


def test_count_log_likelihood_with_huge_concentration_is_binomial(log_likelihood):
    k = np.arange(0, 201, 20.0)
    p = np.full(k.size, 0.3)
    n, most = np.full(k.size, 200.0), np.full(k.size, 2.5e5)
    expected = stats.binom.logpmf(k, n, p)
    wide = log_likelihood(k, n, p, most / 100)
    # 1 / concentration is the correlation of two items: n times it is what is left of the spread.
    np.testing.assert_allclose(log_likelihood(k, n, p, most), expected, rtol=2e-3, atol=2e-3)
    assert (
        np.abs(wide - expected).max() > 10 * np.abs(log_likelihood(k, n, p, most) - expected).max()
    )


def test_count_log_likelihood_without_items_is_zero(log_likelihood, slope):
    # To rounding; in the fast form it is exactly zero (test_beta_binomial.py).
    p = np.array([1e-5, 0.2, 0.5, 1 - 1e-5])
    for c in CONCENTRATIONS:
        none = np.zeros(p.size)
        np.testing.assert_allclose(log_likelihood(none, none, p, np.full(p.size, c)), 0, atol=1e-9)
        for part in slope(none, none, p, np.full(p.size, c)):
            np.testing.assert_allclose(part, 0, atol=1e-9)


def test_count_log_likelihood_gradient_over_the_grid_is_finite(slope):
    assert all(np.isfinite(part).all() for part in slope(*grid()))


@pytest.mark.parametrize("sd", [0.02, 0.05, 0.1])
def test_concentration_of_an_sd_gives_that_sd_at_half(sd):
    c = float(likelihood.concentration_of(sd))
    # And a point beside it, which no number of items takes away.
    assert stats.beta(0.5 * c, 0.5 * c).std() == pytest.approx(np.hypot(sd, 0.01), rel=0.03)


@pytest.mark.parametrize(("n", "points"), [(100, 5.1), (6607, 1.17), (10**6, 1.0)])
def test_concentration_without_dispersion_is_the_spread_of_the_items_and_a_point(n, points):
    c = float(likelihood.concentration_of(0.0))
    spread = stats.betabinom(n, 0.5 * c, 0.5 * c).std() / n
    assert 100 * spread == pytest.approx(points, rel=0.01)


def test_accuracy_at_extreme_log_odds_stays_inside_the_unit_interval(accuracy):
    log_odds = np.repeat([-1e6, -800.0, -30.0, 0.0, 30.0, 800.0, 1e6], 4)
    chance = np.tile([0.0, 0.25, 0.5, 0.25], 7)
    lapse = np.tile([0.0, 0.0, 0.3, 0.05], 7)
    compliance = np.tile([1.0, 0.0, 1.0, 1.0], 7)
    p = accuracy(log_odds, chance, lapse, compliance)
    assert (p > 0).all()
    assert (p < 1).all()


def test_accuracy_between_chance_and_the_lapse_rises_with_log_odds(accuracy):
    log_odds = np.linspace(-20, 20, 81)
    ones = np.ones(81)
    for chance, lapse in ((0.0, 0.0), (0.25, 0.02), (0.5, 0.1)):
        p = accuracy(log_odds, chance * ones, lapse * ones, ones)
        assert p[0] == pytest.approx(max(chance, likelihood.EDGE), abs=2e-5)
        top = chance + (1 - chance) * (1 - lapse)
        assert p[-1] == pytest.approx(min(top, 1 - likelihood.EDGE), abs=2e-5)
        assert (np.diff(p) >= 0).all()
        assert p[40] == pytest.approx((chance + top) / 2)


def test_accuracy_with_half_of_the_answers_parseable_is_half(accuracy):
    log_odds, ones = np.linspace(-3, 3, 7), np.ones(7)
    full = accuracy(log_odds, 0.2 * ones, 0.05 * ones, ones)
    half = accuracy(log_odds, 0.2 * ones, 0.05 * ones, 0.5 * ones)
    np.testing.assert_allclose(half, full / 2)
    # So a cell may lie below chance without a word about its ability.
    assert half[0] < 0.2


def test_accuracy_with_high_chance_and_a_lapse_still_rises_with_log_odds(accuracy):
    # A task that a constant answer solves to 0.95 (a majority class), with a lapse that the prior
    # allows (P(lapse > 0.08) is 0.08).
    p = accuracy(np.array([-5.0, 5.0]), np.full(2, 0.95), np.full(2, 0.08), np.ones(2))
    assert p[1] >= p[0]
