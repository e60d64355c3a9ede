"""What every model must do: build, be finite, be reproducible, be cached under its content."""

from dataclasses import fields, replace

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytest

from toolkit import paths
from toolkit.fit import GROUPS, FitSettings, fit_hash, fit_model
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.scores import Scores, read_scores
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study

MODE = "FAST_COMPILE"
SETTINGS = FitSettings(draws=20, tune=40, chains=2, target_accept=0.8, random_seed=3)
SMALL = StudyDesign({"fern": (1e8, 1e9, 1e10), "moss": (3e8, 1e9)}, n_items=60)


def small_scores():
    tasks = [
        PlantedTask("flat", "none", 1e9, midpoint=1e12),
        PlantedTask("leap", "all arms", 1e9, 0.3, midpoint=1e11),
    ]
    return simulate_study(SMALL, tasks, np.random.default_rng(4))


def without(scores, **where):
    """Return the scores without the rows that match every column given."""
    frame = scores.frame
    match = np.logical_and.reduce([frame[name] == value for name, value in where.items()])
    return scores.where(pd.Series(~match))


def exact(scores):
    return Scores(scores.frame.assign(metric="exact_match"), scores.checkpoints, scores.tasks)


TABLES = {
    "lu2024": lambda: read_scores(paths.CHECKOUT / "data" / "lu2024").of_record("closed"),
    "small": small_scores,
    "exact match": lambda: exact(small_scores()),
    "no few-shot": lambda: small_scores().where(small_scores().frame["n_shots"] == 0),
    "no tuned": lambda: without(small_scores(), instruction_tuned=True),
    "no few-shot in one task": lambda: without(small_scores(), task="flat", n_shots=5),
    "no largest base": lambda: without(small_scores(), task="flat", checkpoint="fern-1e+10"),
}


@pytest.fixture(scope="module", params=list(TABLES))
def table(request):
    return TABLES[request.param]()


@pytest.fixture(scope="module", params=list(MODELS))
def built(request, table):
    return MODELS[request.param](build_design(table))


def test_model_variables_have_named_dims_or_are_scalar(built):
    for variable in (*built.free_RVs, *built.observed_RVs, *built.deterministics, built["counts"]):
        dims = built.named_vars_to_dims.get(variable.name) or ()
        assert len(dims) == variable.ndim, f"{variable.name}: dims {dims}, ndim {variable.ndim}"
        assert all(dim in built.coords for dim in dims), f"{variable.name}: {dims}"


def test_model_log_density_at_the_initial_point_is_finite(built):
    point = built.initial_point()
    # Term by term: pytensor's Python mode adds up to 32 terms at once only.
    terms = built.compile_logp(sum=False, mode=MODE)(point)
    for name, term in zip([v.name for v in built.basic_RVs], terms, strict=True):
        assert np.isfinite(term).all(), name


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("name", ["lu2024", "no few-shot in one task"])
def test_model_gradient_at_the_initial_point_is_finite(model, name):
    # The one with an exact-match task and unequal numbers of gaps, and one with an empty arm.
    built = MODELS[model](build_design(TABLES[name]()))
    assert np.isfinite(built.compile_dlogp(mode=MODE)(built.initial_point())).all()


def test_model_prior_draws_give_accuracies_inside_the_unit_interval(built):
    node = built["n_correct"].owner
    expected = node.op.dist_params(node)[:2]
    without_jump, with_jump = pm.draw(expected, draws=100, random_seed=1, mode=MODE)
    for p in (without_jump, with_jump):
        assert np.isfinite(p).all()
        assert p.min() > 0
        assert p.max() < 1
    assert (with_jump >= without_jump).all()  # a jump never lowers
    assert without_jump.std() > 0.05


def test_model_data_are_the_counts_of_every_cell(built, table):
    counts = built["counts"].get_value()
    assert counts.sum() == table.frame["n_correct"].sum()
    assert (counts > 0).sum() == (table.frame["n_correct"] > 0).sum()


@pytest.fixture(scope="module", params=list(MODELS))
def fits(request, tmp_path_factory):
    """Return one fit, the same again, and the same in an empty cache (compiled once)."""
    scores, compiled, compile_model = small_scores(), [], nutpie.compile_pymc_model

    def compile_once(model, **options):
        compiled.append(compiled[0] if compiled else compile_model(model, **options))
        return compiled[0]

    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nutpie, "compile_pymc_model", compile_once)
        fits = [
            fit_model(scores, request.param, SETTINGS, cache) for cache in (first, first, second)
        ]
    assert len(compiled) == 2  # the second fit came from the cache
    return fits


def test_fit_of_the_same_scores_is_reused_from_the_cache(fits):
    fresh, again, elsewhere = fits
    assert [fit.reused for fit in fits] == [False, True, False]
    assert again.provenance == fresh.provenance
    assert fresh.provenance["hash"] == elsewhere.provenance["hash"]
    for name in fresh.idata["posterior"].data_vars:
        np.testing.assert_array_equal(
            fresh.idata["posterior"][name], again.idata["posterior"][name], err_msg=str(name)
        )


def test_fit_with_the_same_seed_gives_the_same_draws(fits):
    fresh, _, elsewhere = fits
    assert set(fresh.idata["posterior"].data_vars) == set(elsewhere.idata["posterior"].data_vars)
    for name in fresh.idata["posterior"].data_vars:
        np.testing.assert_array_equal(
            fresh.idata["posterior"][name], elsewhere.idata["posterior"][name], err_msg=str(name)
        )


def test_fit_has_the_groups_and_draws_asked_for(fits):
    for fit in fits:
        assert set(fit.idata.children) >= set(GROUPS)
        posterior = fit.idata["posterior"].to_dataset()
        assert (posterior.sizes["chain"], posterior.sizes["draw"]) == (2, 20)
        assert {"diverging", "energy"} <= set(fit.idata["sample_stats"].data_vars)
        assert all(np.isfinite(posterior[name]).all() for name in posterior)
        assert not [name for name in posterior if str(name).startswith("z_")]
        assert not [name for name in posterior if str(name).endswith("__")]
        log_likelihood = fit.idata["log_likelihood"]["n_correct"]
        assert log_likelihood.sizes["task"] == 2
        assert np.isfinite(log_likelihood).all()


def test_fit_jumps_lie_in_the_gaps_of_their_task(fits):
    posterior, design = fits[0].idata["posterior"].to_dataset(), fits[0].design
    for index, task in enumerate(design.tasks):
        gaps = posterior["jump_gap"].sel(task=task).to_numpy()
        assert not np.isnan(design.gap_low[index][gaps]).any()
    assert posterior["jump_present"].dtype == bool
    assert float(posterior["jump_probability"].min()) >= 0
    assert float(posterior["jump_probability"].max()) <= 1


def changed(scores, **values):
    frame = scores.frame.copy()
    for name, value in values.items():
        frame.loc[0, name] = value
    return Scores(frame, scores.checkpoints, scores.tasks)


def test_fit_hash_of_the_same_content_is_the_same():
    assert fit_hash(small_scores(), "step", SETTINGS) == fit_hash(small_scores(), "step", SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"n_correct": 1.0}, {"n_items": 61.0}, {"chance": 0.26}, {"n_params": 1.1e8},
        {"lm_family": "reed"}, {"n_shots": 4.0}, {"metric": "exact_match"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_fit_hash_of_changed_scores_is_another(change):
    scores = small_scores()
    before = fit_hash(scores, "step", SETTINGS)
    assert fit_hash(changed(scores, **change), "step", SETTINGS) != before


@pytest.mark.parametrize("name", [field.name for field in fields(FitSettings)])
def test_fit_hash_of_changed_settings_is_another(name):
    other = replace(SETTINGS, **{name: getattr(SETTINGS, name) * 0.99})
    scores = small_scores()
    assert fit_hash(scores, "step", other) != fit_hash(scores, "step", SETTINGS)


def test_fit_hash_of_another_model_is_another():
    scores = small_scores()
    assert fit_hash(scores, "step", SETTINGS) != fit_hash(scores, "smooth", SETTINGS)
