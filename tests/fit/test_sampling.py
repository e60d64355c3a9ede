"""What is compiled anew and what is not, and what makes another fit."""

from dataclasses import replace
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pytest
import xarray as xr

from toolkit.errors import FitError
from toolkit.fit import code, sampling
from toolkit.fit.code import model_sources
from toolkit.fit.draws import fit_hash
from toolkit.fit.sampling import (
    KEPT_MODELS,
    PLAIN,
    FitSettings,
    Variation,
    compiled_model,
    keeping_models,
    structure,
)
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.models.model import Model
from toolkit.models.polynomial import STRAIGHT
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.scores import Scores

SETTINGS = FitSettings(draws=3, tune=5, chains=2, target_accept=0.8, random_seed=3)
STUDY = StudyDesign({"fern": (1e8, 1e9, 1e10), "moss": (3e8, 1e9)}, n_items=60)


def scores_of(seed=4, study=STUDY):
    tasks = [
        PlantedTask("flat", "none", 1e9, midpoint=1e12),
        PlantedTask("leap", "all arms", 1e9, 0.3, midpoint=1e11),
    ]
    return simulate_study(study, tasks, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def scores():
    return scores_of()


def changed(scores, **columns):
    return Scores(scores.frame.assign(**columns), scores.checkpoints, scores.tasks)


def test_structure_of_other_counts_and_items_is_the_same(scores):
    other = scores_of(seed=5)
    assert (other.frame["n_correct"] != scores.frame["n_correct"]).any()
    other = changed(other, n_items=other.frame["n_items"] + 40)
    assert structure(build_design(other)) == structure(build_design(scores))


def bigger(scores):
    sizes = scores.frame["n_params"]
    return changed(scores, n_params=sizes.where(sizes < 1e10, 3e10))


def renamed(scores):
    return changed(scores, task=scores.frame["task"].replace({"leap": "bound"}))


OTHERS = {
    "sizes": bigger,
    "arms": lambda scores: scores.where(scores.frame["n_shots"] == 0),
    "tasks": renamed,
    "fewer cells": lambda scores: scores.where(pd.Series(scores.frame.index != 3)),
    "chance": lambda scores: changed(scores, chance=0.3),
    "metric": lambda scores: changed(scores, metric="exact_match"),
    "families": lambda scores: changed(scores, lm_family="reed"),
}


@pytest.mark.parametrize("name", list(OTHERS))
def test_structure_of_another_study_is_another(scores, name):
    other = OTHERS[name](scores)
    assert structure(build_design(other)) != structure(build_design(scores))


class FakeCompiled:
    """What nutpie compiles to, as far as sampling asks: it takes data, and keeps them."""

    def __init__(self):
        self.data = {}

    def with_data(self, **data):
        self.data = data
        return self


@pytest.fixture
def compiled(monkeypatch):
    """Return the models compiled since, none of them really built."""
    made = []

    def compile_model(model, **options):
        assert options == {"backend": "numba"}
        made.append(FakeCompiled())
        return made[-1]

    monkeypatch.setattr(Model, "build", lambda model, design: None)
    monkeypatch.setattr(nutpie, "compile_pymc_model", compile_model)
    monkeypatch.setattr(sampling, "_compiled", {})
    return made


def test_compiled_model_is_the_same_for_other_counts(scores, compiled):
    one = compiled_model(MODELS["step"], build_design(scores))
    other = compiled_model(MODELS["step"], build_design(scores_of(seed=5)))
    assert one is other
    assert len(compiled) == 1


def test_compiled_model_of_another_structure_or_model_is_another(scores, compiled):
    design = build_design(scores)
    models = [
        compiled_model(MODELS["step"], design),
        compiled_model(MODELS["step"], build_design(bigger(scores))),
        compiled_model(MODELS["linear"], design),
    ]
    assert len({id(model) for model in models}) == len(compiled) == 3


def test_compiled_models_are_kept_up_to_a_number(scores, compiled):
    design = build_design(scores)
    for name in MODELS:
        compiled_model(MODELS[name], design)
    assert len(sampling._compiled) == KEPT_MODELS
    compiled_model(list(MODELS.values())[-1], design)  # the last is still there
    assert len(compiled) == len(MODELS)


def test_more_models_are_kept_while_asked_for(scores, compiled):
    design = build_design(scores)
    with keeping_models(len(MODELS)):
        for name in MODELS:
            compiled_model(MODELS[name], design)
        assert len(sampling._compiled) == len(MODELS)
    compiled_model(MODELS["step"], design)
    assert len(sampling._compiled) == KEPT_MODELS


def test_a_model_that_cannot_be_compiled_is_a_fit_error(scores, monkeypatch):
    def fails(model, **options):
        raise NotImplementedError("no such operation")

    monkeypatch.setattr(nutpie, "compile_pymc_model", fails)
    monkeypatch.setattr(sampling, "_compiled", {})
    with pytest.raises(FitError, match=r"could not be compiled.*no such operation"):
        compiled_model(MODELS["linear"], build_design(scores))
    assert not sampling._compiled


def trace_of(design, jumps):
    """Return what nutpie returns, made up."""
    lead, rng = ("chain", "draw"), np.random.default_rng(1)
    n_tasks, n_gaps = design.gap_low.shape
    values: dict[str, Any] = {
        "lapse": ((*lead, "task"), rng.random((2, 3, n_tasks))),
        "lapse_logodds__": ((*lead, "lapse_logodds___dim_0"), rng.random((2, 3, n_tasks))),
        "z_slope": ((*lead, "task"), rng.random((2, 3, n_tasks))),
        "task_log_likelihood": ((*lead, "task"), rng.random((2, 3, n_tasks))),
    }
    if jumps:
        values["jump_tasks"] = (lead, rng.random((2, 3)))
        values["jump_arms"] = ((*lead, "arm"), rng.random((2, 3, 4)))
        values["jump_log_odds"] = ((*lead, "task"), rng.normal(size=(2, 3, n_tasks)))
        each = (*lead, "task", "arm")
        values["jump_size"] = (each, np.full((2, 3, n_tasks, 4), 7.25))
        values["jump_arm_log_odds"] = (each, rng.normal(size=(2, 3, n_tasks, 4)))
        gain = np.full((2, 3, n_tasks, 4, n_gaps), -1e3)
        gain[..., 0, 1] = 1e3
        values["gain"] = ((*lead, "task", "arm", "gap"), gain)
    stats = {"diverging": (lead, np.zeros((2, 3), bool))}
    return {"posterior": xr.Dataset(values), "sample_stats": xr.Dataset(stats)}


@pytest.fixture
def sampled(scores, compiled, monkeypatch):
    """Return a function that samples a model without sampling, and the data that it was given."""
    design = build_design(scores)

    def sample(name, variation=PLAIN):
        trace = trace_of(design, MODELS[name].jumps)
        monkeypatch.setattr(nutpie, "sample", lambda model, **options: trace)
        draws = compiled_model(MODELS[name], design).sample(design, SETTINGS, variation)
        return draws, compiled[-1].data

    return sample


def test_sample_of_a_plain_fit_is_given_the_counts_of_the_design(scores, sampled):
    design = build_design(scores)
    _, data = sampled("step")
    np.testing.assert_array_equal(data["counts"], design.n_correct)
    np.testing.assert_array_equal(data["n_items"], design.n_items)
    assert float(data["jump_scale"]) == 1.0
    assert set(sampled("linear")[1]) == {"counts", "n_items", "log_ways"}


def test_sample_of_a_variation_hides_cells_and_scales_the_jump(scores, sampled):
    design = build_design(scores)
    hidden = np.random.default_rng(2).random(design.n_items.shape) < 0.5
    _, data = sampled("step", Variation(hidden, 2.0))
    for name, values in design.data.items():
        assert (data[name][hidden] == 0).all()
        np.testing.assert_array_equal(data[name][~hidden], values[~hidden])
    assert float(data["jump_scale"]) == 2.0


def test_sample_keeps_draws_without_what_they_were_made_from(scores, sampled):
    smooth, _ = sampled("linear")
    assert set(smooth["posterior"].data_vars) == {"lapse"}
    assert set(smooth["posterior"].dims) == {"chain", "draw", "task"}
    assert smooth["posterior"]["lapse"].dtype == np.float32
    assert smooth["log_likelihood"]["n_correct"].dims == ("chain", "draw", "task")
    draws, _ = sampled("step")
    posterior = draws["posterior"]
    assert set(posterior.data_vars) == {
        "lapse", "jump_tasks", "jump_arms", "jump_size", "jump_gap", "jump_present",
        "jump_probability",
    }  # fmt: skip
    assert (posterior["jump_gap"] == 1).all()
    assert posterior["jump_present"].isel(arm=0).all()
    assert not posterior["jump_present"].isel(arm=slice(1, None)).any()
    np.testing.assert_array_equal(posterior["jump_size"] == 7.25, posterior["jump_present"])


def test_sampling_that_fails_is_a_fit_error(scores, compiled, monkeypatch):
    def fails(model, **options):
        raise RuntimeError("all points have infinite density")

    design = build_design(scores)
    monkeypatch.setattr(nutpie, "sample", fails)
    with pytest.raises(FitError, match="infinite density"):
        compiled_model(MODELS["linear"], design).sample(design, SETTINGS)


def test_fit_hash_of_another_variation_is_another(scores):
    hidden = np.zeros((2, 20), bool)
    one, other = hidden.copy(), hidden.copy()
    one[0, 0] = other[0, 1] = True
    variations = [PLAIN, Variation(one), Variation(other), Variation(jump_scale=2.0)]
    variations.append(Variation(one, 2.0))
    keys = {fit_hash(scores, "step", SETTINGS, variation) for variation in variations}
    assert len(keys) == len(variations)
    assert fit_hash(scores, "step", SETTINGS, Variation(one.copy())) in keys


# What changes with the code of a module: the models that use it, by way of others too.
USERS = {
    "toolkit.models.spline": {
        "spline", "spline_step",
        # The shortest length stands there.
        "gaussian_process", "gaussian_process_step", "power_law", "power_law_step", "wide_step",
    },
    "toolkit.models.gaussian_process": {"gaussian_process", "gaussian_process_step"},
    "toolkit.models.power_law": {"power_law", "power_law_step", "wide_step"},  # and a width's scale
    "toolkit.models.wide_step": {"wide_step"},
    "toolkit.models.polynomial": set(MODELS),
    "toolkit.models.beta_binomial": set(MODELS),
    "toolkit.models.priors": set(MODELS),
    "toolkit.fit.sampling": set(MODELS),
}  # fmt: skip


@pytest.mark.parametrize("module", list(USERS))
def test_fit_hash_changes_with_the_code_of_a_model_and_of_no_other(scores, monkeypatch, module):
    monkeypatch.setattr(code, "code_of", lambda m: m.__name__)
    before = {name: fit_hash(scores, name, SETTINGS) for name in MODELS}
    monkeypatch.setattr(code, "code_of", lambda m: m.__name__ + "1" * (m.__name__ == module))
    after = {name: fit_hash(scores, name, SETTINGS) for name in MODELS}
    assert {name for name in MODELS if before[name] != after[name]} == USERS[module]


def test_fit_hash_changes_with_the_curve_and_its_settings(scores, monkeypatch):
    before = fit_hash(scores, "power_law_step", SETTINGS)
    curve = MODELS["power_law_step"].curve
    for other in (replace(curve, least_width=0.4), STRAIGHT):
        changed_model = replace(MODELS["power_law_step"], curve=other)
        monkeypatch.setitem(MODELS, "power_law_step", changed_model)
        assert fit_hash(scores, "power_law_step", SETTINGS) != before
    # Its words are free.
    monkeypatch.setitem(MODELS, "power_law_step", replace(changed_model, curve=curve, title="M"))
    assert fit_hash(scores, "power_law_step", SETTINGS) == before


def test_model_sources_of_the_step_model_are_the_files_it_is_made_of():
    names = {module.__name__.rpartition(".")[2] for module in model_sources("step")}
    assert names == {
        "sampling", "model", "design", "effects", "likelihood", "priors", "beta_binomial",
        "jump_mixture", "jump_size", "smooth", "some_arm", "step", "polynomial",
    }  # fmt: skip
