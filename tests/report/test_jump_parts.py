"""The jump taken apart: parts add up to the whole, and an arm without scores has no bar."""

import html
import json
import re

import arviz_stats as azs
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from toolkit.charts.card import NAME_END
from toolkit.estimands.reported import ELICITED
from toolkit.report.card.card_sentences import METRIC_PART, NO_METRIC_PART
from toolkit.report.card.jump_parts import (
    AFTER,
    FEW_SHOT,
    INTERACTION,
    TUNING,
    jump_parts,
    other_metrics,
    parts_block,
)
from toolkit.report.numbers import NOT_MEASURED, points
from toolkit.simulate import PlantedTask, planted_claim
from toolkit.study.claims import ARM_LABELS, ARMS, CONTROLLED_ARM, Arm

MISSING = {"zero-shot": Arm(False, False), "few-shot": Arm(True, False), "tuned": Arm(False, True)}


@pytest.fixture
def of_task(rng):
    """Return draws of a jump by arm: none in most draws, higher where more is on."""
    values = rng.uniform(0, 0.2, (2, 300, 4)) * (rng.random((2, 300, 4)) < 0.4)
    values += [0.0, 0.05, 0.1, 0.3]
    return xr.DataArray(values, dims=("chain", "draw", "arm"), coords={"arm": list(ARM_LABELS)})


def without(of_task, *arms):
    gone = xr.DataArray([arm in arms for arm in ARMS], dims="arm", coords={"arm": list(ARM_LABELS)})
    return of_task.where(~gone)


@pytest.mark.parametrize("arm", ARMS[1:])
def test_parts_and_rest_add_up_to_the_jump_in_the_arm(of_task, arm):
    whole, *parts, after = jump_parts(of_task, arm)
    assert whole.mean == pytest.approx(float(of_task.sel(arm=arm.label).mean()))
    assert sum(p.mean for p in parts) + after.mean == pytest.approx(whole.mean, abs=1e-12)
    assert (whole.start, after.start) == (0, 0)
    # Each bar begins where the last one ended, and the last ends at what is left.
    for before, part in zip([whole, *parts], parts, strict=False):
        assert part.start == before.end
        assert part.start - part.mean == pytest.approx(part.end)
        assert part.error >= 0
    assert parts[-1].end == pytest.approx(after.end, abs=1e-12)


def test_only_factors_that_are_on_have_a_part(of_task):
    names = {arm: [part.name for part in jump_parts(of_task, arm)[1:-1]] for arm in ARMS}
    assert names[CONTROLLED_ARM] == []
    assert names[Arm(True, False)] == [FEW_SHOT]
    assert names[Arm(False, True)] == [TUNING]
    assert names[ELICITED] == [FEW_SHOT, TUNING, INTERACTION]


def test_interval_and_error_are_those_of_the_draws(of_task):
    _, few_shot, *_ = jump_parts(of_task, ELICITED)
    draws = of_task.sel(arm="few-shot, base") - of_task.sel(arm="zero-shot, base")
    low, high = np.quantile(draws, [0.05, 0.95])
    assert few_shot.summary.ci_low == pytest.approx(low)
    assert few_shot.summary.ci_high == pytest.approx(high)
    # A mean has an error of its own, which is not that of the median beside it.
    error = float(azs.mcse(draws, sample_dims=["chain", "draw"], method="mean"))
    assert few_shot.error == pytest.approx(error)
    assert few_shot.rounded == points(few_shot.mean, error)


def test_jump_of_next_to_nothing_is_not_taken_apart(of_task):
    claim = planted_claim(PlantedTask("leap", "none", 1e9), ARMS[1])
    small = 0.001 * of_task / float(abs(of_task).max())
    assert "nothing to take apart" in parts_block(claim, small, None)
    assert "nothing to take apart" not in parts_block(claim, of_task, None)
    # An arm that was not scored is not said to have a small jump.
    bare = parts_block(claim, without(small, MISSING["few-shot"]), None)
    assert "nothing to take apart" not in bare
    assert NOT_MEASURED in bare


def test_arms_without_scores_have_no_bar(of_task):
    parts = jump_parts(without(of_task, MISSING["few-shot"]), ELICITED)
    measured = {part.name: part.measured for part in parts}
    assert measured == {
        ELICITED.label: True, FEW_SHOT: False, TUNING: True, INTERACTION: False, AFTER: True,
    }  # fmt: skip
    parts = jump_parts(without(of_task, CONTROLLED_ARM), Arm(True, False))
    assert [part.measured for part in parts] == [True, False, False]
    assert [NAME_END in part.label for part in parts] == [True, False, False]


def charts_of(markup):
    specs = re.findall(r'<script type="application/json">(.*?)</script>', markup, re.S)
    return [json.loads(spec) for spec in specs]


def rows_of(chart):
    return next(rows for rows in chart["datasets"].values() if "part" in rows[0])


def test_block_draws_both_ways_where_every_arm_was_scored(analysis, of_task):
    sorting = analysis.source.claims[0]  # claimed few-shot, base
    markup = parts_block(sorting, of_task, None)
    published, elicited = charts_of(markup)
    assert [row["kind"] for row in rows_of(published)] == ["jump", "part", "part", "jump"]
    assert len(rows_of(elicited)) == 6
    assert html.escape(NO_METRIC_PART) in markup
    assert markup.count("(Shapley)") == 2
    assert "not measured" not in markup
    naming = analysis.source.claims[1]  # claimed with both: one way
    assert len(charts_of(parts_block(naming, of_task, None))) == 1


def test_block_says_not_measured_instead_of_a_bar(analysis, of_task):
    sorting = analysis.source.claims[0]
    markup = parts_block(sorting, without(of_task, CONTROLLED_ARM, ARMS[2], ARMS[3]), None)
    (chart,) = charts_of(markup)
    rows = {row["part"].split(NAME_END)[0]: row for row in rows_of(chart)}
    assert rows["few-shot, base"]["words"] == ""
    for name in (FEW_SHOT, AFTER):
        assert rows[name]["words"] == "not measured"
        assert rows[name]["from"] is None
    assert "In the arm few-shot, instruction-tuned the jump was not measured." in markup
    assert "no arm to compare it with was scored" in markup
    nothing = parts_block(sorting, without(of_task, *ARMS), None)
    assert "In the arm few-shot, base the jump was not measured." in nothing


def test_metrics_part_is_what_was_fitted_under_another_metric_alone(robust):
    claim = robust.source.claims[0]
    table = robust.robustness.tables["specifications"]
    assert other_metrics(claim, None) is None
    assert other_metrics(claim, table).empty
    main = table[table["label"] == "main"]
    other = main.assign(label="metric: exact_match", metric="exact_match")
    both = main.assign(label="metric: exact_match; curve: spline_step", metric="exact_match",
                       curve="spline_step")  # fmt: skip
    found = other_metrics(claim, pd.concat([table, other, both], ignore_index=True))
    assert set(found["label"]) == {"metric: exact_match"}
    assert set(found["arm"]) == {"zero-shot, base", "few-shot, base"}
    assert len(found) == 2
    own = robust.jumps.sel(task=claim.task, drop=True)
    markup = parts_block(claim, own, pd.concat([table, other], ignore_index=True))
    assert html.escape(METRIC_PART) in markup
    assert markup.count("<td>exact_match (closed)</td>") == 2
