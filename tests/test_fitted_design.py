"""What a table can't tell apart is one thing in the model that is fitted."""

import numpy as np
import pytest
import xarray as xr

from benchmarks import studies
from toolkit.claims import ARMS, Arm
from toolkit.estimands import expected_accuracy
from toolkit.fit import design_of, fit_hash
from toolkit.measured import is_measured
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.prior_predictive import prior_draws
from toolkit.sampling import FitSettings
from toolkit.scores import Scores

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
    measured = is_measured(design).all(axis=0)
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
    monkeypatch.setattr("toolkit.fit._everywhere", lambda _: [])
    after = fit_hash(scores, "step", SETTINGS), fit_hash(few_shot_only, "step", SETTINGS)
    assert before[0] == after[0]
    assert before[1] != after[1]
