"""Smooth truths have the width, the level and the mechanism that their names promise."""

import numpy as np
import pytest

from toolkit.simulate.curves import BrokenPower, Flat, FourParameter, Straight, TokenPower, UShape

BEYOND = np.linspace(-4, 4, 8001)


def shares(curve):
    return np.array([curve.share(float(x)) for x in BEYOND])


def width(values):
    """Return the decades between 10% and 90% of the rise."""
    rise = (values - values[0]) / (values[-1] - values[0])
    return float(BEYOND[np.argmax(rise >= 0.9)] - BEYOND[np.argmax(rise >= 0.1)])


@pytest.mark.parametrize("wanted", [3.0, 1.5, 0.75])
def test_logistic_curves_have_the_width_asked_for(wanted):
    assert width(shares(Straight(wanted))) == pytest.approx(wanted, rel=0.05)
    between = shares(FourParameter(wanted, 0.1, 0.8))
    assert width(between) == pytest.approx(wanted, rel=0.05)
    assert between.min() >= 0.1
    assert between.max() <= 0.8
    assert FourParameter(wanted, 0.1, 0.8).share(0) == pytest.approx(0.45)


@pytest.mark.parametrize("exponent", [1 / 3, 1.0])
def test_broken_power_law_is_at_chance_and_then_a_power_of_size(exponent):
    curve = BrokenPower(exponent)
    assert curve.share(-1.5) == pytest.approx(0, abs=1e-6)
    errors = [1 - curve.share(x) for x in (1.0, 2.0)]
    assert np.log10(errors[0] / errors[1]) == pytest.approx(exponent, rel=1e-3)
    assert (np.diff(shares(curve)) >= 0).all()


def test_u_shape_falls_to_its_middle_and_rises():
    values = shares(UShape(-2.5, 1.5))
    assert BEYOND[values.argmin()] == pytest.approx(0, abs=1e-3)
    assert values[0] == pytest.approx(values[-1])
    assert values[0] > 0.5 > 0.1 > values.min()


def test_token_power_needs_every_token():
    one = Straight(3.0)
    assert TokenPower(3.0, 8).share(0.7) == pytest.approx(one.share(0.7) ** 8)
    assert TokenPower(3.0, 8).share(0) < 0.01 < 0.5 == pytest.approx(one.share(0))


def test_flat_is_flat():
    assert set(shares(Flat(0.6))) == {0.6}
