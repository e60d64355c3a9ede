"""The wide step against a sum over every gap, width and set of jumping arms, and its limits."""

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from by_hand import (
    MODE,
    a_point,
    assert_drawn_as,
    evaluated,
    log_marginal,
    shares,
    table,
    unknowns,
    wide_places,
)

from toolkit.models import MODELS, wide_step
from toolkit.models.jump_size import LOG_ODDS, JumpLogOdds
from toolkit.models.some_arm import NEVER
from toolkit.models.wide_step import WIDTHS, log_gain, log_place_prior


@pytest.fixture(scope="module")
def model(design):
    return MODELS["wide_step"].build(design)


@pytest.fixture(scope="module")
def gains(model, point):
    return evaluated(model, "gain")(point)


def test_marginal_log_likelihood_equals_the_sum_over_gaps_widths_and_arms(design, model):
    frame = table()
    marginal = model.compile_logp(vars=[model["n_correct"]], sum=False, mode=MODE)
    kept = evaluated(model, "task_log_likelihood")
    for seed in (17, 1):
        point = a_point(model, seed)
        u = unknowns(point)
        expected = [
            log_marginal(frame, u, task, wide_places(frame, task, WIDTHS)) for task in design.tasks
        ]
        np.testing.assert_allclose(np.ravel(marginal(point)), expected, atol=1e-8, rtol=0)
        np.testing.assert_allclose(kept(point), expected, atol=1e-8, rtol=0)


def test_a_narrow_step_is_the_sharp_one(design, point):
    # A hundredth of a decade, where every cell is a third of one or more from the middle of a gap.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide_step, "WIDTHS", np.array([0.01]))
        narrow = MODELS["wide_step"].build(design)
    sharp = MODELS["step"].build(design)
    values = [evaluated(built, "task_log_likelihood")(point) for built in (narrow, sharp)]
    np.testing.assert_allclose(*values, atol=1e-8, rtol=0)


def test_hidden_cells_leave_the_likelihood_of_the_rest(design, point):
    hidden = np.random.default_rng(6).random(design.n_items.shape) < 0.4
    built = MODELS["wide_step"].build(design)
    for name, values in design.data.items():
        built[name].set_value(np.where(hidden, 0.0, values))
    frame, u = table(), unknowns(point)
    slot = frame.groupby("task").cumcount()
    seen = ~hidden[[design.tasks.index(task) for task in frame.task], slot]
    found = evaluated(built, "task_log_likelihood")(point)
    for index, task in enumerate(design.tasks):
        places = wide_places(frame, task, WIDTHS)
        expected = log_marginal(frame, u, task, places, seen)
        assert found[index] == pytest.approx(expected, abs=1e-8)


def test_drawn_jumps_are_spread_as_the_exact_conditional(design, model, gains, point):
    n, u = 40_000, unknowns(point)
    every = np.broadcast_to(gains, (1, n, *gains.shape))
    at_point = (evaluated(model, name)(point) for name in LOG_ODDS)
    before = JumpLogOdds(*(np.broadcast_to(each, (1, n, *each.shape)) for each in at_point))
    jumps = wide_step.WIDE.draw(every, before, design, np.random.default_rng(8))
    frame = table()
    for index, task in enumerate(design.tasks):
        exact = shares(frame, u, task, wide_places(frame, task, WIDTHS))
        assert_drawn_as(exact, jumps.place[0, :, index], jumps.present[0, :, index])


def test_a_place_is_a_gap_and_a_width(design):
    n_gaps = design.gap_low.shape[1]
    place = np.arange(n_gaps * len(WIDTHS))
    meant = wide_step.WIDE.places(place)
    pairs = list(zip(meant["jump_gap"], meant["jump_width"], strict=True))
    assert pairs == [(gap, width) for gap in range(n_gaps) for width in WIDTHS]
    assert wide_step.WIDE.coords(design) == {"place": place.tolist()}


def test_place_prior_is_even_over_own_gaps_and_widths(design):
    prior = np.exp(log_place_prior(design))
    np.testing.assert_allclose(prior.sum(axis=1), 1)
    for task, n_gaps in enumerate(design.n_gaps):
        own = n_gaps * len(WIDTHS)
        np.testing.assert_allclose(prior[task, :own], 1 / own)
        assert (prior[task, own:] == 0).all()


@pytest.fixture(scope="module")
def marginalised(design):
    """Return a function from gains and log odds to the value and its slopes."""
    given = [pt.dtensor3("gain"), pt.dvector("jumping"), pt.dmatrix("in_arm")]
    value = log_gain(given[0], JumpLogOdds(*given[1:]), design, log_place_prior(design))
    slopes: Any = pt.grad(value.sum(), given)
    return pytensor.function(given, [value, *slopes], mode=MODE)


@pytest.mark.parametrize("before", [NEVER, -700.0, -14.0, 0.0, 14.0, 700.0])
def test_log_gain_of_a_certain_jump_has_a_finite_gradient(design, marginalised, before):
    shape = (*design.gap_low.shape[:1], 4, log_place_prior(design).shape[1])
    for size in (1e-3, 30.0, 1e3, 1e5):
        at = np.zeros(shape)
        at[:, 0, 0], at[:, 1, 1] = size, -size
        value, by_gain, *by_before = marginalised(
            at, np.full(shape[0], before), np.full(shape[:2], before)
        )
        for each in (value, by_gain, *by_before):
            assert np.isfinite(each).all()
        # A gain of one unit is worth at most one unit: the gradient is P(present at the place).
        assert by_gain.min() >= -1e-12
        assert by_gain.max() <= 1 + 1e-9


def test_log_gain_gradient_is_the_probability_of_a_jump_there(
    design, model, gains, point, marginalised
):
    u, frame = unknowns(point), table()
    _, at, *_ = marginalised(gains, *(evaluated(model, name)(point) for name in LOG_ODDS))
    for index, task in enumerate(design.tasks):
        exact = shares(frame, u, task, wide_places(frame, task, WIDTHS))
        for (place, arm), slope in np.ndenumerate(at[index].T):
            p = sum(q for (where, arms), q in exact.items() if where == place and arms[arm])
            assert slope == pytest.approx(p, abs=1e-8)
