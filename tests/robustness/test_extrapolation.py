"""E5: cuts, stacking and scores, on tables made by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from toolkit.models.design import build_design
from toolkit.robustness.extrapolation import COLUMNS, cut_below, cuts, stack_weights, stacked
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.claims import ARM_LABELS


def row_of(cut, model, task, arm, tail, score):
    values = (cut, model, task, arm, 3, 0.5, 0.4, 0.3, 0.5, tail, score, 1.0, 900)
    return dict(zip(COLUMNS, values, strict=True))


def table_of(log_scores, tasks=("ours", "other", "third"), cuts_at=(9.0, 9.5)):
    """Return rows of two models with the same scores on every task, cut and arm."""
    rows = [
        row_of(cut, model, task, arm, tail, score)
        for task in tasks
        for cut in cuts_at
        for arm in ARM_LABELS[:2]
        for model, (score, tail) in log_scores.items()
    ]
    return pd.DataFrame(rows)


def test_cuts_leave_three_sizes_below_and_one_above():
    sizes = (1e8, 1e9, 1e10, 1e11, 1e12)
    scores = simulate_study(
        StudyDesign({"fern": sizes}, n_items=20),
        [PlantedTask("a", "none", 1e9)],
        np.random.default_rng(1),
    )
    assert cuts(build_design(scores)) == pytest.approx([10.0, 11.0])


@pytest.mark.parametrize(
    ("threshold", "expected"), [(1e11, 10.5), (10**10.5, 10.0), (1e10, None), (1e13, 11.0)]
)
def test_cut_below_a_claim_is_the_largest_smaller_size(threshold, expected):
    assert cut_below(threshold, [10.0, 10.5, 11.0]) == expected


def test_stacking_prefers_the_model_that_predicts_better():
    weights = stack_weights(table_of({"good": (-2.0, 0.2), "bad": (-9.0, 0.9)}), "ours")
    assert weights["good"] > 0.99
    assert sum(weights.values()) == pytest.approx(1)


def test_stacking_does_not_look_at_the_task_itself():
    table = table_of({"good": (-2.0, 0.2), "bad": (-9.0, 0.9)})
    ours = table["task"] == "ours"
    table.loc[ours & (table["model"] == "bad"), "log_score"] = 50.0
    assert stack_weights(table, "ours")["good"] > 0.99
    assert stack_weights(table, "other")["bad"] > 0.1


def test_stacking_maximises_the_mean_predictive_density():
    rng = np.random.default_rng(3)
    table = table_of({"a": (-2.0, 0.2), "b": (-2.0, 0.4)}, tasks=[f"t{i}" for i in range(30)])
    table["log_score"] = stats.norm.logpdf(rng.normal(size=len(table)))
    weights = stack_weights(table, "t0")
    rows = table[table["task"] != "t0"].pivot_table(
        index=["cut", "task", "arm"], columns="model", values="log_score"
    )

    def density(w):
        return np.log(w * np.exp(rows["a"]) + (1 - w) * np.exp(rows["b"])).sum()

    best = density(weights["a"])
    assert all(density(w) <= best + 1e-6 for w in np.linspace(0.001, 0.999, 200))


def test_stacked_tail_is_the_weighted_one_at_every_cut():
    table = table_of({"good": (-2.0, 0.2), "bad": (-2.0, 0.6)})
    found = stacked(table, "ours", ARM_LABELS[0])
    assert [each.cut for each in found] == [9.0, 9.5]
    for each in found:
        expected = 0.2 * each.weights["good"] + 0.6 * each.weights["bad"]
        assert each.tail == pytest.approx(expected)
        assert each.log_score == pytest.approx(-2.0)
        assert each.observed == 0.5
    assert stacked(table, "ours", ARM_LABELS[3]) == ()


@pytest.mark.parametrize(
    ("column", "value"), [("rhat", 1.02), ("ess", 399.0), ("rhat", np.nan), ("ess", np.nan)]
)
def test_one_model_that_did_not_converge_spoils_the_stack(column, value):
    table = table_of({"good": (-2.0, 0.2), "bad": (-2.0, 0.6)}).assign(rhat=1.001, ess=900.0)
    assert all(each.converged for each in stacked(table, "ours", ARM_LABELS[0]))
    table.loc[table["model"] == "bad", column] = value
    assert not any(each.converged for each in stacked(table, "ours", ARM_LABELS[0]))
