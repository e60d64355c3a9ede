"""Families are predicted by fits that have not seen them, once, and influence finds the fits."""

import numpy as np
import pytest

from toolkit.fit.sampling import FitSettings, Variation
from toolkit.models.design import build_design
from toolkit.robustness.hidden_cells import units_of
from toolkit.robustness.left_out import COLUMNS, predict_left_out_families
from toolkit.robustness.variants import Variant, jump_table
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study

DESIGN = StudyDesign({"fern": (1e8, 1e9, 1e10, 8e10), "moss": (3e8, 3e9, 3e10)}, n_items=60)
TASKS = (PlantedTask("flat", "none", 5e9), PlantedTask("leap", "all arms", 5e9, 0.3))
SETTINGS = FitSettings(150, 200, 2, 0.9, 3)


@pytest.fixture(scope="module")
def scores():
    return simulate_study(DESIGN, TASKS, np.random.default_rng(4))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def found(scores, cache):
    return predict_left_out_families(scores, "step", SETTINGS, cache)


def test_every_family_is_predicted_over_all_its_cells(found):
    assert list(found.columns) == list(COLUMNS)
    assert found["lm_family"].tolist() == ["fern", "moss"]
    assert found["n_cells"].tolist() == [4 * 2 * 2 * 2, 3 * 2 * 2 * 2]
    assert found[["covered_50", "covered_90"]].apply(lambda c: c.between(0, 1)).all().all()
    assert (found["covered_50"] < found["covered_90"]).all()
    assert (found["log_score"] < 0).all()


def test_a_second_run_and_the_influence_fit_nothing(found, scores, cache, monkeypatch):
    def refuse(_):
        raise AssertionError("fitted again")

    monkeypatch.setattr(Variant, "fit", refuse)
    again = predict_left_out_families(scores, "step", SETTINGS, cache)
    assert again.equals(found)


def test_a_study_of_one_family_has_no_row(scores, cache):
    one = scores.where(scores.frame["lm_family"] == "fern")
    assert predict_left_out_families(one, "step", SETTINGS, cache).empty


def test_jumps_without_a_family_are_kept_for_influence(found, scores, cache, monkeypatch):
    monkeypatch.setattr(Variant, "fit", lambda _: pytest.fail("fitted again"))
    units = [unit for unit in units_of(build_design(scores)) if unit.kind == "family"]
    assert len(units) == len(found)
    for unit in units:
        table = jump_table(Variant(scores, "step", SETTINGS, Variation(unit.hidden)), cache)
        assert set(table["task"]) == {"flat", "leap"}
