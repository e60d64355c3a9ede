"""Scores with intervals, and curves with and without a step, for the charts of cards."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from toolkit.report.card import curves
from toolkit.report.card.curves import CURVE_COLUMNS, exceedance, fitted_curves
from toolkit.report.card.score_cells import COLUMNS, arms_among, published_cells, with_intervals
from toolkit.study.claims import ARM_LABELS


def test_average_is_made_of_the_curves_with_and_without_a_step(analysis, monkeypatch):
    monkeypatch.setattr(curves, "N_CURVE_DRAWS", 10**6)  # all of them, so that it is exact
    found = fitted_curves(analysis.fitted, 1)
    assert tuple(found.columns) == CURVE_COLUMNS
    for (task, arm), rows in found.groupby(["task", "arm"]):
        share = float(analysis.posterior["jump_present"].sel(task=task, arm=arm).mean())
        mixed = share * rows["step_mean"] + (1 - share) * rows["smooth_mean"]
        assert rows["averaged_mean"].to_numpy() == pytest.approx(mixed.to_numpy(), abs=1.1e-3)


def test_curve_of_few_draws_is_left_out(analysis, monkeypatch):
    monkeypatch.setattr(curves, "N_CURVE_DRAWS_MIN", 10**6)
    found = fitted_curves(analysis.fitted, 1)
    assert found["averaged_mean"].notna().all()
    assert found[["step_mean", "smooth_mean"]].isna().all(axis=None)


def test_curves_span_the_sizes_of_their_own_arm(analysis):
    found = fitted_curves(analysis.fitted, 1)
    ends = found[found["task"] == "sorting"].groupby("arm")["n_params"].agg(["min", "max"])
    assert ends.loc["zero-shot, base"].tolist() == pytest.approx([1e8, 1e10], rel=1e-3)
    tuned = ends.loc["zero-shot, instruction-tuned"]
    assert tuned.tolist() == pytest.approx([1e9, 1e10], rel=1e-3)


def test_published_cells_are_all_scores_with_those_of_record_marked(analysis):
    cells = published_cells(analysis.source)
    assert tuple(cells.columns) == COLUMNS
    assert len(cells) == len(analysis.source.scores.frame)
    assert cells["of_record"].all()
    assert arms_among(cells) == list(ARM_LABELS)
    assert cells.set_index("checkpoint")["train_flop"].dropna().unique().tolist() == [6e21, 2e22]


def test_intervals_are_jeffreys_for_counts_and_normal_for_errors():
    cells = pd.DataFrame(
        {"n_correct": [51.0, np.nan], "n_items": [200.0, 200.0], "score": [0.255, 0.01],
         "score_se": [np.nan, 0.02]}
    )  # fmt: skip
    found = with_intervals(cells)
    low, high = stats.beta.ppf([0.05, 0.95], 51.5, 149.5)
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([low, high])
    assert found.loc[1, ["low", "high"]].tolist() == pytest.approx(
        [0, 0.01 + 1.645 * 0.02], rel=1e-3
    )


def test_exceedance_of_a_task_without_measured_arms_is_empty(analysis):
    nothing = analysis.jumps.where(False)
    found = exceedance(nothing, "sorting")
    assert found.empty
    assert list(found.columns) == ["arm", "jump", "probability"]
