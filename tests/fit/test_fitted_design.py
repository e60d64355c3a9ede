"""What a table can't tell apart is one thing in the model that is fitted."""

import numpy as np
import pytest
import xarray as xr

from benchmarks import studies
from toolkit.estimands.jumps import expected_accuracy
from toolkit.fit.draws import fit_hash
from toolkit.fit.fitted_design import TASKS_FEW, adaptations, design_of
from toolkit.fit.sampling import FitSettings
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.predictive.prior_predictive import prior_draws
from toolkit.study.claims import ARMS, Arm
from toolkit.study.scores import Scores

SETTINGS = FitSettings(10, 10, 2, 0.9, 1)
FEW_SHOT_BASE = Arm(True, False)


@pytest.fixture(scope="module")
def scores():
    """Return a small study with all four arms."""
    return studies.small()


@pytest.fixture(scope="module")
def few_shot_only(scores):
    """Return its cells with demonstrations."""
    return scores.where(scores.frame["n_shots"] > 0)


def names_in(scores: Scores) -> set[str]:
    """Return the unknowns of the step model of a table."""
    return {variable.name for variable in MODELS["step"].build(design_of(scores)).free_RVs}


def test_a_table_with_all_arms_is_fitted_as_it_is(scores):
    fitted, built = design_of(scores), build_design(scores)
    assert np.array_equal(fitted.few_shot, built.few_shot)
    assert np.array_equal(fitted.tuned, built.tuned)
    for effect in ("few_shot", "tuned"):
        assert any(effect in name for name in names_in(scores))


def test_demonstrations_in_every_cell_have_no_effect_of_their_own(few_shot_only):
    names = names_in(few_shot_only)
    assert not [name for name in names if "few_shot" in name]
    assert [name for name in names if "tuned" in name]


def test_tuning_of_every_checkpoint_has_no_effect_of_its_own(scores):
    tuned_only = scores.where(scores.frame["instruction_tuned"])
    assert not [name for name in names_in(tuned_only) if "tuned" in name or "pair" in name]


def test_jumps_stay_in_the_arm_that_was_scored(few_shot_only):
    design = design_of(few_shot_only)
    measured = np.all(design.arms_measured, axis=0)
    assert [arm for arm, known in zip(ARMS, measured, strict=True) if known] == [
        FEW_SHOT_BASE,
        Arm(True, True),
    ]


def test_the_curve_is_that_of_the_arm_that_was_scored(few_shot_only):
    design = design_of(few_shot_only)
    draws = prior_draws(design, 20, 3)
    x = xr.DataArray([0.0, 0.5], dims="x")
    chance = xr.DataArray(design.chance, dims="task")
    plain, few_shot = (expected_accuracy(draws, chance, x, arm) for arm in (ARMS[0], FEW_SHOT_BASE))
    assert np.array_equal(plain, few_shot)


def test_such_a_fit_has_another_name_and_others_keep_theirs(scores, few_shot_only, monkeypatch):
    before = fit_hash(scores, "step", SETTINGS), fit_hash(few_shot_only, "step", SETTINGS)
    monkeypatch.setattr("toolkit.fit.draws.adaptations", lambda _: [])
    after = fit_hash(scores, "step", SETTINGS), fit_hash(few_shot_only, "step", SETTINGS)
    assert before[0] == after[0]
    assert before[1] != after[1]


def exact_match(scores: Scores, chance: float, share_below: float) -> Scores:
    """Return the table scored by exact match, with so many cells of each task at 0 correct."""
    frame = scores.frame.assign(metric="exact_match", chance=chance)
    rank = frame.groupby("task")["n_params"].rank(method="first", pct=True)
    low = rank <= share_below
    counts = frame["n_correct"].where(~low, 0.0)
    return Scores(
        frame.assign(n_correct=counts, score=counts / frame["n_items"]),
        scores.checkpoints,
        scores.tasks,
    )


@pytest.mark.parametrize(
    ("chance", "share_below", "kept"), [(0.0, 0.5, False), (0.25, 0.5, True), (0.25, 0.0, False)]
)
def test_compliance_is_fitted_only_where_scores_below_chance_show_it(
    scores, chance, share_below, kept
):
    table = exact_match(scores, chance, share_below)
    assert any("compliance" in name for name in names_in(table)) == kept
    assert ("unparseable is wrong" in adaptations(table)) != kept


def test_one_task_below_chance_shows_the_compliance_of_all(scores):
    frame = exact_match(scores, 0.25, 0.5).frame
    free = frame["task"] == frame["task"].iloc[0]
    mixed = Scores(
        frame.assign(chance=frame["chance"].where(~free, 0.0)), scores.checkpoints, scores.tasks
    )
    assert design_of(mixed).has_compliance.all()


def test_other_metrics_are_untouched_by_scores_below_chance(scores):
    assert adaptations(scores) == []


def test_slopes_of_few_tasks_are_multiples_of_their_spread():
    few, many = studies.rich(TASKS_FEW - 1, 1), studies.rich(TASKS_FEW, 1)
    assert {"z_slope"} <= names_in(few)
    assert "slope_effect" in names_in(many)
    assert adaptations(few) == ["slopes as multiples"]
    assert adaptations(many) == []


def test_slopes_as_multiples_are_the_same_model():
    few = studies.rich(3, 1)
    as_multiples, as_themselves = (
        MODELS["step"].build(design) for design in (design_of(few), build_design(few))
    )
    at = as_multiples.initial_point(5)
    at["z_slope"] = np.array([0.3, -1.2, 0.7])
    mu, sigma = at["mu_slope"], np.exp(at["sigma_slope_log__"])
    moved = {name: value for name, value in at.items() if name != "z_slope"}
    moved["slope_effect"] = mu + sigma * at["z_slope"]
    # A density of the slopes themselves is that of the multiples over the scale, once per slope.
    jacobian = 3 * np.log(sigma)
    assert as_multiples.compile_logp()(at) == pytest.approx(
        as_themselves.compile_logp()(moved) + jacobian, rel=1e-10
    )
