"""Leaving out by weights, against enumeration and conjugate posteriors; refits are faked."""

import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

from toolkit.errors import FitError
from toolkit.estimands.estimate import ROPE
from toolkit.estimands.measured import jumps_of
from toolkit.fit.draws import Fitted
from toolkit.fit.sampling import FitSettings, Variation, compiled_model
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.models.likelihood import concentration_of
from toolkit.robustness import influence as module
from toolkit.robustness import sensitivity
from toolkit.robustness.hidden_cells import cells_of, log_ratio, smoothed, units_of, worth
from toolkit.robustness.influence import COLUMNS, leave_out, most_influential
from toolkit.robustness.sensitivity import LEAD, PARETO_MAX, power_scaling, reweighted
from toolkit.robustness.variants import COLUMNS as JUMP_COLUMNS
from toolkit.robustness.variants import ROPES, Variant, summarise_jumps
from toolkit.simulate import PlantedTask, StudyDesign, planted_claim, simulate_study
from toolkit.study.claims import ARM_LABELS, CONTROLLED_ARM

SETTINGS = FitSettings(150, 200, 2, 0.9, 3)
DESIGN = StudyDesign({"ash": (1e8, 1e9, 1e10), "elm": (2e8, 5e9)}, n_items=40)
TASKS = [PlantedTask("one", "all arms", 3e9, 0.3), PlantedTask("two", "none", 3e9)]
CLAIM = planted_claim(TASKS[0])
SPREADS = (
    "family", "family_slope", "checkpoint", "checkpoint_task", "few_shot_checkpoint", "pair",
)  # fmt: skip


def fake_fit(scores, rng, chains=2, draws=30, scale=0.3, **fixed):
    """Return a fit with draws from a wide distribution; ``fixed`` sets variables."""
    design = build_design(scores)
    dims = {
        **dict.fromkeys(
            [f"{p}{c}_effect" for p in ("", "few_shot_", "tuned_") for c in ("slope", "curvature")],
            ("task",),
        ),
        **dict.fromkeys(["intercept_effect", "few_shot_effect", "tuned_effect"], ("task",)),
        "both_effect": ("task",),
        "family_effect": ("lm_family",), "family_slope_effect": ("lm_family",),
        "checkpoint_effect": ("base",), "few_shot_checkpoint_effect": ("base",),
        "pair_effect": ("tuned_checkpoint",), "checkpoint_task_effect": ("checkpoint_task",),
    }  # fmt: skip
    # A study without an arm has no effects of it.
    absent = () if design.few_shot.any() else ("few_shot", "both")
    absent += () if design.tuned.any() else ("tuned", "pair", "both")
    dims = {n: d for n, d in dims.items() if not n.startswith(absent)} if absent else dims
    coords = design.coords

    def array(name, values, dims):
        shape = (chains, draws, *(len(coords[d]) for d in dims))
        values = np.broadcast_to(fixed[name], shape) if name in fixed else values(shape)
        return (("chain", "draw", *dims), values)

    def normal(shape):
        return rng.normal(0, scale, shape)

    variables = {name: array(name, normal, d) for name, d in dims.items()}
    variables |= {
        f"sigma_{name}": array(f"sigma_{name}", lambda s: np.abs(rng.normal(0, 0.2, s)), ())
        for name in SPREADS
    }
    for name, values, of in (
        ("lapse", lambda s: rng.uniform(0, 0.05, s), ("task",)),
        ("dispersion_sd", lambda s: rng.uniform(0.02, 0.08, s), ("task",)),
        ("jump_tasks", lambda s: rng.uniform(0.4, 0.8, s), ()),
        ("jump_arms", lambda s: rng.uniform(0.4, 0.8, s), ("arm",)),
        ("jump_size", lambda s: rng.uniform(0.5, 2.5, s), ("task", "arm")),
        ("jump_gap", lambda s: np.zeros(s, int), ("task",)),
        ("jump_present", lambda s: np.zeros(s, bool), ("task", "arm")),
    ):
        variables[name] = array(name, values, of)
    used = {d for _, (all_dims, _) in variables.items() for d in all_dims} - {"chain", "draw"}
    dataset = xr.Dataset(variables, coords={d: coords[d] for d in used})
    idata = xr.DataTree.from_dict({"posterior": dataset})
    return Fitted(idata, design, MODELS["step"], False, {})


@pytest.fixture(scope="module")
def scores():
    return simulate_study(DESIGN, TASKS, np.random.default_rng(5))


@pytest.fixture(scope="module")
def fitted(scores):
    return fake_fit(scores, np.random.default_rng(6))


@pytest.fixture(scope="module")
def cells(fitted):
    return cells_of(fitted, 1)


def nothing(design):
    return np.zeros_like(design.scored)


# Units


def test_units_hide_exactly_their_own_cells(scores, fitted):
    design = fitted.design
    found = {(u.kind, u.name): u.hidden for u in units_of(design)}
    frame = scores.frame.assign(slot=scores.frame.groupby("task").cumcount())
    assert len(found) == 10 + 2 + 2
    for (kind, name), hidden in found.items():
        column = {"checkpoint": "checkpoint", "family": "lm_family", "task": "task"}[kind]
        own = frame[frame[column] == name]
        wanted = nothing(design)
        wanted[[design.tasks.index(t) for t in own["task"]], own["slot"]] = True
        np.testing.assert_array_equal(hidden, wanted)


def test_units_of_a_kind_cover_every_cell_once(fitted):
    for kind in ("checkpoint", "family", "task"):
        masks = [u.hidden for u in units_of(fitted.design) if u.kind == kind]
        np.testing.assert_array_equal(sum(m.astype(int) for m in masks), fitted.design.scored)


def test_padding_is_never_hidden(scores):
    frame = scores.frame
    fewer = scores.where((frame["task"] == "one") | (frame["lm_family"] == "ash"))
    design = build_design(fewer)
    assert not design.scored.all()
    assert not any((u.hidden & ~design.scored).any() for u in units_of(design))


def test_unit_that_leaves_nothing_is_not_left_out(scores):
    frame = scores.frame
    one = scores.where((frame["lm_family"] == "ash") & (frame["task"] == "one"))
    assert {u.kind for u in units_of(build_design(one))} == {"checkpoint"}


# The likelihood of a part of the cells


def enumerated(cells, hidden, draw, task):
    """Return a task's log-likelihood as a sum over gaps and sets of arms, by SciPy."""
    design = cells.fitted.design
    kept = np.flatnonzero(design.scored[task] & ~hidden[task])
    c = cells.concentration[draw, task]
    w = cells.posterior["jump_tasks"].to_numpy().ravel()[draw]
    v = cells.posterior["jump_arms"].to_numpy().reshape(-1, len(ARM_LABELS))[draw]
    some = 1 - np.prod(1 - v)  # every task has all four arms
    terms = []
    for gap in range(design.n_gaps[task]):
        for arms in product((False, True), repeat=len(ARM_LABELS)):
            p = np.where(
                np.array(arms)[design.arm[task]] & (design.gaps_below[task] > gap),
                cells.with_jump[draw, task],
                cells.without[draw, task],
            )[kept]
            n, k = design.n_items[task, kept], design.n_correct[task, kept]
            prior = w * np.where(arms, v, 1 - v).prod() / some if any(arms) else 1 - w
            log_pmf = stats.betabinom.logpmf(k, n, p * c, (1 - p) * c).sum()
            terms.append(np.log(prior / design.n_gaps[task]) + log_pmf)
    return special.logsumexp(terms)


def log_ways(design, hidden):
    n, k = design.n_items, design.n_correct
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.where(hidden, 0, ways).sum(axis=1)


@pytest.mark.parametrize("kind", ["checkpoint", "family", "task"])
def test_likelihood_without_a_unit_equals_enumeration(cells, kind):
    design = cells.fitted.design
    unit = next(u for u in units_of(design) if u.kind == kind)
    value, _ = cells.mixtures(unit.hidden)
    value = value + log_ways(design, unit.hidden)
    for draw in (0, 17, 59):
        for task in range(2):
            assert value[draw, task] == pytest.approx(
                enumerated(cells, unit.hidden, draw, task), abs=1e-8
            )


def test_accuracies_are_those_with_and_without_every_jump(cells):
    design = cells.fitted.design
    above = design.gaps_below > 0
    assert (cells.with_jump >= cells.without)[:, above].all()
    assert (cells.with_jump > cells.without)[:, above].mean() > 0.99
    np.testing.assert_array_equal(cells.with_jump[:, ~above], cells.without[:, ~above])


def test_task_without_cells_has_no_likelihood_and_no_gain(cells):
    unit = next(u for u in units_of(cells.fitted.design) if u.kind == "task")
    value, gain = cells.mixtures(unit.hidden)
    assert np.abs(value[:, 0]).max() < 1e-12
    assert (gain[:, 0] == 0).all()


def test_unit_without_cells_on_a_task_changes_neither_its_likelihood_nor_its_jumps(cells):
    design = cells.fitted.design
    hidden = design.scored & (design.checkpoint == 2)
    hidden[1] = False
    with_all, gain = cells.mixtures(nothing(design))
    without, changed = cells.mixtures(hidden)
    np.testing.assert_array_equal(without[:, 1], with_all[:, 1])
    assert (without[:, 0] != with_all[:, 0]).all()
    before, after = cells.jumps(gain), cells.jumps(changed)
    xr.testing.assert_equal(before.sel(task="two"), after.sel(task="two"))
    assert (before.sel(task="one") != after.sel(task="one")).any()
    # The log weight is of the tasks that change alone.
    own = (without - with_all)[:, 0].reshape(2, -1)
    np.testing.assert_allclose(log_ratio(cells, with_all, without), own)


# The posterior without some cells


def one_curve(n_correct):
    """Return one task's scores of two base checkpoints, zero-shot."""
    design = StudyDesign({"ash": (1e8, 1e9)}, n_items=60, chance=0.0)
    made = simulate_study(design, [PlantedTask("one", "none", 5e8)], np.random.default_rng(1))
    frame = made.frame[(made.frame["n_shots"] == 0) & ~made.frame["instruction_tuned"]]
    frame = frame.sort_values("n_params").reset_index(drop=True).assign(n_correct=n_correct)
    return dataclasses.replace(made, frame=frame)


def conjugate(rng, draws=20_000):
    """Return draws of Beta(1, 1) times two binomial counts, as a fit with next to no jump."""
    n_correct = np.array([20.0, 27.0])
    study = one_curve(n_correct)
    p = stats.beta(1 + 47, 1 + 73).rvs((2, draws // 2, 1), random_state=rng)
    return fake_fit(
        study, rng, 2, draws // 2, intercept_effect=special.logit(p), slope_effect=0.0,
        curvature_effect=0.0, lapse=0.0,
        family_effect=0.0, family_slope_effect=0.0, checkpoint_effect=0.0,
        checkpoint_task_effect=0.0, dispersion_sd=0.0, jump_tasks=1e-12,
    )  # fmt: skip


def test_weights_give_the_conjugate_posterior_without_a_cell(rng):
    fit = conjugate(rng)
    sizes = fit.idata["posterior"].to_dataset().sizes
    cells = cells_of(fit, 1, n_draws=sizes["chain"] * sizes["draw"])
    hidden = np.array([[False, True]])
    with_all, without = (cells.mixtures(h)[0] for h in (nothing(cells.fitted.design), hidden))
    weights, k = smoothed(log_ratio(cells, with_all, without))
    assert k < PARETO_MAX
    p, w = cells.without[:, 0, 0], weights.to_numpy().ravel()
    w = w / w.sum()
    wanted = stats.beta(1 + 20, 1 + 40)
    error = 4 * wanted.std() * np.sqrt((w**2).sum())
    assert (w * p).sum() == pytest.approx(wanted.mean(), abs=error)
    assert np.sqrt((w * (p - (w * p).sum()) ** 2).sum()) == pytest.approx(wanted.std(), rel=0.05)
    for q in (0.05, 0.5, 0.95):
        order = np.argsort(p)
        at = p[order][np.searchsorted(w[order].cumsum(), q)]
        assert wanted.cdf(at) == pytest.approx(q, abs=0.03)


def test_importance_weights_are_reported_as_unreliable_where_a_cell_decides(rng):
    # One cell of thousands of items against a prior: the draws know nothing of the rest.
    study = one_curve(np.array([20.0, 27.0]))
    study = dataclasses.replace(
        study, frame=study.frame.assign(n_items=[60.0, 6000.0], n_correct=[20.0, 2700.0])
    )
    fit = fake_fit(study, rng, 2, 500, scale=0.5, dispersion_sd=0.0, lapse=0.0)
    cells = cells_of(fit, 1)
    hidden = np.array([[False, True]])
    with_all, without = (cells.mixtures(h)[0] for h in (nothing(cells.fitted.design), hidden))
    weights, k = smoothed(log_ratio(cells, with_all, without))
    assert worth(weights) < 10
    # Whatever k is said to be.
    assert not module.Reweighted(units_of(fit.design)[0], k, worth(weights), None).reliable
    assert not module.Reweighted(units_of(fit.design)[0], 0.1, worth(weights), None).reliable


@pytest.mark.parametrize(("shape", "reliable"), [(0.2, True), (0.5, True), (1.2, False)])
def test_pareto_k_of_weights_with_a_known_tail(shape, reliable, rng):
    drawn = stats.genpareto(shape).rvs((2, 10_000), random_state=rng)
    _, k = smoothed(xr.DataArray(np.log(1 + drawn), dims=("chain", "draw")))
    assert (k <= PARETO_MAX) == reliable
    assert k == pytest.approx(shape, abs=0.15)


def test_presence_without_the_cells_above_is_the_prior_and_with_them_bayes(rng):
    # All draws alike: what is left to draw is presence, whose conditional is known.
    share = 0.3  # of the only arm, whatever its own share is: a task that jumps jumps in it
    fit = fake_fit(
        one_curve(np.array([20.0, 27.0])), rng, 2, 1000, scale=0.0, jump_tasks=share,
        jump_size=0.8, dispersion_sd=0.05, lapse=0.0,
    )  # fmt: skip
    cells = cells_of(fit, 1)
    design, c = fit.design, float(concentration_of(0.05))
    _, all_cells = cells.mixtures(nothing(design))
    _, small_only = cells.mixtures(np.array([[False, True]]))
    low, high = (stats.betabinom.pmf(27, 60, p * c, (1 - p) * c) for p in special.expit([0.0, 0.8]))
    for gain, wanted in (
        (all_cells, share * high / (share * high + (1 - share) * low)),
        (small_only, share),
    ):
        jumps = cells.jumps(gain).sel(task="one", arm=CONTROLLED_ARM.label)
        error = 4 * np.sqrt(wanted * (1 - wanted) / jumps.size)
        assert float((jumps > 0).mean()) == pytest.approx(wanted, abs=error)
    assert abs(share - share * high / (share * high + (1 - share) * low)) > 0.1


def test_jumps_of_the_same_gains_are_the_same_every_time(cells):
    _, gain = cells.mixtures(nothing(cells.fitted.design))
    xr.testing.assert_identical(cells.jumps(gain), cells.jumps(gain))


@pytest.mark.filterwarnings("ignore:invalid value")  # of a jump that no draw has
def test_likelihood_is_scaled_at_the_sizes_that_the_draws_have(fitted, cells):
    """The sampler's own, which is given other sizes where a jump is absent, is not looked at."""
    jumps = cells.jumps(cells.all_mixtures()[1])
    found = power_scaling(fitted, jumps)
    rng = np.random.default_rng(1)
    other = xr.Dataset({"n_correct": ((*LEAD, "task"), rng.normal(0, 9, (2, 30, 2)))})
    tree = xr.DataTree.from_dict({**fitted.idata.to_dict(), "log_likelihood": other})
    assert power_scaling(dataclasses.replace(fitted, idata=tree), jumps) == found
    # Its own draws far from the prior's: the scores of a task with a step move its jumps.
    assert found["one", CONTROLLED_ARM.label].likelihood > 0


def test_model_without_a_sharp_step_is_refused(fitted):
    for name in ("linear", "wide_step"):
        other = dataclasses.replace(fitted, model=MODELS[name])
        with pytest.raises(FitError, match=f"model '{name}': influence needs"):
            cells_of(other, 1)


# The table


def fake_refits(monkeypatch, shift=0.25, fails=(), rhat=1.0):
    """Fake the refits; return the variants that were asked for."""
    asked = []

    def jump_table(variant, cache):
        asked.append(variant)
        if len(asked) in fails:
            msg = "sampling failed: RuntimeError: no"
            raise FitError(msg)
        rows = [
            {"task": t, "arm": a, "p_positive": 0.9, "median": 0.2, "rhat": rhat, "ess": 900.0,
             **{f"p_above_{rope:g}": shift for rope in ROPES}}
            for t in ("one", "two") for a in ARM_LABELS
        ]  # fmt: skip
        return pd.DataFrame(rows).reindex(columns=list(JUMP_COLUMNS))

    monkeypatch.setattr(module, "jump_table", jump_table)
    return asked


@pytest.fixture(scope="module")
def found(cells):
    """Return the jumps without every unit, as if nothing changed with it."""
    jumps = cells.jumps(cells.mixtures(nothing(cells.fitted.design))[1])
    main = reweighted(jumps, xr.ones_like(jumps.isel(task=0, arm=0, drop=True)))
    units = units_of(cells.fitted.design)
    return [module.Reweighted(u, 0.0, 1e3, module._changes(main, main, u)) for u in units]


@pytest.fixture
def left_out(monkeypatch, fitted, scores, found):
    """Return a function that leaves out with the n-th unit's Pareto k set; table and refits."""

    def run(k_of, refits, **fakes):
        asked = fake_refits(monkeypatch, **fakes)
        changed = [dataclasses.replace(one, pareto_k=float(k_of(n))) for n, one in enumerate(found)]
        monkeypatch.setattr(module, "_reweigh", lambda *_: changed)
        return leave_out(fitted, scores, SETTINGS, Path("none"), refits), asked

    return run


def test_reliable_weights_need_no_refit(left_out):
    table, asked = left_out(lambda _: 0.3, 5)
    assert not asked
    assert tuple(table.columns) == COLUMNS
    assert set(table["how"]) == {"reweighted"}
    assert table["reliable"].all()
    assert table[["p_main", "p_without", "median_main", "median_without"]].notna().all().all()
    np.testing.assert_allclose(table["change"], table["p_without"] - table["p_main"])


def test_task_that_is_left_out_has_rows_of_the_other_tasks_only(left_out):
    table, _ = left_out(lambda n: 0.3 + (n % 2), 20)
    own = table[table["kind"] == "task"]
    assert set(zip(own["unit"], own["task"], strict=True)) == {("one", "two"), ("two", "one")}
    others = table[table["kind"] != "task"].groupby(["kind", "unit"]).size()
    assert (others == 2 * len(ARM_LABELS)).all()
    assert len(others) == 12


def test_unreliable_weights_are_refitted_without_exactly_the_units_cells(left_out, fitted, scores):
    table, asked = left_out(lambda n: 0.9 if n < 3 else 0.3, 5)
    units = units_of(fitted.design)
    assert len(asked) == 3
    for variant, unit in zip(asked, units, strict=False):
        np.testing.assert_array_equal(variant.variation.hidden, unit.hidden)
        assert (variant.scores, variant.model, variant.settings) == (scores, "step", SETTINGS)
    refitted = table[table["how"] == "refitted"]
    assert set(refitted["unit"]) == {u.name for u in units[:3]}
    assert (refitted["p_without"] == 0.25).all()
    np.testing.assert_allclose(refitted["change"], 0.25 - refitted["p_main"])


def test_beyond_the_budget_nothing_is_silent(left_out):
    table, asked = left_out(lambda n: 0.8 + n / 100, 4, shift=0.4)
    assert len(asked) == 4
    missing = table[table["how"].str.startswith("not computed")]
    assert missing.groupby(["kind", "unit"]).ngroups == 10
    assert missing["change"].isna().all()
    assert missing["p_main"].notna().all()
    assert not missing["reliable"].any()
    # Those with the smallest k are left: nothing else tells the units apart.
    assert set(missing["how"]) == {f"not computed (k = {0.8 + n / 100:.2f})" for n in range(10)}


def test_worst_k_and_largest_change_are_refitted_first(found):
    def one(k, change, worth=1000.0):
        return module.Reweighted(found[0].unit, k, worth, pd.DataFrame({"change": [0.0, change]}))

    looked_at = [
        one(0.5, 0.9),  # reliable, whatever its change
        one(3.0, 0.2),  # worst k
        one(0.8, -0.6),  # largest change
        one(0.9, 0.3),
        one(1.0, 0.1),
    ]
    assert module._first(looked_at, 2) == {1, 2}
    assert module._first(looked_at, 10) == {1, 2, 3, 4}
    assert module._first(looked_at, 0) == set()
    # A k of NaN, or a small one of weights that are worth nothing, is the worst.
    assert module._first([*looked_at, one(np.nan, 0.0)], 2) == {2, 5}
    assert module._first([*looked_at, one(0.05, 0.0, 1.2)], 2) == {2, 5}


def test_unknown_pareto_k_is_not_trusted(left_out):
    table, _ = left_out(lambda _: np.nan, 0)
    assert set(table["how"]) == {"not computed (k = nan)"}


def test_failed_refit_is_said(left_out):
    table, _ = left_out(lambda _: 0.9, 2, fails=(1,))
    how = table.loc[table["how"].str.contains("sampling failed"), "how"].unique()
    assert list(how) == ["not computed (k = 0.90): sampling failed: RuntimeError: no"]
    assert table.loc[table["how"] == how[0], "change"].isna().all()


def test_refit_that_did_not_converge_is_not_reliable(left_out):
    table, _ = left_out(lambda _: 0.9, 20, rhat=1.2)
    assert set(table["how"]) == {"refitted"}
    assert not table["reliable"].any()


def test_table_of_real_weights_is_the_same_every_time(monkeypatch, fitted, scores):
    monkeypatch.setattr(module, "units_of", lambda design: units_of(design)[:2])
    said = []
    tables = [leave_out(fitted, scores, SETTINGS, Path("none"), 0, said.append) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)
    assert said[0].endswith("of 2 by importance weights")


def test_most_influential_has_the_largest_change_of_the_claims_arm():
    rows = [
        ("checkpoint", "a", "reweighted", "one", CONTROLLED_ARM.label, 0.10, True),
        ("checkpoint", "b", "refitted", "one", CONTROLLED_ARM.label, -0.40, False),
        ("family", "c", "not computed (k = 2.00)", "one", CONTROLLED_ARM.label, np.nan, False),
        ("checkpoint", "a", "reweighted", "one", ARM_LABELS[1], 0.70, True),
        ("checkpoint", "a", "reweighted", "two", CONTROLLED_ARM.label, 0.90, True),
    ]
    names = ["kind", "unit", "how", "task", "arm", "change", "reliable"]
    table = pd.DataFrame(rows, columns=names).reindex(columns=list(COLUMNS))
    table["p_main"], table["p_without"] = 0.5, 0.5 + table["change"]
    found = most_influential(table, CLAIM)
    assert (found.kind, found.unit, found.how) == ("checkpoint", "b", "refitted")
    assert (found.change, found.reliable) == (-0.4, False)
    assert found.p_without == pytest.approx(0.1)
    assert found.n_not_computed == 1
    none = table[table["unit"] == "c"]
    assert most_influential(none, CLAIM) is None


# A real fit


@pytest.mark.slow
def test_weights_agree_with_a_refit(scores):
    design, model = build_design(scores), MODELS["step"]
    compiled = compiled_model(model, design)
    settings = FitSettings(1500, 700, 2, 0.95, 3)
    fitted = Fitted(compiled.sample(design, settings), design, model, False, {})
    cells = cells_of(fitted, 1)
    with_all, _ = cells.all_mixtures()
    # One cell: its weights are reliable, and a refit without it must agree.
    hidden = nothing(design)
    hidden[0, 3] = True
    without, changed = cells.mixtures(hidden)
    weights, k = smoothed(log_ratio(cells, with_all, without))
    assert k < PARETO_MAX
    w = (weights / weights.sum()).to_numpy()
    refit = compiled.sample(design, settings, Variation(hidden=hidden))
    refitted = cells_of(Fitted(refit, design, model, False, {}), 1)
    for task in ("one", "two"):
        at = {"task": task, "arm": CONTROLLED_ARM.label}
        by_weights = float(((cells.jumps(changed).sel(at) > ROPE) * w).sum())
        by_refit = float((refitted.jumps(refitted.mixtures(hidden)[1]).sel(at) > ROPE).mean())
        # Five standard errors of some hundred independent draws each.
        assert by_weights == pytest.approx(by_refit, abs=0.12)


# Arms that were not scored


def test_arm_that_was_not_scored_is_in_no_table(scores, monkeypatch):
    few_shot = scores.where(scores.frame["n_shots"] > 0)
    fitted = fake_fit(few_shot, np.random.default_rng(8), draws=200, scale=0.05)
    known = {label for label in ARM_LABELS if label.startswith("few-shot")}
    jumps = jumps_of(fitted)
    assert np.isnan(jumps.sel(arm=CONTROLLED_ARM.label)).all()
    monkeypatch.setattr(sensitivity, "jump_table", lambda *_: summarise_jumps(fitted))
    variant = Variant(few_shot, "step", SETTINGS)
    tables = {
        "rivals": summarise_jumps(fitted),
        "priors": sensitivity.other_jump_priors(fitted, variant, Path("none")),
        "units": leave_out(fitted, few_shot, SETTINGS, Path("none"), refits=0),
        "scaled": pd.DataFrame(power_scaling(fitted, jumps).keys(), columns=["task", "arm"]),
    }
    assert {name: set(table["arm"]) for name, table in tables.items()} == dict.fromkeys(
        tables, known
    )
