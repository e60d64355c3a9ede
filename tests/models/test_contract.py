"""What every model must do: build, be finite, be reproducible, be cached under its content."""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytest

from toolkit import paths
from toolkit.fit.draws import FitSettings, fit_hash, fit_model, is_fitted
from toolkit.fit.sampling import Variation, compiled_model
from toolkit.models import MODELS, RIVALS, SMOOTH
from toolkit.models.design import build_design
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.scores import Scores, read_scores

MODE = "FAST_COMPILE"
SETTINGS = FitSettings(draws=20, tune=40, chains=2, target_accept=0.8, random_seed=3)
SMALL = StudyDesign({"fern": (1e8, 1e9, 1e10), "moss": (3e8, 1e9)}, n_items=60)
# Compiling takes most of a minute: one smooth model and one with a step, the rest by `test-slow`.
SAMPLED = ("linear", "step")


@cache
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
    "small": small_scores,
    "lu2024": lambda: read_scores(paths.CHECKOUT / "data" / "lu2024").of_record("closed"),
    "exact match": lambda: exact(small_scores()),
    "no few-shot": lambda: small_scores().where(small_scores().frame["n_shots"] == 0),
    "no tuned": lambda: without(small_scores(), instruction_tuned=True),
    "no few-shot in one task": lambda: without(small_scores(), task="flat", n_shots=5),
    "no largest base": lambda: without(small_scores(), task="flat", checkpoint="fern-1e+10"),
}
# Every model on the small table, and the main one on every kind of table.
BUILT = [
    *((name, "small") for name in MODELS),
    *(("step", table) for table in TABLES if table != "small"),
]
# One with an exact-match task and unequal numbers of gaps, and one with an empty arm, beside it.
WITH_GRADIENT = ("small", "lu2024", "no few-shot in one task")


@pytest.fixture(scope="module", params=BUILT, ids=lambda pair: ", ".join(pair))
def built(request):
    """Return a model of a table, the table, and its name."""
    name, table = request.param
    scores = TABLES[table]()
    return MODELS[name].build(build_design(scores)), scores, table


def test_models_are_found_by_their_own_names():
    assert all(model.name == name for name, model in MODELS.items())
    assert len({model.title for model in MODELS.values()}) == len(MODELS)
    assert all(not MODELS[name].jumps for name in SMOOTH)
    assert all(MODELS[name].jumps for name in (*RIVALS, "step", "wide_step"))


def test_model_variables_have_named_dims_or_are_scalar(built):
    model, *_ = built
    data = [model["counts"], model["n_items"]]
    for variable in (*model.free_RVs, *model.observed_RVs, *model.deterministics, *data):
        dims = model.named_vars_to_dims.get(variable.name) or ()
        assert len(dims) == variable.ndim, f"{variable.name}: dims {dims}, ndim {variable.ndim}"
        assert all(dim in model.coords for dim in dims), f"{variable.name}: {dims}"


def test_model_log_density_and_gradient_at_the_initial_point_are_finite(built):
    model, _, table = built
    # Term by term: pytensor's Python mode adds up to 32 terms at once only.
    wanted = model.logp(sum=False)
    if table in WITH_GRADIENT:
        wanted.append(model.dlogp())
    values = model.compile_fn(wanted, inputs=model.value_vars, mode=MODE)(model.initial_point())
    names = [v.name for v in model.basic_RVs]
    for name, value in zip([*names, "gradient"], values, strict=False):
        assert np.isfinite(value).all(), name


def test_model_prior_draws_give_accuracies_inside_the_unit_interval(built):
    model, *_ = built
    node = model["n_correct"].owner
    n_accuracies = 2 if "jump_size" in model.named_vars else 1
    expected = list(node.op.dist_params(node)[:n_accuracies])
    flat, *lifted = pm.draw(expected, draws=100, random_seed=1, mode=MODE)
    for p in (flat, *lifted):
        assert np.isfinite(p).all()
        assert p.min() > 0
        assert p.max() < 1
    assert flat.std() > 0.05
    for p in lifted:  # a jump never lowers; a wide one has a place more in front
        assert (p >= (flat if p.ndim == flat.ndim else flat[:, None])).all()


def test_model_data_are_the_counts_of_every_cell(built):
    model, scores, _ = built
    counts = model["counts"].get_value()
    assert counts.sum() == scores.frame["n_correct"].sum()
    assert (counts > 0).sum() == (scores.frame["n_correct"] > 0).sum()
    assert model["n_items"].get_value().sum() == scores.frame["n_items"].sum()


def test_smooth_models_have_no_jump_to_find():
    design = build_design(small_scores())
    for name in SMOOTH:
        names = set(MODELS[name].build(design).named_vars)
        assert not [n for n in names if "jump" in n or n == "gain"], name


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in SAMPLED else pytest.mark.slow) for name in MODELS
    ],
)
def fits(request, tmp_path_factory):
    """Return one fit, the same again, and the same in an empty cache (compiled once)."""
    compiled, compile_model = [], nutpie.compile_pymc_model

    def compile_and_count(model, **options):
        compiled.append(compile_model(model, **options))
        return compiled[-1]

    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nutpie, "compile_pymc_model", compile_and_count)
        fits = [
            fit_model(small_scores(), request.param, SETTINGS, cache)
            for cache in (first, first, second)
        ]
    assert len(compiled) == 1  # the second fit came from the cache, the third from the same model
    return fits


def test_fit_of_the_same_scores_is_reused_from_the_cache(fits):
    fresh, again, elsewhere = fits
    assert [fit.reused for fit in fits] == [False, True, False]
    assert again.provenance == fresh.provenance
    assert fresh.provenance["hash"] == elsewhere.provenance["hash"]
    assert again.model is fresh.model
    assert_same_draws(fresh, again)


def test_fit_with_the_same_seed_gives_the_same_draws(fits):
    fresh, _, elsewhere = fits
    assert_same_draws(fresh, elsewhere)


def assert_same_draws(one, other):
    for group in ("posterior", "log_likelihood"):
        first, second = one.idata[group].to_dataset(), other.idata[group].to_dataset()
        assert set(first) == set(second)
        for name in first:
            np.testing.assert_array_equal(first[name], second[name], err_msg=str(name))


def test_fit_has_the_groups_and_draws_asked_for(fits):
    for fit in fits:
        assert set(fit.idata.children) == {"posterior", "sample_stats", "log_likelihood"}
        posterior = fit.idata["posterior"].to_dataset()
        assert (posterior.sizes["chain"], posterior.sizes["draw"]) == (2, 20)
        assert {"diverging", "energy"} <= set(fit.idata["sample_stats"].data_vars)
        assert all(np.isfinite(posterior[name]).all() for name in posterior)
        assert not [name for name in posterior if str(name).startswith("z_")]
        assert not [name for name in (*posterior, *posterior.dims) if "__" in str(name)]
        assert "gain" not in posterior
        log_likelihood = fit.idata["log_likelihood"]["n_correct"]
        assert log_likelihood.sizes["task"] == 2
        assert np.isfinite(log_likelihood).all()


def test_fit_jumps_lie_in_the_gaps_of_their_task(fits):
    fresh = fits[0]
    posterior, design = fresh.idata["posterior"].to_dataset(), fresh.design
    assert ("jump_gap" in posterior) == fresh.model.jumps
    if fresh.model.jumps:
        for index, task in enumerate(design.tasks):
            gaps = posterior["jump_gap"].sel(task=task).to_numpy()
            assert not np.isnan(design.gap_low[index][gaps]).any()
        assert posterior["jump_present"].dtype == bool
        assert float(posterior["jump_probability"].min()) >= 0
        assert float(posterior["jump_probability"].max()) <= 1
        assert list(posterior["jump_present"].coords["arm"].to_numpy()) == design.coords["arm"]


def test_fit_of_other_counts_or_less_data_needs_no_other_model(fits, monkeypatch):
    # Of the jumping one only: it has all the data there are.
    fresh = fits[0]
    if not fresh.model.jumps:
        pytest.skip("has no scale of jumps")
    monkeypatch.setattr(nutpie, "compile_pymc_model", None)  # nothing is compiled
    design = fresh.design
    compiled = compiled_model(fresh.model, design)
    hidden = np.zeros(design.n_items.shape, bool)
    hidden[0] = True  # all of the first task
    all_hidden = compiled.sample(design, SETTINGS, Variation(hidden))
    unseen, seen = all_hidden["log_likelihood"]["n_correct"].transpose("task", ...).to_numpy()
    assert np.abs(unseen).max() < 1e-8  # to rounding in the wide step
    assert np.abs(seen).min() > 1
    # Smaller jumps are allowed, so there are smaller ones.
    small = compiled.sample(design, SETTINGS, Variation(jump_scale=0.1))
    sizes = [
        tree["posterior"].to_dataset()["jump_size"].mean().item() for tree in (small, fresh.idata)
    ]
    assert sizes[0] < 0.3 * sizes[1]
    counts = compiled.sample(replace(design, n_correct=design.n_items.copy()), SETTINGS)
    assert not np.array_equal(counts["posterior"]["lapse"], fresh.idata["posterior"]["lapse"])
    # And the plain fit after them is still the plain fit.
    again = compiled.sample(design, SETTINGS)
    for name, values in fresh.idata["posterior"].data_vars.items():
        np.testing.assert_array_equal(values, again["posterior"][name], err_msg=str(name))


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


def test_fit_hash_of_every_model_is_another():
    assert len({fit_hash(small_scores(), name, SETTINGS) for name in MODELS}) == len(MODELS)


def test_is_fitted_once_the_draws_lie_in_the_cache(tmp_path):
    given = (small_scores(), "step", SETTINGS, tmp_path)
    hidden = Variation(np.ones((2, 20), bool))
    assert not is_fitted(*given)
    file = tmp_path / "draws" / f"{fit_hash(*given[:3])}.nc"
    file.parent.mkdir()
    file.touch()
    assert is_fitted(*given)
    assert not is_fitted(*given, hidden)
