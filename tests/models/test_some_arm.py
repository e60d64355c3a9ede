"""Arms of which one at least jumps: against sums over every set of them, and at extremes."""

import itertools

import numpy as np
import pytensor.tensor as pt
import pytest
from by_hand import MODE

from toolkit.models.some_arm import (
    any_jump,
    draw_arms,
    given_any,
    log_odds_of_any,
    of_any,
    sigmoid,
    softplus,
)

# Log odds, and of which arms one at least jumps.
ORDINARY = [
    ([0.3], [1]),
    ([-2.0, 1.0], [1, 1]),
    ([-2.0, 1.0], [0, 1]),
    ([1.5, -0.5, -3.0, 0.2], [1, 1, 1, 1]),
    ([1.5, -0.5, -3.0, 0.2], [0, 1, 1, 0]),
    ([1.5, -0.5, -3.0, 0.2], [1, 0, 0, 1]),
    ([-45.0, -44.0, -50.0], [1, 1, 1]),
]
EXTREME = [
    ([-3e5, 2.0, -700.0], [1, 1, 1]),
    ([-3e5, 2.0, -700.0], [1, 0, 1]),
    ([4e5, -4e5], [1, 1]),
    ([36.0, 750.0, 1e5], [1, 0, 1]),
    ([-690.0, -690.0, -690.0, -690.0], [1, 1, 1, 1]),
]


def arrays(log_odds, some_of):
    return np.array(log_odds), np.array(some_of, bool)


def by_sum(log_odds, some_of):
    """Return the log odds of any, and P(arm | any), as sums over every set of arms."""
    sets = np.array(list(itertools.product((0, 1), repeat=len(log_odds))))
    sets = sets[(sets @ some_of) > 0]
    weights = np.exp(sets @ log_odds)
    return np.log(weights.sum()), weights @ sets / weights.sum()


def of_tensors(log_odds, some_of):
    tensor = pt.dvector()
    value = log_odds_of_any([tensor[a] for a in range(len(log_odds))], some_of)
    return (each.eval({tensor: log_odds}, mode=MODE) for each in (value, pt.grad(value, tensor)))


@pytest.mark.parametrize("case", ORDINARY)
def test_log_odds_and_probabilities_equal_sums_over_every_set_of_arms(case):
    log_odds, some_of = arrays(*case)
    wanted, shares = by_sum(log_odds, some_of)
    given = np.zeros(len(log_odds))
    by_tensor, slope = of_tensors(log_odds, some_of)
    values = any_jump(log_odds, some_of, given), of_any(log_odds, some_of), by_tensor
    np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12)
    for found in (given, given_any(log_odds, some_of), slope):
        np.testing.assert_allclose(found, shares, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("case", EXTREME)
def test_all_three_forms_agree_and_stay_finite_also_their_derivative(case):
    log_odds, some_of = arrays(*case)
    given = np.zeros(len(log_odds))
    value = any_jump(log_odds, some_of, given)
    by_tensor, slope = of_tensors(log_odds, some_of)
    assert of_any(log_odds, some_of) == pytest.approx(value, rel=1e-12)
    assert by_tensor == pytest.approx(value, rel=1e-12)
    for found in (given, given_any(log_odds, some_of), slope):
        assert ((found >= 0) & (found <= 1 + 1e-9)).all()
        np.testing.assert_allclose(found, given, atol=1e-9)
    assert given[some_of].sum() >= 1 - 1e-9  # one at least jumps


def test_tensors_have_a_floor_where_no_arm_can_jump():
    # In steps of free width gains of minus a hundred thousand are common.
    by_tensor, slope = of_tensors(np.array([-3e5, -9e4]), np.array([True, True]))
    assert by_tensor == -1000.0
    assert (slope == 0).all()


@pytest.mark.parametrize("case", ORDINARY[:-1])
def test_drawn_arms_are_spread_as_the_sum_over_sets(case):
    log_odds, some_of = arrays(*case)
    n = 20_000
    drawn = draw_arms(np.tile(log_odds, (n, 1)), some_of, np.random.default_rng(3))
    assert drawn[:, some_of].any(axis=1).all()
    sets, counts = np.unique(drawn, axis=0, return_counts=True)
    total, _ = by_sum(log_odds, some_of)
    for arms, count in zip(sets, counts, strict=True):
        p = np.exp(log_odds[arms].sum() - total)
        assert count / n == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n) + 1e-9)


def test_softplus_and_sigmoid_equal_their_formulas_and_never_overflow():
    x = np.array([-1e6, -800.0, -30.0, 0.0, 1e-9, 2.0, 800.0, 1e6])
    with np.errstate(all="raise", under="ignore"):
        found = np.array([(softplus(each), sigmoid(each)) for each in x])
    np.testing.assert_allclose(found[:, 0], np.logaddexp(0, x), rtol=1e-14)
    np.testing.assert_allclose(found[2:6, 1], 1 / (1 + np.exp(-x[2:6])), rtol=1e-12)
    assert found[:2, 1].tolist() == [0.0, 0.0]
    assert found[6:, 1].tolist() == [1.0, 1.0]
