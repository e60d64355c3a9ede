"""The verdicts as rows for a terminal."""

from dataclasses import replace

import pytest

from toolkit.report import terminal_rows
from toolkit.report.numbers import chance_of, interval
from toolkit.report.terminal_rows import BARS, bar, sparkline, verdict_rows
from toolkit.study.claims import arm_named


@pytest.mark.parametrize(
    ("share", "level"), [(-0.2, 0), (0.0, 0), (0.13, 1), (0.5, 4), (0.99, 7), (1.0, 7)]
)
def test_bar_is_lowest_at_chance_and_highest_at_perfect(share, level):
    assert bar(share) == BARS[level]


def test_sparkline_has_a_bar_for_each_size_of_the_arm(analysis):
    # Few-shot base scores on sorting are 0.27, 0.35, 0.45 and 0.60, chance is 0.25.
    assert sparkline(analysis, "sorting", arm_named("few-shot, base")) == "▁▂▃▄"
    assert len(sparkline(analysis, "sorting", arm_named("few-shot, instruction-tuned"))) == 2
    assert sparkline(analysis, "no such task", arm_named("few-shot, base")) == "–"


def test_neighbouring_sizes_share_a_bar_where_there_are_many(analysis, monkeypatch):
    monkeypatch.setattr(terminal_rows, "BARS_MAX", 2)
    assert sparkline(analysis, "sorting", arm_named("few-shot, base")) == "▁▃"


def test_row_of_a_claim_without_a_control_tells_the_jump_as_published(analysis):
    verdict = analysis.verdicts[0]
    missing = replace(verdict.estimates["p_residual_jump"], median=float("nan"))
    estimates = {**verdict.estimates, "p_residual_jump": missing}
    unscored = replace(analysis, verdicts=(replace(verdict, estimates=estimates),))
    (row,) = verdict_rows(unscored)
    assert row["told"] == "as published"
    assert row["jump"] == interval(estimates["published_jump"])
    assert row["P(> 5 points)"] == chance_of(estimates["p_published_jump"])


def test_rows_say_what_the_verdicts_say(analysis):
    rows = verdict_rows(analysis)
    assert [row["task"] for row in rows] == ["Sorting", "Naming"]
    for row, verdict in zip(rows, analysis.verdicts, strict=True):
        assert row["verdict"] == verdict.outcome.value
        assert row["P(> 5 points)"] == chance_of(verdict.estimates["p_residual_jump"])
        for reason in verdict.reasons:
            assert reason.code.replace("_", " ").lower() in row["reasons"]
