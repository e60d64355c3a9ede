"""Sections on trust and robustness: what was not done is said, and every answer has its numbers."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from toolkit.errors import ReportError
from toolkit.predictive.prior_predictive import prior_predictive
from toolkit.report.pages import (
    data_page,
    prior_page,
    robustness_page,
    study_page,
    trust_page,
)
from toolkit.report.robustness_file import shown_arms
from toolkit.report.trust.checklist import ROBUSTNESS, checklist


@pytest.fixture
def shown(monkeypatch):
    """Return a function that runs a part of a page and gives the HTML that it shows."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: bundles.append(data))

    def run(part, *arguments):
        bundles.clear()
        part(*arguments)
        return "\n".join(bundle["text/markdown"] for bundle in bundles)

    return run


@pytest.fixture
def prior(analysis):
    return prior_predictive(analysis.fitted.design, 50, 1)


def test_robustness_that_was_not_run_is_said_with_its_command(shown, analysis):
    markup = shown(robustness_page.robustness, analysis)
    assert "Not run: emergence robustness tiny." in markup
    assert "no claim gets a verdict with a jump" in markup
    assert "Claim by claim" not in markup
    assert "not known for 3 of 6 checkpoints" in markup  # training FLOP is no admissible scale


def test_robustness_section_counts_what_moves_the_claims(shown, robust):
    markup = shown(robustness_page.robustness, robust)
    assert "nothing that was tried moves the answer of 0 of 2 claims" in markup
    assert "without one checkpoint, family or task the answer changes (2 of 2)" in markup
    assert "Not run" not in markup
    assert "2026-01-02T00:00:00+00:00" in markup


def test_robustness_answers_fill_the_checklist(robust, analysis, predictive):
    assert robustness_page.robustness_answers(analysis) is None
    answers = robustness_page.robustness_answers(robust)
    assert set(answers) == set(ROBUSTNESS)
    assert "limit 0.05" in answers["priors"]
    assert "largest 0.080" in answers["priors"]
    assert "on 4 other curves (M1 with a step, " in answers["rivals"]
    assert "for 2 of 2 claims. Another observation model was not fitted." in answers["likelihood"]
    assert "with a ROPE of 3 points" in answers["decisions"]
    items = checklist(robust, prior_predictive="x", predictive=predictive, robustness=answers)
    said = {item.question: item.answer for item in items}
    assert [said[ROBUSTNESS[key]] for key in answers] == list(answers.values())


def test_robustness_is_told_of_the_arm_that_was_scored(robust):
    nothing = replace(robust.verdicts[0].estimates["p_residual_jump"], median=float("nan"))

    def without(verdict, *names):
        return replace(verdict, estimates={**verdict.estimates, **dict.fromkeys(names, nothing)})

    first, other = robust.verdicts
    controlled, both = "p_residual_jump", ("p_residual_jump", "p_published_jump")
    for verdicts, words in (
        ((first, other), "In the controlled arm: other priors"),
        (
            (without(first, controlled), other),
            "In the controlled arm (the published one where that was not scored): other priors",
        ),
        (
            (without(first, controlled), without(other, controlled)),
            "In the published arm (the controlled one was not scored): other priors",
        ),
        ((without(first, *both), without(other, *both)), "No claim was scored at two sizes"),
    ):
        answers = robustness_page.robustness_answers(replace(robust, verdicts=verdicts))
        assert answers["priors"].startswith(words)
        assert set(answers) == set(ROBUSTNESS)


def test_claims_by_rope_falls_with_a_larger_rope(robust):
    arms = shown_arms(robust)
    found = robustness_page.claims_by_rope(robust, arms)
    assert list(found) == [0.03, 0.05, 0.10]
    counts = list(found.values())
    assert counts == sorted(counts, reverse=True)
    sure = robust.robustness.tables["specifications"].assign(p_above=0.99)
    tables = robust.robustness.tables | {"specifications": sure}
    surer = replace(robust, robustness=replace(robust.robustness, tables=tables))
    every = robustness_page.claims_by_rope(surer, arms)
    assert set(every.values()) == {2}


def test_conditions_print_the_limits_of_the_code(shown):
    markup = shown(robustness_page.conditions)
    for limit in ("at least 0.90 on each of 3", "at least 0.95 on their average", "0.5 decades",
                  "at least 90% of the admissible"):  # fmt: skip
        assert limit in markup


def test_predictive_section_says_that_it_is_no_test_of_calibration(shown, analysis):
    check = trust_page.predictive_of(analysis)
    assert check.overall["n_cells"].iloc[0] == 24
    markup = shown(trust_page.predictive_checks, check)
    assert "not a test of calibration" in markup
    assert "The fit has seen these cells" in markup
    for title in ("PIT curves by arm", "Coverage by arm", "Coverage by size", "Steepest rises"):
        assert f"<summary>{title}</summary>" in markup
    assert "few-shot, instruction-tuned" in markup


def test_pit_curves_are_drawn_for_arms_with_enough_cells(predictive, analysis):
    check = trust_page.predictive_of(analysis)
    few = trust_page.predictive_folds(check)
    assert few.count('class="vega-chart"') == check.curves["arm"].nunique()
    line = {"pit": [0.0, 1.0], "difference": [0.0, 0.0], "low": [-0.1, -0.1], "high": [0.1, 0.1]}
    curves = pd.DataFrame({"arm": ["zero-shot, base"] * 2, **line})
    assert trust_page.predictive_folds(replace(predictive, curves=curves)).count("vega-chart") == 1


@pytest.mark.parametrize(
    ("left", "right", "uniform", "reading"),
    [
        (0.2, -0.2, False, trust_page.MORE),
        (-0.2, 0.2, False, trust_page.LESS),
        (0.3, 0.2, False, trust_page.LOW),
        (-0.2, -0.1, False, trust_page.HIGH),
        (0.0, 0.0, True, trust_page.INSIDE),
        (0.0, 0.0, None, trust_page.FEW),
    ],
)
def test_pit_curve_outside_its_band_says_which_way(predictive, left, right, uniform, reading):
    arm = "zero-shot, base"
    curves = pd.DataFrame({"arm": [arm] * 2, "pit": [0.2, 0.8], "difference": [left, right]})
    told = pd.DataFrame({"arm": [arm], "uniform": [uniform]}, dtype=object)
    check = replace(predictive, curves=curves, uniformity=told)
    assert trust_page.pit_readings(check) == {arm: reading}


def test_left_out_families_are_said_to_be_missing_or_shown(shown, analysis, robust):
    assert "were not predicted" in shown(trust_page.left_out_families, analysis)
    markup = shown(trust_page.left_out_families, robust)
    n_families = len(robust.fitted.design.families)
    assert f"{12 * n_families} cells" in markup
    assert "40% of the cells lie in their 50% and 80% in their 90%" in markup
    assert markup.count("<tr>") == 1 + n_families


def test_threats_and_checklist_are_folded(shown, analysis, predictive, prior):
    threats = shown(trust_page.threats, analysis, predictive)
    assert "19 threats of four types" in threats
    assert "0 of 1 cells with repeats have identical ones" in threats
    listed = shown(trust_page.checklist, analysis, predictive, prior)
    assert "4 of them say that something was not run" in listed
    for markup in (threats, listed):
        assert '<details class="fold"><summary>' in markup
    assert prior.sentence.split(";")[0] in listed


def test_checklist_with_an_empty_item_stops_the_report(shown, analysis, predictive, prior):
    made = analysis.fitted.provenance | {"python": ""}
    broken = replace(analysis, fitted=replace(analysis.fitted, provenance=made))
    with pytest.raises(ReportError, match="which software"):
        shown(trust_page.checklist, broken, predictive, prior)


def test_priors_are_shown_with_what_they_say(shown, prior):
    markup = shown(prior_page.priors, prior)
    assert prior.sentence in markup.replace("&#x27;", "'")
    assert markup.count('class="vega-chart"') == 1
    assert "<td>jump_size</td>" in markup


def test_first_things_are_the_sentences_and_the_table(shown, analysis):
    assert shown(study_page.summary, analysis).count("<p>") == 4
    verdicts = shown(study_page.verdicts, analysis)
    assert "The scores agree with 5 of 5 published statements" in verdicts
    before, _, folded = verdicts.partition('<div class="folds">')
    assert "Published verdict beside ours" in before
    assert "These data can&#x27;t tell" in folded


def test_data_section_takes_a_study_without_optional_columns(shown, analysis):
    markup = shown(data_page.data_choices, analysis)
    header = re.findall(r'<th scope="col">([^<]+)</th>', markup)
    assert header == ["task", "metric of record", "chance", "source of chance"]


def test_provenance_names_the_robustness(shown, analysis, robust):
    assert "Not run: emergence robustness tiny." in shown(data_page.provenance, analysis)
    key = robust.robustness.provenance["key"]
    assert f"emergence robustness tiny: {key}" in shown(data_page.provenance, robust)
