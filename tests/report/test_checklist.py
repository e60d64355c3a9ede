"""The reporting checklist: every item filled from the analysis, and no report with a gap."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.errors import ToolkitError
from toolkit.report.trust.checklist import ROBUSTNESS, checklist, checklist_table
from toolkit.report.trust.checklist_item import ChecklistItem, filled, listed

SAID = "In 0.52 of prior draws no task moves more than 20 points within half a decade."
HOSTILE = '<script>alert("1")</script> {oops} & \''
STEPS = [
    "preamble", "1 model", "2 computation", "3 posterior", "4 decisions", "5 sensitivity",
    "6 reproducibility",
]  # fmt: skip


@pytest.fixture
def items_of(predictive):
    """Return a function that fills the checklist, some inputs changed."""

    def fill(analysis, **changes):
        given = {"prior_predictive": SAID, "predictive": predictive, "robustness": None}
        return checklist(analysis, **(given | changes))

    return fill


def answer(items, question):
    (found,) = [item.answer for item in items if item.question.startswith(question)]
    return found


def refused(items_of, analysis, **changes):
    """Return the message of the error that stops the report."""
    with pytest.raises(ToolkitError) as caught:
        items_of(analysis, **changes)
    return str(caught.value)


def test_checklist_has_every_step_in_order_and_every_answer(items_of, analysis):
    items = items_of(analysis)
    assert list(dict.fromkeys(item.step for item in items)) == STEPS
    questions = [item.question for item in items]
    assert len(questions) == len(set(questions)) == 25
    for item in items:
        assert item.answer.strip()
        assert not re.search(r"\bnan\b|\bNone\b|\{\w*\}", item.answer), item


def test_answers_hold_the_numbers_of_the_analysis(items_of, analysis, predictive):
    items = items_of(analysis)
    assert "in 24 cells" in answer(items, "which variables")
    assert "task (2), checkpoint (6) and its family (2)" in answer(items, "which variables")
    assert "100M to 10B), demonstrations (0, 5)" in answer(items, "which variables")
    assert "0123abcd" in answer(items, "where is the formal")
    assert answer(items, "what do the priors") == SAID
    assert answer(items, "which software") == "pymc 5.0, numpy 2.0; Python 3.11.7."
    assert "2 chains of 400 draws" in answer(items, "have the chains")
    checks = [check for v in analysis.verdicts for check in v.diagnosis.checks]
    worst = max(check.value for check in checks if check.name.startswith("R-hat"))
    assert f"at most {worst:.4f}" in answer(items, "have the chains")
    least = min(check.value for check in checks if check.name.startswith("tail ESS"))
    assert f"{least:.0f} in the tails" in answer(items, "how many effective")
    covered = 100 * predictive.overall["covered_90"].iloc[0]
    assert f"{covered:.0f}% in their 90% predictive intervals" in answer(items, "does the model")
    chances = [v.estimates["p_residual_jump"].median for v in analysis.verdicts]
    assert f"from {min(chances):.3f} to {max(chances):.3f}" in answer(items, "which probabilities")
    assert "jump remains 0, explained 0, no jump 0, undetermined 2" in answer(items, "which decis")
    assert "Of the 2 claims here 1 are published as marginal" in answer(items, "which ROPE")
    assert "random_seed 7" in answer(items, "which seeds")


def test_every_section_that_an_answer_points_to_is_in_the_report(items_of, analysis):
    document = (paths.CHECKOUT / "reports" / "_study.qmd").read_text()
    sections = set(re.findall(r"\{#(sec-[\w-]+)\}", document))
    for item in items_of(analysis):
        if item.where.startswith("sec-"):
            assert item.where in sections, item.question
        else:
            assert (paths.CHECKOUT / item.where).is_file()


def test_robustness_that_was_not_run_is_said_with_its_command(items_of, analysis):
    for question in ROBUSTNESS.values():
        assert answer(items_of(analysis), question) == "Not run: emergence robustness tiny."


@pytest.mark.parametrize("key", list(ROBUSTNESS))
@pytest.mark.parametrize("gap", [None, "", "  \n"])
def test_robustness_with_a_gap_fails_with_the_item(items_of, analysis, key, gap):
    given = {name: f"{name}: 2 of 2 verdicts stay." for name in ROBUSTNESS}
    items = items_of(analysis, robustness=given)
    assert answer(items, ROBUSTNESS[key]) == f"{key}: 2 of 2 verdicts stay."
    missing = given | {key: gap} if gap is not None else {k: given[k] for k in given if k != key}
    message = refused(items_of, analysis, robustness=missing)
    assert f"item '{ROBUSTNESS[key]}'" in message
    assert "step '5 sensitivity'" in message
    assert "got nothing" in message


@pytest.mark.parametrize("empty", ["", " \n\t"])
def test_empty_prior_predictive_fails_with_the_item(items_of, analysis, empty):
    message = refused(items_of, analysis, prior_predictive=empty)
    assert "item 'what do the priors predict?'" in message
    assert message.count("\n") == 0


@pytest.mark.parametrize(
    ("key", "question"),
    [
        ("versions", "which software?"),
        ("python", "which software?"),
        ("settings", "have the chains converged?"),
        ("hash", "where is the formal specification?"),
        ("made", "are the draws kept?"),
    ],
)
@pytest.mark.parametrize("gone", [True, False])
def test_missing_provenance_fails_with_the_item(items_of, analysis, key, question, gone):
    made = dict(analysis.fitted.provenance)
    if gone:
        del made[key]
    else:
        made[key] = {} if isinstance(made[key], dict) else ""
    broken = replace(analysis, fitted=replace(analysis.fitted, provenance=made))
    assert f"item '{question}'" in refused(items_of, broken)


def test_seed_that_was_not_recorded_fails_with_the_item(items_of, analysis):
    made = analysis.fitted.provenance
    settings = {k: v for k, v in made["settings"].items() if k != "random_seed"}
    fitted = replace(analysis.fitted, provenance=made | {"settings": settings})
    message = refused(items_of, replace(analysis, fitted=fitted))
    assert "item 'which seeds and settings?'" in message


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("R-hat", "have the chains converged?"),
        ("bulk ESS", "how many effective draws?"),
        ("tail ESS", "how many effective draws?"),
    ],
)
def test_check_that_could_not_be_made_fails_with_the_item(items_of, analysis, kind, question):
    checks = tuple(
        replace(check, value=np.nan, passed=None) if check.name.startswith(kind) else check
        for check in analysis.sampler.checks
    )
    broken = replace(analysis, sampler=replace(analysis.sampler, checks=checks))
    message = refused(items_of, broken)
    assert f"item '{question}'" in message
    assert "got NaN" in message


@pytest.mark.parametrize("field", ["median", "ci_low"])
def test_estimate_that_is_nan_fails_with_the_item(items_of, analysis, field):
    first, *others = analysis.verdicts
    estimates = dict(first.estimates)
    estimates["published_jump"] = replace(estimates["published_jump"], **{field: np.nan})
    broken = replace(analysis, verdicts=(replace(first, estimates=estimates), *others))
    assert "item 'how is the posterior summarised?'" in refused(items_of, broken)


@pytest.mark.parametrize("column", ["covered_50", "residual", "below_chance"])
def test_predictive_check_that_is_nan_fails_with_the_item(items_of, analysis, predictive, column):
    broken = replace(predictive, overall=predictive.overall.assign(**{column: np.nan}))
    message = refused(items_of, analysis, predictive=broken)
    assert "item 'does the model mimic the data?'" in message


def test_predictive_check_without_rises_fails_with_the_item(items_of, analysis, predictive):
    none = pd.DataFrame(columns=predictive.rises_by_arm.columns)
    message = refused(items_of, analysis, predictive=replace(predictive, rises_by_arm=none))
    assert "item 'does the model mimic the data?'" in message


@pytest.mark.parametrize("value", [None, "", " ", float("nan"), np.float64("nan"), {}, ()])
def test_filled_refuses_a_missing_value_and_names_it(value):
    with pytest.raises(ToolkitError, match=r"step '2 computation', item 'how fast\?'.* 'pace'"):
        filled("2 computation", "how fast?", "sec-cite", "{pace} a second", pace=value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", np.int64(0)])
def test_filled_takes_zero_for_an_answer(value):
    assert filled("2 computation", "how many?", "sec-cite", "{n}.", n=value).answer == f"{value}."


@pytest.mark.parametrize("field", ["step", "question", "answer", "where"])
def test_item_made_by_hand_may_not_be_empty_either(field):
    whole = {"step": "s", "question": "q", "answer": "a", "where": "sec-model"}
    assert ChecklistItem(**whole)
    with pytest.raises(ToolkitError, match=f"'{field}'"):
        ChecklistItem(**(whole | {field: " "}))


def test_listed_is_empty_where_a_value_is_missing():
    assert listed({"draws": 10, "tune": 0}) == "draws 10, tune 0"
    for gap in (None, {}, {"draws": None, "tune": 1}, {"draws": ""}):
        assert listed(gap) == ""


def test_hostile_text_is_escaped_and_braces_are_kept(items_of, analysis):
    study = replace(analysis.source.study, question=HOSTILE, licence=HOSTILE)
    hostile = replace(analysis, source=replace(analysis.source, study=study))
    robustness = dict.fromkeys(ROBUSTNESS, HOSTILE)
    items = items_of(hostile, prior_predictive=HOSTILE, robustness=robustness)
    assert HOSTILE in answer(items, "what is the goal")
    markup = checklist_table((*items, ChecklistItem(HOSTILE, HOSTILE, HOSTILE, f"sec-{HOSTILE}")))
    assert "<script" not in markup
    assert markup.count("&lt;script&gt;") >= 7
    assert "{oops}" in markup


def test_table_links_to_sections_and_names_files(items_of, analysis):
    markup = checklist_table(items_of(analysis))
    assert '<a href="#sec-diagnostics">diagnostics</a>' in markup
    assert "<td>toolkit/models/step.py</td>" in markup
    assert markup.count("<tr>") == 26
