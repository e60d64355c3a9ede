"""Predictive checks on draws whose truth is known: the data come from them, or do not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, stats

from toolkit.models.design import build_design
from toolkit.predictive.posterior_predictive import (
    CELLS_MIN,
    check_predictions,
    compare_groups,
    compare_rises,
    covered,
    judge_uniformity,
    pit_curves,
)
from toolkit.predictive.replicates import (
    Predicted,
    decade_label,
    log_scores,
    pooled,
    predict,
    replicate_counts,
)
from toolkit.robustness.hidden_cells import units_of
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.claims import ARM_LABELS

FAMILIES = {
    "alder": (1.2e8, 4.5e8, 1.6e9, 6e9, 2.2e10),
    "birch": (1.6e8, 6e8, 2.2e9, 8e9, 3e10),
    "cedar": (2.2e8, 8e8, 3e9, 1.1e10, 4e10),
}
N_DRAWS = 400
CONCENTRATION = 30.0


def families_of(design):
    """Return the mask (task, slot) of each family's cells."""
    return {unit.name: unit.hidden for unit in units_of(design) if unit.kind == "family"}


def design_of(n_items, n_tasks=10, families=FAMILIES):
    tasks = [PlantedTask(f"task {i}", "none", 1e9) for i in range(n_tasks)]
    scores = simulate_study(StudyDesign(families, n_items), tasks, np.random.default_rng(4))
    # The last task was not put to the largest checkpoint: its slots are padding.
    last = (scores.frame["task"] == tasks[-1].name) & (scores.frame["n_params"] > 3.5e10)
    return build_design(scores.where(~last))


def truth_of(design, rng, concentration=CONCENTRATION):
    """Return draws that all hold the same accuracies, different for each cell."""
    shape = design.n_items.shape
    accuracy = np.broadcast_to(rng.uniform(0.05, 0.95, shape), (N_DRAWS, *shape))
    spread = np.full((N_DRAWS, shape[0]), concentration)
    return xr.Dataset(
        {
            "accuracy": (("draw", "task", "slot"), accuracy),
            "concentration": (("draw", "task"), spread),
        }
    )


def observed_from(draws, design, rng):
    """Return the design with counts that the first draw makes."""
    accuracy = draws["accuracy"].to_numpy()[0]
    spread = draws["concentration"].to_numpy()[0][:, None]
    counts = replicate_counts(accuracy, spread, design.n_items.astype(int), rng)
    return replace(design, n_correct=counts.astype(float))


def predicted_with(concentration, n_items=60):
    """Return predictions of data with ``CONCENTRATION`` by a model that believes another one."""
    rng = np.random.default_rng(21)
    design = design_of(n_items)
    truth = truth_of(design, rng)
    design = observed_from(truth, design, rng)
    believed = truth.assign(concentration=xr.full_like(truth["concentration"], concentration))
    return predict(believed, design, 3)


@pytest.fixture(scope="module")
def right():
    return predicted_with(CONCENTRATION)


def standard_error(share, n):
    return np.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("concentration", [0.7, 30.0, 2.5e5])
def test_replicate_counts_have_the_moments_of_the_beta_binomial(rng, concentration):
    p, n = 0.3, 80
    counts = replicate_counts(np.full(40_000, p), np.array(concentration), np.array(n), rng)
    a, b = p * concentration, (1 - p) * concentration
    mean, variance = stats.betabinom.stats(n, a, b)
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / counts.size))
    assert counts.var() == pytest.approx(variance, rel=0.05)


def test_pit_of_data_from_the_model_is_uniform_in_every_arm(right):
    curves = pit_curves(right.cells, 1)
    judged = judge_uniformity(right.cells, curves)
    assert judged["arm"].tolist() == list(ARM_LABELS)
    assert judged["uniform"].tolist() == [True] * 4
    assert stats.kstest(right.cells["pit"], "uniform").pvalue > 0.01
    assert (right.cells["pit"] >= right.cells["pit_low"]).all()
    assert (right.cells["pit"] <= right.cells["pit_high"]).all()


@pytest.mark.parametrize(("concentration", "sign"), [(1e4, 1), (5.0, -1)])
def test_pit_of_a_model_with_the_wrong_dispersion_is_not_uniform(concentration, sign):
    wrong = predicted_with(concentration)
    curves = pit_curves(wrong.cells, 1)
    assert judge_uniformity(wrong.cells, curves)["uniform"].tolist() == [False] * 4
    # Data that vary more than predicted have too many low and too many high PIT values.
    low, high = curves["pit"].between(0.1, 0.3), curves["pit"].between(0.7, 0.9)
    assert np.sign(curves.loc[low, "difference"].mean()) == sign
    assert np.sign(curves.loc[high, "difference"].mean()) == -sign


@pytest.mark.parametrize("n_items", [3, 60])
def test_coverage_of_data_from_the_model_is_nominal_also_for_few_items(n_items):
    overall = compare_groups(predicted_with(CONCENTRATION, n_items), ()).iloc[0]
    n = overall["n_cells"]
    for nominal in (0.5, 0.9):
        found = overall[f"covered_{100 * nominal:.0f}"]
        assert abs(found - nominal) < 4 * standard_error(nominal, n), f"{found} of {nominal}"


def test_coverage_of_too_small_and_too_large_dispersion_is_too_low_and_too_high():
    narrow, wide = (compare_groups(predicted_with(c), ()).iloc[0] for c in (1e4, 5.0))
    assert narrow["covered_90"] < 0.75
    assert wide["covered_50"] > 0.75


def test_covered_counts_an_edge_for_its_part():
    # The central 50% is 0.25 to 0.75; cells cover it whole, by half, and not at all.
    cells = pd.DataFrame({"pit_low": [0.3, 0.7, 0.8], "pit_high": [0.7, 0.8, 0.9]})
    assert covered(cells, 0.5) == pytest.approx((1 + 0.5 + 0) / 3)


def test_residual_and_below_chance_of_a_biased_model_lie_outside_their_replicates(rng):
    design = design_of(60)
    truth = truth_of(design, rng)
    design = observed_from(truth, design, rng)
    biased = truth.assign(accuracy=(truth["accuracy"] * 0.8 + 0.19))
    row = compare_groups(predict(biased, design, 3), ()).iloc[0]
    assert row["residual"] == pytest.approx(-0.09, abs=0.02)
    assert row["residual"] < row["residual_low"] < row["residual_high"]
    assert row["p_residual"] == 1.0
    assert row["below_chance"] > row["below_chance_high"]
    assert row["p_below_chance"] == 0.0


def test_groups_of_data_from_the_model_agree_with_their_replicates(right):
    check = check_predictions(right, 1)
    assert check.n_draws == N_DRAWS
    assert check.by_arm["arm"].tolist() == list(ARM_LABELS)
    assert (
        check.by_arm["n_cells"].sum() == len(right.cells) == int(check.overall["n_cells"].iloc[0])
    )
    assert check.by_size["sizes"].tolist() == ["100M to 1B", "1B to 10B", "10B to 100B"]
    for frame in (check.overall, check.by_arm, check.by_size):
        assert frame["p_residual"].between(0.01, 0.99).all()
        assert frame["p_below_chance"].between(0.01, 0.99).all()
        assert (frame["residual_low"] < frame["residual_high"]).all()
    assert check.rises_by_arm["n_curves"].tolist() == [10] * 4
    assert check.rises_by_arm["p_rise"].between(0.01, 0.99).all()
    assert len(check.rises) == 40


def test_replicated_counts_and_checks_depend_on_the_seed_only(rng):
    design = design_of(60)
    truth = truth_of(design, rng)
    first, again, other = (predict(truth, design, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.replicated, again.replicated)
    pd.testing.assert_frame_equal(first.cells, again.cells)
    assert (first.replicated != other.replicated).any()
    one, two = check_predictions(first, 5), check_predictions(again, 5)
    pd.testing.assert_frame_equal(one.curves, two.curves)


def test_cells_are_the_real_ones_with_their_facts(right):
    design = design_of(60)
    assert len(right.cells) == int((design.n_items > 0).sum()) < design.n_items.size
    cells = right.cells
    assert (cells["n_items"] == 60).all()
    assert cells["size"].min() == pytest.approx(np.log10(1.2e8))
    tuned = cells["checkpoint"].str.endswith("-tuned")
    assert (cells["arm"].astype(str).str.endswith("instruction-tuned") == tuned).all()
    assert (cells["lm_family"] == cells["checkpoint"].str.partition("-")[0]).all()
    assert right.replicated.shape == (N_DRAWS, len(cells))
    assert right.replicated.max() <= 60


def one_curve(scores, sizes, replicated):
    """Return predictions of one task's zero-shot base arm, 100 items each."""
    counts = np.array(scores) * 100
    cells = pd.DataFrame(
        {
            "task": "naming",
            "arm": pd.Categorical([ARM_LABELS[0]] * len(sizes), categories=ARM_LABELS),
            "size": sizes,
            "n_items": 100.0,
            "n_correct": counts,
        }
    )
    return Predicted(cells, np.array(replicated))


def test_largest_rise_is_between_neighbouring_sizes_pooled_over_equal_ones():
    # At size 9 two checkpoints with 0.3 and 0.5, pooled 0.4: rises of 0.2 and 0.3.
    predicted = one_curve(
        [0.7, 0.3, 0.2, 0.5],
        [10.0, 9.0, 8.0, 9.0],
        [[70, 30, 20, 50], [20, 20, 20, 20], [90, 30, 20, 30]],
    )
    row = compare_rises(predicted, ("task", "arm")).iloc[0]
    assert row["rise"] == pytest.approx(0.3)
    # Replicates rise by 0.3 (a tie), 0 and 0.6: half a tie and one larger, of three.
    assert row["p_rise"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert compare_rises(predicted, ("arm",)).iloc[0]["rise"] == row["rise"]


def test_largest_rise_needs_two_sizes():
    predicted = one_curve([0.2, 0.3], [9.0, 9.0], [[20, 30]])
    for by in (("task", "arm"), ("arm",)):
        frame = compare_rises(predicted, by)
        assert frame.empty
        assert list(frame) == [*by, "n_curves", "rise", "rise_low", "rise_high", "p_rise"]


def test_step_that_the_model_lacks_is_a_surprising_rise(rng):
    design = design_of(200)
    flat = truth_of(design, rng, 1e4)
    flat = flat.assign(accuracy=xr.full_like(flat["accuracy"], 0.4))
    design = observed_from(flat, design, rng)
    stepped = design.n_correct.copy()
    large = (design.size[0] + design.center > 9.5) & (design.few_shot[0] == 0)
    stepped[0, large] += 60
    check = check_predictions(predict(flat, replace(design, n_correct=stepped), 3), 1)
    surprising = check.rises[check.rises["p_rise"] < 0.01]
    assert set(surprising["task"]) == {"task 0"}
    assert {label for label in surprising["arm"] if label.startswith("zero")} == {
        ARM_LABELS[0], ARM_LABELS[2],
    }  # fmt: skip


def test_held_out_family_is_predicted_alone_and_other_cells_may_be_missing(rng):
    design = design_of(60)
    truth = truth_of(design, rng)
    design = observed_from(truth, design, rng)
    birch = families_of(design)["birch"]
    unknown = truth.assign(
        accuracy=truth["accuracy"].where(xr.DataArray(birch, dims=("task", "slot")))
    )
    predicted = predict(unknown, design, 3, birch)
    assert set(predicted.cells["lm_family"]) == {"birch"}
    assert len(predicted.cells) == birch.sum() == 200
    assert compare_groups(predicted, ()).iloc[0]["covered_90"] == pytest.approx(0.9, abs=0.07)
    with pytest.raises(ValueError, match="accuracy"):
        predict(unknown, design, 3)


def test_families_held_out_in_turn_are_pooled(rng):
    design = design_of(60)
    truth = truth_of(design, rng)
    design = observed_from(truth, design, rng)
    parts = [
        predict(truth.isel(draw=slice(n)), design, 3, families_of(design)[family])
        for family, n in zip(FAMILIES, (400, 300, 350), strict=True)
    ]
    together = pooled(parts)
    assert len(together.cells) == int((design.n_items > 0).sum())
    assert together.replicated.shape == (300, len(together.cells))
    check = check_predictions(together, 1)
    assert check.by_size["sizes"].tolist() == ["100M to 1B", "1B to 10B", "10B to 100B"]
    assert check.uniformity["uniform"].tolist() == [True] * 4


def test_log_score_equals_the_mean_density_of_the_draws(rng):
    design = design_of(60, n_tasks=2)
    truth = truth_of(design, rng).isel(draw=slice(7))
    design = observed_from(truth, design, rng)
    varied = truth.assign(
        accuracy=truth["accuracy"] * xr.DataArray(rng.uniform(0.7, 1, 7), dims="draw"),
        concentration=truth["concentration"] * xr.DataArray(rng.uniform(0.2, 5, 7), dims="draw"),
    )
    found = log_scores(varied, design)
    task, slot = np.nonzero(design.n_items > 0)
    assert len(found) == len(task)
    for at in range(0, len(found), 7):
        t, s = task[at], slot[at]
        p, c = varied["accuracy"].to_numpy()[:, t, s], varied["concentration"].to_numpy()[:, t]
        densities = [
            stats.betabinom.pmf(design.n_correct[t, s], 60, p[d] * c[d], (1 - p[d]) * c[d])
            for d in range(7)
        ]
        assert found["log_score"].iloc[at] == pytest.approx(np.log(np.mean(densities)), rel=1e-9)
        assert found["task"].iloc[at] == design.tasks[t]


def test_log_score_equals_the_binomial_mixed_over_the_beta(rng):
    design = design_of(60, n_tasks=1)
    truth = truth_of(design, rng).isel(draw=slice(1))
    design = observed_from(truth, design, rng)
    only = np.zeros(design.n_items.shape, bool)
    only[0, 3] = True
    p, k = float(truth["accuracy"][0, 0, 3]), design.n_correct[0, 3]
    mixed, _ = integrate.quad(
        lambda q: stats.binom.pmf(k, 60, q)
        * stats.beta.pdf(q, p * CONCENTRATION, (1 - p) * CONCENTRATION),
        0, 1, epsabs=1e-12,
    )  # fmt: skip
    (found,) = log_scores(truth, design, only)["log_score"]
    assert found == pytest.approx(np.log(mixed), rel=1e-6)


def test_log_score_is_best_for_the_draws_that_made_the_data(rng):
    design = design_of(60)
    truth = truth_of(design, rng)
    design = observed_from(truth, design, rng)
    best = log_scores(truth, design)["log_score"].sum()
    for concentration in (5.0, 300.0):
        other = truth.assign(concentration=xr.full_like(truth["concentration"], concentration))
        assert log_scores(other, design)["log_score"].sum() < best - 10
    shifted = truth.assign(accuracy=truth["accuracy"] * 0.8 + 0.1)
    assert log_scores(shifted, design)["log_score"].sum() < best - 10


def test_pit_is_the_rank_among_the_replicates(rng):
    design = design_of(10, n_tasks=1)
    truth = truth_of(design, rng)
    for count, name, end in ((0.0, "pit_low", 0.0), (10.0, "pit_high", 1.0)):
        extreme = replace(design, n_correct=np.where(design.n_items > 0, count, 0.0))
        cells = predict(truth, extreme, 3).cells
        np.testing.assert_allclose(cells[name], end)
        # Fewer draws than this can't tell a value from its neighbours.
        assert (cells["pit_high"] - cells["pit_low"] >= 1 / (N_DRAWS + 1) - 1e-12).all()


def test_arm_with_few_cells_is_not_checked(rng):
    design = design_of(60, n_tasks=1, families={"alder": (1e8, 1e9), "birch": (1e9, 1e10)})
    predicted = predict(truth_of(design, rng), design, 3)
    assert len(predicted.cells) == 4 * 4 < 4 * CELLS_MIN
    check = check_predictions(predicted, 1)
    assert check.curves.empty
    assert check.uniformity["uniform"].tolist() == [None] * 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("accuracy", 0.0), ("accuracy", 1.0), ("accuracy", np.nan), ("concentration", 0.0),
     ("concentration", np.nan)],
)  # fmt: skip
def test_predict_refuses_draws_outside_their_range(rng, name, value):
    design = design_of(60, n_tasks=1)
    truth = truth_of(design, rng)
    spoilt = truth.assign({name: xr.full_like(truth[name], value)})
    for predicts in (lambda: predict(spoilt, design, 3), lambda: log_scores(spoilt, design)):
        with pytest.raises(ValueError, match=name):
            predicts()


def test_predict_refuses_a_mask_without_cells(rng):
    design = design_of(60)
    with pytest.raises(ValueError, match="no cell"):
        predict(truth_of(design, rng), design, 3, design.n_items == 0)


def test_decade_label_is_written_as_readers_do():
    labels = [decade_label(d) for d in (5, 6, 8, 9, 11, 12, 15)]
    assert labels == [
        "100K to 1M", "1M to 10M", "100M to 1B", "1B to 10B", "100B to 1T", "1T to 10T",
        "1000T to 10000T",
    ]  # fmt: skip
