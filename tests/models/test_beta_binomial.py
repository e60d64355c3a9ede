"""The fast beta-binomial and its derivatives against SciPy and against products of factors."""

import math

import numpy as np
import pytest
from by_hand import beta_binomial, log_ways
from scipy import stats
from scipy.special import digamma

from toolkit.models.beta_binomial import cell_log_likelihood

N_ITEMS = (1, 7, 45, 200, 2285, 20_000)
ACCURACIES = (1e-5, 1e-3, 0.25, 0.5, 0.999, 1 - 1e-5)
# From a spread as wide as an accuracy can have to none beyond the items (likelihood.py).
CONCENTRATIONS = (0.05, 0.5, 1.0, 40.0, 1e4, 2.5e5)


def grid():
    """Return counts (with none and all right), items, accuracies and concentrations by cell."""
    cells = [
        (float(k), float(n), p, c)
        for n in N_ITEMS
        for k in sorted({0, 1, n // 3, n // 2, n - 1, n})
        for p in ACCURACIES
        for c in CONCENTRATIONS
    ]
    return np.array(cells).T


@pytest.fixture(scope="module")
def cells():
    return grid()


@pytest.fixture(scope="module")
def found(cells):
    """Return value, derivative in the accuracy and in the concentration, (3, cell)."""
    return np.array([cell_log_likelihood(*cell) for cell in cells.T]).T


def test_value_over_a_grid_with_extremes_equals_scipy(cells, found):
    k, n, p, c = cells
    expected = stats.betabinom.logpmf(k, n, p * c, (1 - p) * c) - [
        log_ways(*each) for each in zip(k, n, strict=True)
    ]
    assert np.isfinite(expected).all()
    # Both are differences of log-gammas, which keep nine digits after the point at 2.5e5.
    np.testing.assert_allclose(found[0], expected, rtol=1e-9, atol=5e-9)


def test_value_over_the_grid_equals_the_product_of_its_factors(cells, found):
    expected = [beta_binomial(*cell) for cell in cells.T]
    np.testing.assert_allclose(found[0], expected, rtol=1e-11, atol=3e-9)


def test_derivative_in_accuracy_over_the_grid_equals_that_of_digammas(cells, found):
    k, n, p, c = cells
    a, b = p * c, (1 - p) * c
    right, wrong = digamma(k + a) - digamma(a), digamma(n - k + b) - digamma(b)
    # Where they nearly cancel, what is left has the rounding of what was there.
    size = c * (abs(right) + abs(wrong)) + 1
    assert (abs(found[1] - c * (right - wrong)) < 1e-9 * size).all()


def test_derivative_in_concentration_over_the_grid_equals_that_of_digammas(cells, found):
    k, n, p, c = cells
    a, b = p * c, (1 - p) * c
    right, wrong = digamma(k + a) - digamma(a), digamma(n - k + b) - digamma(b)
    either = digamma(n + c) - digamma(c)
    size = p * abs(right) + (1 - p) * abs(wrong) + abs(either)
    assert (abs(found[2] - (p * right + (1 - p) * wrong - either)) < 1e-9 * (size + 1e-3)).all()


def test_cells_without_items_are_exactly_zero_with_no_slope():
    for p in ACCURACIES:
        for c in CONCENTRATIONS:
            assert cell_log_likelihood(0.0, 0.0, p, c) == (0.0, 0.0, 0.0)


def test_values_of_all_counts_sum_to_one():
    n = 30
    ways = [math.comb(n, k) for k in range(n + 1)]
    for p in ACCURACIES:
        for c in CONCENTRATIONS:
            each = [cell_log_likelihood(float(k), float(n), p, c)[0] for k in range(n + 1)]
            assert np.dot(ways, np.exp(each)) == pytest.approx(1, abs=1e-8)
