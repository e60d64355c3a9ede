"""Sizes of jumps that may be absent: densities by hand, and that absent ones change nothing."""

import itertools

import numpy as np
import pytest
from by_hand import (
    MODE,
    a_point,
    design_of,
    evaluated,
    log_marginal,
    log_pmfs,
    log_sum,
    sets_of_arms,
    sharp_places,
    table,
    unknowns,
)
from scipy import integrate, special, stats

from toolkit.models import MODELS, jump_size
from toolkit.models.priors import PRIORS, Prior
from toolkit.models.step import SHARP
from toolkit.predictive.prior_predictive import drawn

TASK = "sorting"
SHARES = (("tasks", ()), ("arms", (4,)))


def test_size_has_the_prior_where_present_and_the_other_density_where_absent(design, point):
    built = MODELS["step"].build(design)
    terms = [built["jump_size"], built["jump_size_prior"]]
    logp = built.compile_logp(vars=terms, jacobian=False, mode=MODE)
    u = unknowns(point)
    for scale in (0.5, 1.0, 2.0):
        built["jump_scale"].set_value(scale)
        densities = [sets_of_arms(table(), u, task, scale).values() for task in design.tasks]
        assert logp(point) == pytest.approx(sum(np.log(sum(each)) for each in densities))


def test_log_odds_that_a_task_jumps_are_the_same_by_hand_and_in_the_model(design, model, point):
    found = evaluated(model, "jump_log_odds")(point)
    for task, log_odds in zip(design.tasks, found, strict=True):
        sets = sets_of_arms(table(), unknowns(point), task)
        still = sets.pop((False,) * 4)
        assert log_odds == pytest.approx(np.log(sum(sets.values()) / still), abs=1e-10)


def test_whatever_the_sizes_shares_alone_say_how_probable_jumps_are(design, point):
    u = unknowns(point)
    w, v = u["jump_tasks"], u["jump_arms"]
    jumping, in_arm = jump_size.log_odds_of_shares(np.full(5, w), np.tile(v, (5, 1)), design)
    np.testing.assert_allclose(jumping, np.full((5, 3), special.logit(w)))
    np.testing.assert_allclose(in_arm, np.broadcast_to(special.logit(v), (5, 3, 4)))


@pytest.mark.parametrize(
    ("arms", "in_arm"), [((0,), 0.5), ((0, 1), 0.3225), ((0, 1, 2, 3), 0.2626)]
)
def test_prior_probability_that_a_task_jumps_is_a_half_whatever_was_scored_of_it(arms, in_arm):
    # In an arm: half the mean of v_a / (1 - prod(1 - v)) over v, by integration.
    frame = table()
    scored = (frame.n_shots > 0) + 2 * frame.instruction_tuned
    design = design_of(frame[(frame.task == TASK) & scored.isin(arms)])
    rng, n = np.random.default_rng(6), 40_000
    shares = (drawn(PRIORS[f"jump_{name}"], (1, n, *more), rng) for name, more in SHARES)
    no_gain = np.zeros((1, n, 1, 4, design.gap_low.shape[1]))
    before = jump_size.log_odds_of_shares(*shares, design)
    found = SHARP.draw(no_gain, before, design, rng).present[0, :, 0][:, list(arms)]
    error = 4 * 0.5 / np.sqrt(n)
    assert found.any(axis=1).mean() == pytest.approx(0.5, abs=error)
    assert found.mean(axis=0) == pytest.approx(np.full(len(arms), in_arm), abs=error)


@pytest.mark.parametrize("log_size", [-20.0, 0.0, 4.0])
@pytest.mark.parametrize("log_odds", [-400.0, -40.0, 0.0, 30.0])
def test_extreme_sizes_and_shares_have_a_finite_density_and_gradient(model, log_size, log_odds):
    point = model.initial_point()
    point["jump_size_log__"] = np.full((3, 4), log_size)
    point["jump_tasks_logodds__"] = np.array(log_odds)
    point["jump_arms_logodds__"] = np.full(4, log_odds)
    for name in jump_size.LOG_ODDS:
        assert np.isfinite(evaluated(model, name)(point)).all()
    values = model.compile_fn(
        [*model.logp(sum=False), model.dlogp()], inputs=model.value_vars, mode=MODE
    )(point)
    for value in values:
        assert np.isfinite(value).all()


def test_sizes_of_absent_jumps_are_drawn_from_their_prior_and_the_others_kept():
    rng = np.random.default_rng(4)
    size, present = rng.uniform(5, 9, (2, 4000, 3, 4)), rng.random((2, 4000, 3, 4)) < 0.4
    found = jump_size.drawn_where_absent(size, present, 0.5, rng)
    np.testing.assert_array_equal(found[present], size[present])
    assert stats.kstest(found[~present], stats.halfnorm(scale=1.0).cdf).pvalue > 1e-3


def test_sizes_and_counts_are_together_as_likely_as_the_sum_over_gaps_and_sets_of_arms(
    model, point
):
    # Each set of arms with the prior of the sizes that it has and the other density of the rest;
    # of the task that has cells in every arm.
    frame, u = table(), unknowns(point)
    without, places = log_pmfs(frame, u), list(sharp_places(frame, TASK))
    mine = (frame.task == TASK).to_numpy()
    arm = (frame.n_shots > 0).to_numpy() + 2 * frame.instruction_tuned.to_numpy()
    t = sorted(set(frame.task)).index(TASK)
    size, w, v = u["jump_size"][t], u["jump_tasks"], u["jump_arms"]
    terms, some = [], np.log(1 - np.prod(1 - v))
    for risen in places:
        lifted = log_pmfs(frame, u, risen)
        for arms in list(itertools.product((False, True), repeat=4))[1:]:
            on = np.array(arms)
            present = np.log(v) + stats.halfnorm.logpdf(size, scale=2)
            absent = np.log1p(-v) + stats.lognorm.logpdf(size, 1.2, scale=0.5)
            cells = np.where(on[arm], lifted, without)[mine].sum()
            jumps = np.log(w) - some - np.log(len(places))
            terms.append(np.where(on, present, absent).sum() + cells + jumps)
    still = stats.lognorm.logpdf(size, 1.2, scale=0.5).sum() + without[mine].sum()
    terms.append(np.log1p(-w) + still)
    of_sizes = np.log(sum(sets_of_arms(frame, u, TASK).values()))
    found = of_sizes + log_marginal(frame, u, TASK)
    assert found == pytest.approx(log_sum(np.array(terms)), abs=1e-8)
    assert evaluated(model, "task_log_likelihood")(point)[t] == pytest.approx(
        log_marginal(frame, u, TASK), abs=1e-8
    )


@pytest.mark.parametrize("model_name", ["step", "wide_step"])
def test_what_stands_for_absent_sizes_changes_no_likelihood(monkeypatch, model_name):
    frame = table()
    alone = design_of(frame[frame.task == TASK])
    totals = []
    for absent in (jump_size.ABSENT, Prior("log_normal", (0.3, 0.6), "", "")):
        monkeypatch.setattr(jump_size, "ABSENT", absent)
        totals.append(log_over_sizes(MODELS[model_name].build(alone)))
    assert totals[1] == pytest.approx(totals[0], abs=1e-6)


def log_over_sizes(built):
    """Return the log of prior times likelihood over all sizes of the jump with tuning only."""
    at, changed = a_point(built, 3), 2
    # In the other arms jumps are certain, where their sizes have the prior.
    at["jump_tasks_logodds__"] = np.array(30.0)
    at["jump_arms_logodds__"] = np.where(np.arange(4) == changed, 0.3, 30.0)
    terms = [built["jump_size"], built["jump_size_prior"], built["n_correct"]]
    logp, values = built.compile_logp(vars=terms, mode=MODE), []
    grid = np.linspace(-18, 8, 800)
    for log_size in grid:
        log_sizes = np.where(np.arange(4) == changed, log_size, -0.2)[None]
        values.append(float(logp({**at, "jump_size_log__": log_sizes})))
    largest = max(values)
    return largest + np.log(integrate.simpson(np.exp(np.array(values) - largest), x=grid))
