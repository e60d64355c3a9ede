"""The conditions on a jump at the edges of their rules."""

from dataclasses import replace

import pandas as pd
import pytest
from by_hand_evidence import evidence_of

from toolkit.estimands.estimate import Estimate
from toolkit.simulate import PlantedTask, planted_claim
from toolkit.study.claims import ARMS, CONTROLLED_ARM
from toolkit.verdict.support import NOT_RUN, conditions, unmet

CLAIM = planted_claim(PlantedTask("leap", "all arms", 1e9, 0.2))
MAIN = Estimate("jump", "proportion", 0.2, 0.12, 0.28, 0.9, "eti", 0.001)


def failing(evidence, p_main=0.99, main=MAIN, arm=CONTROLLED_ARM):
    return [each.code for each in unmet(conditions(evidence, CLAIM, arm, main, p_main))]


def test_nothing_fitted_besides_is_not_a_condition_met():
    assert conditions(None, CLAIM, CONTROLLED_ARM, MAIN, 0.99) == (NOT_RUN,)
    assert failing(None) == ["RIVALS_NOT_COMPARED"]


@pytest.mark.parametrize("arm", ARMS)
def test_rivals_and_priors_that_agree_meet_every_condition(arm):
    assert failing(evidence_of(), arm=arm) == []


@pytest.mark.parametrize(
    ("p_above", "p_main", "holds"),
    [
        ((0.90, 0.97, 0.97), 0.97, True),
        ((0.89, 1.00, 1.00), 1.00, False),  # one below 0.90
        ((0.92, 0.92, 0.92), 0.99, False),  # each holds, the average does not: 0.9375
        ((0.95, 0.95, 0.95), 0.95, True),
    ],
)
def test_rivals_need_90_each_and_95_on_average(p_above, p_main, holds):
    assert ("RIVAL_CURVES" not in failing(evidence_of(p_above=p_above), p_main)) is holds


@pytest.mark.parametrize(
    ("median", "agrees"), [(0.16, True), (0.13, True), (0.11, False), (0.29, False), (0.27, True)]
)
def test_rivals_agree_within_the_interval_or_the_rope(median, agrees):
    found = failing(evidence_of(medians=(0.2, median, 0.2)))
    assert ("RIVALS_DISAGREE" not in found) is agrees


def test_rival_that_did_not_converge_is_no_support():
    found = conditions(evidence_of(rhat=1.02), CLAIM, CONTROLLED_ARM, MAIN, 0.99)
    curves = next(each for each in found if each.code == "RIVAL_CURVES")
    assert curves.met is None
    assert "did not converge: spline_step, gaussian_process_step, power_law_step" in curves.finding
    # Of sizes that are not known nothing is said, neither that they agree nor that they don't.
    assert "RIVALS_DISAGREE" not in [each.code for each in found]


def test_rival_that_is_missing_is_no_support():
    evidence = evidence_of(models=("spline_step", "gaussian_process_step"), medians=(0.2, 0.9))
    assert "RIVAL_CURVES" in failing(evidence)
    assert "RIVALS_DISAGREE" not in failing(evidence)


@pytest.mark.parametrize(("priors", "holds"), [((0.95, 0.96), True), ((0.949, 0.99), False)])
def test_both_prior_scales_must_leave_the_jump(priors, holds):
    assert ("JUMP_PRIOR" not in failing(evidence_of(priors=priors))) is holds


@pytest.mark.parametrize(
    ("p_jump", "p_narrow", "holds"),
    [
        (1.0, 0.5, True),
        (1.0, 0.49, False),
        (0.6, 0.9, True),
        (0.5, 0.9, False),
        (0.0, float("nan"), False),  # of no jumps none is narrow
    ],
)
def test_step_of_free_width_must_be_rather_there_and_narrow(p_jump, p_narrow, holds):
    evidence = evidence_of()
    jumps = {"p_above_0.05": p_jump, "p_narrow": p_narrow}
    wide = evidence.rivals.iloc[:1].assign(model="wide_step", **jumps)
    both = replace(evidence, rivals=pd.concat([evidence.rivals, wide]))
    assert ("WIDTH" not in failing(both)) is holds


def test_prior_scales_that_were_not_tried_are_no_support():
    evidence = evidence_of()
    none = replace(evidence, jump_prior=evidence.jump_prior.iloc[:0])
    found = {c.code: c for c in conditions(none, CLAIM, CONTROLLED_ARM, MAIN, 0.99)}
    assert found["JUMP_PRIOR"].met is None
    assert "none was tried" in found["JUMP_PRIOR"].finding


def test_fits_that_did_not_converge_are_no_support():
    evidence = evidence_of()
    wide = evidence.rivals.iloc[:1].assign(model="wide_step", p_narrow=0.9, ess=399.0)
    unmixed = evidence.jump_prior.assign(converged=False)
    both = replace(evidence, rivals=pd.concat([evidence.rivals, wide]), jump_prior=unmixed)
    found = {c.code: c for c in conditions(both, CLAIM, CONTROLLED_ARM, MAIN, 0.99)}
    for code in ("WIDTH", "JUMP_PRIOR"):
        assert found[code].met is None
        assert "did not converge" in found[code].finding
