"""The step model against a sum over every gap and every set of jumping arms, written anew."""

import numpy as np
import pytest
from by_hand import (
    MODE,
    a_point,
    assert_drawn_as,
    design_of,
    evaluated,
    log_marginal,
    log_pmfs,
    shares,
    table,
    unknowns,
)
from scipy.special import logit

from toolkit.models import MODELS, step
from toolkit.models.jump_size import LOG_ODDS, JumpLogOdds


@pytest.fixture(scope="module")
def marginal(model):
    return model.compile_logp(vars=[model["n_correct"]], sum=False, mode=MODE)


@pytest.fixture(scope="module")
def gain(model):
    return evaluated(model, "gain")


def test_marginal_log_likelihood_equals_the_sum_over_gaps_and_arms(design, point, marginal):
    u = unknowns(point)
    expected = [log_marginal(table(), u, task) for task in design.tasks]
    np.testing.assert_allclose(np.ravel(marginal(point)), expected, atol=1e-8, rtol=0)


def test_marginal_log_likelihood_at_other_points_equals_the_sum(design, model, marginal):
    frame = table()
    for seed in (1, 2, 3):
        point = a_point(model, seed, scale=1.2)
        u = unknowns(point)
        expected = [log_marginal(frame, u, task) for task in design.tasks]
        # Concentrations reach 1e5 here, where a cell keeps nine digits after the point.
        np.testing.assert_allclose(np.ravel(marginal(point)), expected, atol=1e-8, rtol=0)


def test_task_log_likelihood_is_the_one_the_sampler_sees(model, point, marginal):
    kept = evaluated(model, "task_log_likelihood")(point)
    np.testing.assert_array_equal(kept, np.ravel(marginal(point)))


def without_jumps(design, point):
    without = log_pmfs(table(), unknowns(point))
    return [without[(table().task == task).to_numpy()].sum() for task in design.tasks]


def test_marginal_log_likelihood_with_no_share_is_that_without_jumps(design, point, marginal):
    nowhere = {**point, "jump_tasks_logodds__": np.array(-400.0)}
    expected = without_jumps(design, nowhere)
    np.testing.assert_allclose(np.ravel(marginal(nowhere)), expected, atol=1e-8, rtol=0)


def test_marginal_log_likelihood_of_jumps_of_no_size_is_that_without_jumps(design, point, marginal):
    flat = {**point, "jump_size_log__": np.full((3, 4), -60.0)}
    expected = without_jumps(design, flat)
    np.testing.assert_allclose(np.ravel(marginal(flat)), expected, atol=1e-8, rtol=0)


def test_hidden_cells_leave_the_likelihood_of_the_rest(design, point):
    hidden = np.random.default_rng(6).random(design.n_items.shape) < 0.4
    built = MODELS["step"].build(design)
    for name, values in design.data.items():
        built[name].set_value(np.where(hidden, 0.0, values))
    frame = table()
    slot = frame.groupby("task").cumcount()
    row_task = [design.tasks.index(task) for task in frame.task]
    seen = ~hidden[row_task, slot]
    assert 5 < seen.sum() < len(frame) - 5
    u, found = unknowns(point), evaluated(built, "task_log_likelihood")(point)
    for index, task in enumerate(design.tasks):
        expected = log_marginal(frame, u, task, seen=seen)
        assert found[index] == pytest.approx(expected, abs=1e-8)


def test_a_hidden_cell_is_as_one_that_was_never_scored(design, point):
    # Of fern-m on sorting with shots: everything it belongs to has other cells as well, and the arm
    # other sizes.
    frame = table()
    drop = (frame.task == "sorting") & (frame.checkpoint == "fern-m") & (frame.n_shots > 0)
    hidden, dropped = (MODELS["step"].build(d) for d in (design, design_of(frame[~drop])))
    task, slot = design.tasks.index("sorting"), int(frame.groupby("task").cumcount()[drop].iloc[0])
    for name, values in design.data.items():
        hidden[name].set_value(np.where(np.indices(values.shape)[1] == slot, 0.0, values))
    values = [evaluated(built, "task_log_likelihood")(point)[task] for built in (hidden, dropped)]
    assert values[0] == pytest.approx(values[1], abs=1e-10)


def test_gain_of_arms_without_cells_above_the_gap_is_exactly_zero(design, gain, point):
    gains = gain(point)
    naming, puns = design.tasks.index("naming"), design.tasks.index("puns")
    last = 2
    assert (gains[naming, 2:, last] == 0).all()  # no tuned cell above the last gap
    assert (gains[naming, :2, last] != 0).all()
    assert (gains[puns, [1, 3]] == 0).all()  # no few-shot cells
    assert (gains[puns, :, last] == 0).all()  # a gap that puns do not have


@pytest.fixture(scope="module")
def drawn(design, model, gain, point):
    """Return 40,000 draws of gap and presence at one point, and the unknowns of that point."""
    n, u = 40_000, unknowns(point)
    gains = np.broadcast_to(gain(point), (1, n, 3, 4, 3))
    at_point = (evaluated(model, name)(point) for name in LOG_ODDS)
    before = JumpLogOdds(*(np.broadcast_to(each, (1, n, *each.shape)) for each in at_point))
    return step.SHARP.draw(gains, before, design, np.random.default_rng(8)), u


def test_drawn_jumps_are_spread_as_the_exact_conditional(design, drawn):
    jumps, u = drawn
    for index, task in enumerate(design.tasks):
        exact = shares(table(), u, task)
        assert_drawn_as(exact, jumps.place[0, :, index], jumps.present[0, :, index])


def test_jump_probability_equals_the_exact_marginal(design, drawn):
    jumps, u = drawn
    for index, task in enumerate(design.tasks):
        exact = shares(table(), u, task)
        for arm in range(4):
            p = sum(q for (_, arms), q in exact.items() if arms[arm])
            assert jumps.probability[0, 0, index, arm] == pytest.approx(p, abs=1e-8)


def test_draw_jumps_with_overwhelming_evidence_stays_finite(design):
    gains = np.zeros((1, 3, 3, 4, 3))
    gains[..., 0, 1] = [[[900.0, -900.0, 0.0]] * 3]
    before = JumpLogOdds(np.full((1, 3, 3), -30.0), np.full((1, 3, 3, 4), -30.0))
    with np.errstate(all="raise", under="ignore"):
        jumps = step.SHARP.draw(gains, before, design, np.random.default_rng(1))
    assert np.isfinite(jumps.probability).all()
    assert jumps.probability[0, 0, 0, 0] == pytest.approx(1)
    assert jumps.present[0, :, 0, 0].all()
    assert (jumps.place[0, :, 0] == 1).all()


def test_draw_jumps_without_gains_come_from_their_log_odds(design):
    gains = np.zeros((1, 20_000, 3, 4, 3))
    each = np.array([0.1, 0.5, 0.9, 0.3])
    in_arm = np.broadcast_to(logit(each), (1, 20_000, 3, 4))
    before = JumpLogOdds(np.full((1, 20_000, 3), logit(0.8)), in_arm)
    jumps = step.SHARP.draw(gains, before, design, np.random.default_rng(2))
    # Four standard errors of a share of a half.
    share = np.tile(0.8 * each / (1 - np.prod(1 - each)), (3, 1))
    # Only one arm of puns has two sizes: a task that jumps jumps there, and is free in the others.
    share[design.tasks.index("puns")] = [0.8, *(0.8 * each[1:])]
    assert np.abs(jumps.present.mean(axis=(0, 1)) - share).max() < 4 * 0.5 / np.sqrt(20_000)
    puns = design.tasks.index("puns")
    assert set(np.unique(jumps.place[..., puns])) == {0, 1}
    assert step.SHARP.places(jumps.place)["jump_gap"] is jumps.place
