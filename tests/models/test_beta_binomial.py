"""The fast beta-binomial and its derivatives against SciPy and against products of factors."""

import math

import numpy as np
import pytest
from by_hand import beta_binomial, log_ways
from scipy import stats
from scipy.special import digamma

from toolkit.models.beta_binomial import log_likelihoods, logarithm, of_all_items

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


def evaluated(k, n, p, c):
    """Return value and both derivatives of cells with one concentration, (3, cell)."""
    k, n, p = (np.atleast_1d(np.asarray(each, float)) for each in (k, n, p))
    slopes = np.empty_like(k), np.empty_like(k)
    value = log_likelihoods(k, n, p, c, of_all_items(n, c), slopes)
    return np.array([value, *slopes])


@pytest.fixture(scope="module")
def cells():
    return grid()


@pytest.fixture(scope="module")
def found(cells):
    """Return value, derivative in the accuracy and in the concentration, (3, cell)."""
    found = np.empty((3, cells.shape[1]))
    for c in CONCENTRATIONS:
        own = cells[3] == c
        found[:, own] = evaluated(*cells[:3, own], c)
    return found


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
            assert evaluated(0, 0, p, c).tolist() == [[0.0], [0.0], [0.0]]


def test_values_of_all_counts_sum_to_one():
    n = 30
    ways = [math.comb(n, k) for k in range(n + 1)]
    for p in ACCURACIES:
        for c in CONCENTRATIONS:
            each = evaluated(np.arange(n + 1), np.full(n + 1, n), np.full(n + 1, p), c)[0]
            assert np.dot(ways, np.exp(each)) == pytest.approx(1, abs=1e-8)


def test_logarithm_of_numbers_of_every_size_is_that_of_the_library():
    rng = np.random.default_rng(1)
    numbers = np.concatenate([10 ** rng.uniform(-300, 300, 20_000), rng.uniform(0.5, 2, 20_000)])
    found = np.array([logarithm(x) for x in numbers])
    # Near 1, where the logarithm itself is small, as exact as anywhere.
    np.testing.assert_allclose(found, np.log(numbers), rtol=2e-15)
    assert logarithm(1.0) == 0.0


def test_a_number_that_is_none_stays_none():
    assert np.isnan(evaluated(3, 10, np.nan, 5.0)).all()


def test_cells_are_taken_several_at_once():
    evaluated(3, 10, 0.5, 5.0)
    code = "".join(log_likelihoods.inspect_llvm().values())
    assert any(f"<{n} x double>" in code for n in (2, 4, 8))
