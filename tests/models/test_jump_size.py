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
    presence,
    sharp_places,
    table,
    unknowns,
)
from scipy import integrate, stats

from toolkit.models import MODELS, jump_size
from toolkit.models.priors import Prior

TASK = "sorting"


def test_size_has_the_prior_where_present_and_the_other_density_where_absent(design, point):
    built = MODELS["step"].build(design)
    logp = built.compile_logp(vars=[built["jump_size"]], jacobian=False, mode=MODE)
    u = unknowns(point)
    size, w = u["jump_size"], u["jump_share"]
    for scale in (0.5, 1.0, 2.0):
        built["jump_scale"].set_value(scale)
        density = w * stats.halfnorm.pdf(size, scale=2 * scale)
        density += (1 - w) * stats.lognorm.pdf(size, 1.2, scale=0.5)
        assert logp(point) == pytest.approx(np.log(density).sum())


def test_presence_is_the_same_by_hand_and_in_the_model(model, point):
    u = unknowns(point)
    expected = presence(u)
    in_model = evaluated(model, "jump_presence")(point)
    np.testing.assert_allclose(in_model, expected, rtol=1e-10)


@pytest.mark.parametrize("log_size", [-20.0, 0.0, 4.0])
@pytest.mark.parametrize("log_odds", [-400.0, -40.0, 0.0, 30.0])
def test_extreme_sizes_and_shares_have_a_finite_density_and_gradient(model, log_size, log_odds):
    point = model.initial_point()
    point["jump_size_log__"] = np.full((3, 4), log_size)
    point["jump_share_logodds__"] = np.full(4, log_odds)
    found = evaluated(model, "jump_presence")(point)
    assert ((found >= 0) & (found <= 1)).all()
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
    # Each set of arms with the prior of the sizes that it has and the other density of the rest.
    frame, u = table(), unknowns(point)
    without, places = log_pmfs(frame, u), list(sharp_places(frame, TASK))
    mine = (frame.task == TASK).to_numpy()
    arm = (frame.n_shots > 0).to_numpy() + 2 * frame.instruction_tuned.to_numpy()
    t = sorted(set(frame.task)).index(TASK)
    size, w = u["jump_size"][t], u["jump_share"]
    terms = []
    for risen in places:
        lifted = log_pmfs(frame, u, risen)
        for arms in itertools.product((False, True), repeat=4):
            on = np.array(arms)
            present = np.log(w) + stats.halfnorm.logpdf(size, scale=2)
            absent = np.log1p(-w) + stats.lognorm.logpdf(size, 1.2, scale=0.5)
            cells = np.where(on[arm], lifted, without)[mine].sum()
            terms.append(np.where(on, present, absent).sum() + cells - np.log(len(places)))
    density = w * stats.halfnorm.pdf(size, scale=2)
    density += (1 - w) * stats.lognorm.pdf(size, 1.2, scale=0.5)
    found = np.log(density).sum() + log_marginal(frame, u, TASK)
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
    at["jump_share_logodds__"] = np.where(np.arange(4) == changed, 0.3, 30.0)
    terms = [built["jump_size"], built["n_correct"]]
    logp, values = built.compile_logp(vars=terms, mode=MODE), []
    grid = np.linspace(-18, 8, 800)
    for log_size in grid:
        log_sizes = np.where(np.arange(4) == changed, log_size, -0.2)[None]
        values.append(float(logp({**at, "jump_size_log__": log_sizes})))
    largest = max(values)
    return largest + np.log(integrate.simpson(np.exp(np.array(values) - largest), x=grid))
