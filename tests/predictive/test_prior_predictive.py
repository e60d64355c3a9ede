"""Prior draws made with NumPy: those of the model itself, and what they say of scores."""

import numpy as np
import pytest

from toolkit import paths
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.models.jump_size import LOG_ODDS
from toolkit.models.priors import PRIORS, Prior
from toolkit.predictive.prior_predictive import N_SHOWN, drawn, prior_draws, prior_predictive
from toolkit.study.claims import ARM_LABELS
from toolkit.study.scores import read_scores

# What sampling adds to or takes from the variables of the compiled model.
DRAWN_LATER = {"jump_gap", "jump_present", "jump_probability"}
NOT_KEPT = {
    "gain",
    "log_ways",
    *LOG_ODDS,
    "jump_size_prior",
    "task_log_likelihood",
    "n_correct",
    "counts",
    "n_items",
    "jump_scale",
}


@pytest.fixture(scope="module")
def design():
    """Return the design of Lu et al. 2024: 22 tasks, four arms, three exact-match tasks."""
    return build_design(read_scores(paths.CHECKOUT / "data" / "lu2024").of_record("closed"))


@pytest.fixture(scope="module")
def draws(design):
    return prior_draws(design, 1500, 3)


@pytest.fixture(scope="module")
def prior(design):
    return prior_predictive(design, 400, 3)


def test_draws_have_the_variables_and_shapes_that_a_fit_keeps(design, draws):
    model = MODELS["step"].build(design)
    wanted = {
        name: tuple(model.named_vars_to_dims.get(name) or ())
        for name in model.named_vars
        if not name.startswith("z_") and name not in NOT_KEPT
    }
    made = {str(name): tuple(map(str, v.dims[2:])) for name, v in draws.items()}
    assert {name: dims for name, dims in made.items() if name not in DRAWN_LATER} == wanted
    assert set(made) >= DRAWN_LATER


def test_draws_follow_their_priors(draws):
    sigma = PRIORS["sigma_slope"].arguments[0]
    assert float(draws["sigma_slope"].mean()) == pytest.approx(sigma * np.sqrt(2 / np.pi), abs=0.06)
    mu, sd = PRIORS["intercept_effect"].arguments
    assert float(draws["intercept_effect"].mean()) == pytest.approx(mu, abs=0.05)
    assert float(draws["intercept_effect"].std()) == pytest.approx(sd, abs=0.05)
    alpha, beta = PRIORS["lapse"].arguments
    assert float(draws["lapse"].mean()) == pytest.approx(alpha / (alpha + beta), abs=0.005)
    # Half of the tasks jump, in one at least of the four arms that each has (test_jump_size.py).
    present = draws["jump_present"]
    assert float(present.mean()) == pytest.approx(0.2626, abs=0.02)
    assert float(present.any("arm").mean()) == pytest.approx(1 / 2, abs=0.02)


def test_contrasts_sum_to_zero_over_the_members_that_occur(design, draws):
    for name, dim in (("family", "lm_family"), ("checkpoint", "base")):
        total = draws[f"{name}_effect"].sum(dim)
        assert float(np.abs(total).max()) < 1e-9
    tuned = np.unique(design.tuned_checkpoint[design.tuned > 0])
    assert float(np.abs(draws["pair_effect"].isel(tuned_checkpoint=tuned).sum()).max()) < 1e-6


def test_jumps_lie_only_in_the_gaps_that_a_task_has(design, draws):
    gap = draws["jump_gap"].to_numpy()
    assert (gap < design.n_gaps).all()
    assert (gap >= 0).all()
    assert draws["jump_present"].sizes["arm"] == len(ARM_LABELS)


def test_prior_predictive_is_what_the_priors_promise(prior):
    # priors.py: about half of the weight on no task moving far without a jump; no favoured end.
    assert 0.25 <= prior.calm <= 0.75
    assert prior.calm_with_jumps < prior.calm
    assert prior.at_floor < 0.2
    assert prior.at_ceiling < 0.2
    assert 0.1 < prior.p_jump < 0.3
    # As likely as not the controlled arm has jumps in a few of the 22 tasks, and not in all.
    assert 0.1 < prior.p_none < 0.3


def test_prior_predictive_bands_are_in_order_and_within_chance_and_perfect(prior):
    bands = prior.bands[["low", "quarter", "middle", "three_quarters", "high"]].to_numpy()
    assert (np.diff(bands, axis=1) >= 0).all()
    assert bands.min() >= 0
    assert bands.max() <= 1
    assert prior.bands["n_params"].is_monotonic_increasing
    assert prior.examples["curve"].nunique() == N_SHOWN
    assert prior.examples["share"].between(0, 1).all()


def test_prior_predictive_sentence_holds_its_numbers(prior):
    assert f"In {100 * prior.calm:.0f}% of 400 prior draws none of the 22 tasks" in prior.sentence
    assert f"prior probability {prior.p_jump:.2f}, " in prior.sentence
    assert f"no task has one {prior.p_none:.2f}." in prior.sentence


def test_prior_predictive_is_the_same_for_the_same_seed(design):
    first, again = prior_predictive(design, 50, 1), prior_predictive(design, 50, 1)
    assert first.sentence == again.sentence
    assert first.bands.equals(again.bands)


@pytest.mark.parametrize(
    ("prior", "mean"),
    [
        (Prior("normal", (1.0, 2.0), "", ""), 1.0),
        (Prior("half_normal", (1.0,), "", ""), np.sqrt(2 / np.pi)),
        (Prior("log_normal", (0.0, 0.5), "", ""), np.exp(0.125)),
        (Prior("beta", (1.0, 3.0), "", ""), 0.25),
    ],
    ids=lambda value: getattr(value, "family", ""),
)
def test_drawn_has_the_mean_of_its_family(prior, mean):
    values = drawn(prior, (20000,), np.random.default_rng(1))
    assert values.mean() == pytest.approx(mean, abs=0.05)
