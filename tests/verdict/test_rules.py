"""Verdicts at the edges of their rules, from jumps made by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand_evidence import evidence_of

from toolkit.analysis.analyse import Analysis
from toolkit.estimands.estimate import ROPE, Estimate
from toolkit.estimands.jumps import attribute
from toolkit.estimands.measured import only_measured
from toolkit.fit.diagnose import Check, Diagnosis
from toolkit.models.design import build_design
from toolkit.simulate import PlantedTask, StudyDesign, planted_claim, simulate_study
from toolkit.study.claims import ARM_LABELS, ARMS, Arm
from toolkit.verdict.gates import CAUTION, DECIDED, WITH_JUMP, Gate, Outcome, design_gates
from toolkit.verdict.reasons import cautions_of, reasons_of
from toolkit.verdict.rules import (
    Reason,
    by_probability,
    expected_false_discoveries,
    judge,
    reported_draws,
)

SUPPORTING = evidence_of()

N_CHAINS, N_DRAWS = 4, 500
N = N_CHAINS * N_DRAWS
LEAD = ("chain", "draw")
NONE, SHOTS, TUNED, BOTH = ARMS
GOOD = Diagnosis((Check("R-hat of unknown", 1.0, 1.01, True),))
# One family, sizes 0.3 decades apart: every gap but the outermost is resolvable.
SIZES = tuple(float(10 ** (8 + 0.3 * i)) for i in range(9))
TASK = PlantedTask("leap", "all arms", SIZES[4], 0.3)
MIDDLE = 4  # a gap with two sizes and more on each side
CLAIM = replace(planted_claim(TASK), published_arm=SHOTS.label)


def scores_of(sizes=SIZES, seed=2):
    design = StudyDesign({"fern": sizes, "moss": sizes}, n_items=400)
    return simulate_study(design, [TASK], np.random.default_rng(seed))


@pytest.fixture(scope="module")
def scores():
    return scores_of()


@pytest.fixture(scope="module")
def design(scores):
    return build_design(scores)


def jumps_of(shares, height=0.2, *, nested=True):
    """Return jumps above the rope in exactly these shares of the draws, by arm.

    Nested: the draws with a jump in the rarer arm have one in the commoner arm too.
    """
    values = np.zeros((N, 1, 4))
    order = np.random.default_rng(9).permutation(N)
    for arm, share in enumerate(shares):
        count = round(share * N)
        assert count == pytest.approx(share * N), "not a whole number of draws"
        taken = order[:count] if nested else order[N - count :]
        values[taken, 0, arm] = height
    return xr.DataArray(
        values.reshape(N_CHAINS, N_DRAWS, 1, 4),
        dims=(*LEAD, "task", "arm"),
        coords={"task": [TASK.name], "arm": list(ARM_LABELS)},
    )


def posterior_of(jumps, gaps=MIDDLE, share=0.5):
    """Return where the jumps lie, one gap or one for each draw, and what share of tasks jumps."""
    gap = np.broadcast_to(np.reshape(gaps, (-1, 1)) if np.ndim(gaps) else gaps, (N, 1))
    return xr.Dataset(
        {
            "jump_gap": ((*LEAD, "task"), gap.reshape(N_CHAINS, N_DRAWS, 1)),
            "jump_present": jumps > 0,
            "jump_tasks": (LEAD, np.full((N_CHAINS, N_DRAWS), share)),
        },
        coords={"task": [TASK.name], "arm": list(ARM_LABELS)},
    )


@pytest.fixture
def verdict_on(design):
    """Return a function that judges shares of draws with a jump in each arm."""

    def verdict(
        shares, *, claim=CLAIM, gates=(), sampler=GOOD, gaps=MIDDLE, on=design, evidence=SUPPORTING
    ):
        jumps = jumps_of(shares)
        return judge(claim, jumps, posterior_of(jumps, gaps), on, gates, sampler, evidence)

    return verdict


def codes(reasons):
    return [reason.code for reason in reasons]


def gate(code="WIDE_GAP", *, is_open=False, forbids=DECIDED):
    return Gate(code, is_open, f"the finding of {code}", f"the remedy of {code}", forbids)


@pytest.mark.parametrize(
    ("controlled", "expected"),
    [(1.0, Outcome.JUMP_REMAINS), (0.95, Outcome.JUMP_REMAINS), (0.9495, Outcome.UNDETERMINED)],
)
def test_jump_remains_from_95_percent_in_the_controlled_arm(verdict_on, controlled, expected):
    verdict = verdict_on((controlled, 0.96, 0.4, 0.4))
    assert verdict.outcome is expected
    assert verdict.estimates["p_residual_jump"].median == controlled


@pytest.mark.parametrize(
    ("controlled", "published", "expected"),
    [
        (0.0, 0.0, Outcome.NO_JUMP),
        (0.05, 0.05, Outcome.NO_JUMP),
        (0.0505, 0.05, Outcome.UNDETERMINED),
        (0.05, 0.0505, Outcome.UNDETERMINED),
    ],
)
def test_no_jump_up_to_5_percent_in_both_arms(verdict_on, controlled, published, expected):
    assert verdict_on((controlled, published, 0.9, 0.9)).outcome is expected


@pytest.mark.parametrize(
    ("controlled", "published", "expected"),
    [
        (0.0, 0.95, Outcome.EXPLAINED),
        (0.05, 1.0, Outcome.EXPLAINED),
        (0.0505, 1.0, Outcome.UNDETERMINED),
        (0.0, 0.9495, Outcome.UNDETERMINED),
        # Nested draws: the difference exceeds the rope in 0.97 - 0.03 = 0.94 of them.
        (0.03, 0.97, Outcome.UNDETERMINED),
        (0.01, 0.96, Outcome.EXPLAINED),
    ],
)
def test_explained_needs_both_arms_and_their_difference(
    verdict_on, controlled, published, expected
):
    verdict = verdict_on((controlled, published, 0.0, 0.0))
    assert verdict.outcome is expected
    difference = verdict.estimates["p_difference"].median
    assert difference == pytest.approx(published - controlled)


def test_jump_of_exactly_the_rope_is_not_above_it(verdict_on, design):
    jumps = jumps_of((1, 1, 1, 1), height=ROPE)
    verdict = judge(CLAIM, jumps, posterior_of(jumps), design, (), GOOD, SUPPORTING)
    assert verdict.estimates["p_residual_jump"].median == 0.0
    assert verdict.outcome is Outcome.NO_JUMP


def test_explained_is_impossible_where_the_published_arm_is_the_controlled_one(verdict_on):
    claim = replace(CLAIM, published_arm=NONE.label)
    for shares in ((0.0, 1, 1, 1), (0.4, 1, 1, 1), (1.0, 0, 0, 0)):
        assert verdict_on(shares, claim=claim).outcome is not Outcome.EXPLAINED


@pytest.mark.parametrize(
    ("published", "shares", "credited"),
    [
        (SHOTS, (0, 1, 0, 1), ("few-shot prompting",)),
        (TUNED, (0, 0, 1, 1), ("instruction tuning",)),
        (BOTH, (0, 0, 0, 1), ("few-shot prompting", "instruction tuning")),
        (BOTH, (0, 1, 0, 1), ("few-shot prompting",)),
        (BOTH, (0, 0, 1, 1), ("instruction tuning",)),
    ],
    ids=["shots", "tuning", "only together", "both on, shots do it", "both on, tuning does it"],
)
def test_explained_credits_the_factor_that_brings_the_jump(verdict_on, published, shares, credited):
    verdict = verdict_on(shares, claim=replace(CLAIM, published_arm=published.label))
    assert verdict.outcome is Outcome.EXPLAINED
    assert verdict.credited_to == credited


def test_other_outcomes_credit_nothing(verdict_on):
    for shares in ((1, 1, 1, 1), (0, 0, 0, 0), (0.4, 0.4, 0, 0)):
        assert verdict_on(shares).credited_to == ()


DECIDING = {
    Outcome.JUMP_REMAINS: (1.0, 1.0, 0, 0),
    Outcome.EXPLAINED: (0.0, 1.0, 0, 0),
    Outcome.NO_JUMP: (0.0, 0.0, 0, 0),
}


@pytest.mark.parametrize("outcome", list(DECIDING))
def test_closed_gate_makes_the_claim_undetermined_with_its_code(verdict_on, outcome):
    shares = DECIDING[outcome]
    assert verdict_on(shares).outcome is outcome
    assert verdict_on(shares, gates=[gate(is_open=True)]).outcome is outcome
    verdict = verdict_on(shares, gates=[gate("FEW_SIZES"), gate("WIDE_GAP"), gate(is_open=True)])
    assert verdict.outcome is Outcome.UNDETERMINED
    assert {"FEW_SIZES", "WIDE_GAP"} <= set(codes(verdict.reasons))
    assert "The remedy of FEW_SIZES" in verdict.next_measurement
    assert "the remedy of WIDE_GAP" in verdict.next_measurement


def test_closed_gate_that_does_not_forbid_the_outcome_leaves_it(verdict_on):
    unclean = gate("CONTROL_NOT_CLEAN", forbids=frozenset({Outcome.JUMP_REMAINS}))
    assert verdict_on(DECIDING[Outcome.NO_JUMP], gates=[unclean]).outcome is Outcome.NO_JUMP
    closed = verdict_on(DECIDING[Outcome.JUMP_REMAINS], gates=[unclean])
    assert closed.outcome is Outcome.UNDETERMINED
    assert "CONTROL_NOT_CLEAN" in codes(closed.reasons)


def test_caution_changes_no_outcome_and_is_said(verdict_on):
    verdict = verdict_on(DECIDING[Outcome.NO_JUMP], gates=[gate("FEW_ITEMS", forbids=CAUTION)])
    assert verdict.outcome is Outcome.NO_JUMP
    assert "FEW_ITEMS" in codes(verdict.cautions)
    assert "FEW_ITEMS" not in codes(verdict.reasons)


@pytest.mark.parametrize("outcome", [Outcome.JUMP_REMAINS, Outcome.EXPLAINED])
def test_verdict_with_a_jump_needs_rivals_to_be_compared(verdict_on, outcome):
    # "Explained" rests on a jump in the published arm.
    assert verdict_on(DECIDING[outcome]).outcome is outcome
    alone = verdict_on(DECIDING[outcome], evidence=None)
    assert alone.outcome is Outcome.UNDETERMINED
    assert "RIVALS_NOT_COMPARED" in codes(alone.reasons)


def test_verdict_without_a_jump_needs_no_rivals(verdict_on):
    assert verdict_on(DECIDING[Outcome.NO_JUMP], evidence=None).outcome is Outcome.NO_JUMP


@pytest.mark.parametrize("outcome", [Outcome.JUMP_REMAINS, Outcome.EXPLAINED])
def test_jump_that_a_flexible_curve_absorbs_is_undetermined(verdict_on, outcome):
    verdict = verdict_on(DECIDING[outcome], evidence=evidence_of(p_above=(0.99, 0.2, 0.99)))
    assert verdict.outcome is Outcome.UNDETERMINED
    assert "RIVAL_CURVES" in codes(verdict.reasons)
    assert "gaussian_process_step 0.20" in " ".join(r.text for r in verdict.reasons)


@pytest.mark.parametrize("outcome", list(DECIDING))
@pytest.mark.parametrize("passed", [False, None])
def test_failed_or_unchecked_diagnosis_makes_the_claim_undetermined(verdict_on, outcome, passed):
    sampler = Diagnosis((Check("R-hat of unknown", 1.2, 1.01, passed),))
    verdict = verdict_on(DECIDING[outcome], sampler=sampler)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert verdict.reasons[0].code == "NOT_CONVERGED"
    assert "R-hat of unknown" in verdict.reasons[0].text


def test_diagnosis_without_any_check_of_the_sampler_still_needs_the_quantities(design):
    jumps = jumps_of((1, 1, 1, 1))
    jumps[0] = 0.0  # one chain never jumps
    verdict = judge(CLAIM, jumps, posterior_of(jumps), design, (), GOOD, SUPPORTING)
    assert verdict.diagnosis.passed is False
    assert verdict.outcome is Outcome.UNDETERMINED
    assert codes(verdict.reasons)[0] == "NOT_CONVERGED"


def test_jump_with_a_nan_is_undetermined(design):
    jumps = jumps_of((0, 0, 0, 0))
    jumps[0, 3, 0, 0] = np.nan
    verdict = judge(CLAIM, jumps, posterior_of(jumps), design, (), GOOD, SUPPORTING)
    assert verdict.diagnosis.passed is None
    assert verdict.outcome is Outcome.UNDETERMINED


def test_reported_draws_cover_every_number_of_a_verdict():
    # Every estimate, probability and part of an attribution has draws whose mixing is checked.
    of_task = jumps_of((0.2, 0.6, 0.4, 0.8), nested=False).sel(task=TASK.name, drop=True)
    checked = list(reported_draws(of_task, SHOTS).values())

    def is_checked(draws):
        return any(np.array_equal(draws, known) for known in checked)

    for arm in ARMS:
        assert is_checked(of_task.sel(arm=arm.label)), f"jump, {arm.label}"
    for arm in (NONE, SHOTS):
        event = (of_task.sel(arm=arm.label) > ROPE).astype(float)
        assert is_checked(event), f"P(jump > rope), {arm.label}"
    difference = of_task.sel(arm=SHOTS.label) - of_task.sel(arm=NONE.label)
    missing = [] if is_checked((difference > ROPE).astype(float)) else ["P(published - controlled)"]
    for name, arm in (("published", SHOTS), ("elicited", BOTH)):
        parts = attribute(of_task, arm)
        few_shot, tuning = parts.shapley()
        named = {
            "total": parts.total, "few-shot": parts.few_shot, "interaction": parts.interaction,
            "tuning": parts.instruction_tuning, "Shapley few-shot": few_shot,
            "Shapley tuning": tuning,
        }  # fmt: skip
        missing += [f"{name}: {part}" for part, draws in named.items() if not is_checked(draws)]
    assert not missing, f"reported, but their mixing is not checked: {missing}"


def test_jump_that_is_gone_after_controls_may_not_surely_be_larger_before(verdict_on):
    verdict = verdict_on((0, 0.3, 0, 0))
    named = {"p_residual_jump": 0.02, "p_published_jump": 0.97, "p_difference": 0.93}
    of = {**verdict.estimates}
    of |= {name: replace(of[name], median=p, mcse=0.001) for name, p in named.items()}
    wanted = by_probability(of, SHOTS)
    assert wanted is Outcome.UNDETERMINED
    [reason] = reasons_of(wanted, wanted, (), GOOD, of)
    assert reason.code == "DIFFERENCE_UNDECIDED"
    assert reason.text.endswith(
        "'explained' needs P(difference > 5 points) of at least 0.95; it is 0.93."
    )


def test_difference_is_close_to_its_limit_only_where_it_decides(verdict_on):
    of = {**verdict_on((0, 0.3, 0, 0)).estimates}

    def is_close(controlled, published):
        named = {"p_residual_jump": controlled, "p_published_jump": published}
        changed = {name: replace(of[name], median=p, mcse=0.001) for name, p in named.items()}
        near = {"p_difference": replace(of["p_difference"], median=0.951, mcse=0.004)}
        found = cautions_of(Outcome.EXPLAINED, (), of | changed | near, (), if_parseable=False)
        return "CLOSE_TO_THRESHOLD" in codes(found)

    assert is_close(0.01, 0.99)
    assert not is_close(0.5, 0.99)
    assert not is_close(0.01, 0.7)


def test_reason_of_an_undecided_posterior_says_nothing_false(verdict_on):
    # The controlled arm is decided; only the published one is not.
    verdict = verdict_on((0.01, 0.4, 0, 0))
    [reason] = [r for r in verdict.reasons if r.code == "PUBLISHED_ARM_UNDECIDED"]
    assert "0.01" in reason.text
    assert "neither" not in reason.text


def test_reason_of_an_undecided_posterior_is_not_rounded_to_the_threshold(verdict_on):
    verdict = verdict_on((0.948, 0.4, 0, 0))
    [reason] = [r for r in verdict.reasons if r.code == "POSTERIOR_UNDECIDED"]
    assert "is 0.9480 in the controlled arm" in reason.text


def test_reasons_of_a_decided_claim_name_the_outcome(verdict_on):
    for outcome, shares in DECIDING.items():
        assert codes(verdict_on(shares).reasons) == [outcome.name]


def test_no_jump_must_not_rest_on_other_tasks(design):
    """A share of 1 in 20 makes a jump of which the task's scores say nothing improbable too."""
    jumps = jumps_of((0, 0.04, 0, 0))
    found = {
        share: judge(CLAIM, jumps, posterior_of(jumps, share=share), design, (), GOOD, SUPPORTING)
        for share in (0.05, 0.5)
    }
    assert found[0.5].outcome is Outcome.NO_JUMP
    assert found[0.05].outcome is Outcome.UNDETERMINED
    assert codes(found[0.05].reasons) == ["POSTERIOR_ALONE", "OTHER_TASKS"]
    # Odds of 1 to 24 with a prior of 1 to 19: 19 to 24 at even odds.
    p = found[0.05].estimates["p_published_jump_even_odds"].median
    assert p == pytest.approx(19 / 43)
    assert "0.4 in the published arm" in found[0.05].reasons[1].text
    assert found[0.05].next_measurement.startswith("Score another family")


def test_jump_between_sizes_that_chains_disagree_about_is_not_trusted(verdict_on, design):
    """Every chain has a jump of its own place: one of them in a gap that no sizes resolve."""
    gaps = np.repeat([MIDDLE, MIDDLE, 0, MIDDLE], N_DRAWS)
    jumps = jumps_of((1, 1, 1, 1))
    verdict = judge(CLAIM, jumps, posterior_of(jumps, gaps), design, (), GOOD, SUPPORTING)
    assert "NOT_CONVERGED" in codes(verdict.reasons)
    assert "a jump that is resolved" in verdict.reasons[0].text
    assert verdict_on((1, 1, 1, 1)).diagnosis.passed


def test_jumps_in_the_gap_of_the_claimed_size_are_near_it_and_only_those(scores):
    """A gap of a decade and a half: its middle lies 0.75 decades from a size at its end."""
    wide = (1e8, 2e8, 4e8, 8e8, 2.5e10, 5e10, 1e11)
    on = build_design(scores_of(wide))
    jumps = jumps_of((1, 1, 1, 1))

    def near(size, gap):
        claim = replace(CLAIM, threshold_n_params=size)
        found = judge(claim, jumps, posterior_of(jumps, gap), on, (), GOOD, SUPPORTING)
        return {g.code: g.open for g in found.gates}["JUMP_ELSEWHERE"]

    assert near(2.5e10, 3)  # the largest size below lies at 8e8: appears at 2.5e10
    assert near(2e9, 3)
    assert not near(8e8, 3)  # appears at 8e8: between 4e8 and 8e8
    assert not near(1e11, 3)


def test_claims_without_a_verdict_are_told_what_would_bring_the_nearest(verdict_on):
    place = gate("JUMP_ELSEWHERE", forbids=WITH_JUMP)
    low = verdict_on((0.2, 0.2, 0, 0), gates=(place, gate(forbids=DECIDED)))
    assert "JUMP_ELSEWHERE" not in codes(low.reasons)
    assert low.next_measurement == "The remedy of WIDE_GAP."
    likely = verdict_on((0.2, 0.6, 0, 0), gates=(place,), evidence=None)
    assert "JUMP_ELSEWHERE" in codes(likely.reasons)
    assert likely.next_measurement.startswith("Compare with rival curves")


def test_no_jump_close_to_the_limit_at_even_odds_is_told_so(design):
    jumps = jumps_of((0, 0.01, 0, 0))

    def cautions(share):
        found = judge(CLAIM, jumps, posterior_of(jumps, share=share), design, (), GOOD, SUPPORTING)
        return codes(found.cautions)

    assert "CLOSE_TO_THRESHOLD" not in cautions(0.5)
    assert "CLOSE_TO_THRESHOLD" in cautions(0.16)  # 0.01 / 0.99 * 0.84 / 0.16 is 0.05 to 0.95


def test_unsure_jump_between_good_sizes_does_not_ask_for_sizes(verdict_on):
    verdict = verdict_on((0.7, 0.8, 0, 0))
    assert {g.code: g.open for g in verdict.gates}["LOCATION_UNRESOLVED"] is False
    assert codes(verdict.reasons) == ["POSTERIOR_UNDECIDED"]
    assert "size" not in verdict.next_measurement.replace("same sizes", "")


def test_probability_close_to_a_limit_asks_for_more_draws_first(verdict_on):
    verdict = verdict_on((0.0, 0.0505, 0, 0))
    assert verdict.next_measurement.startswith("Refit with more draws")


def test_next_measurement_is_there_if_and_only_if_undetermined(verdict_on):
    bad = Diagnosis((Check("x", 2.0, 1.0, False),))
    cases = [
        {"shares": s, "gates": g, "sampler": d}
        for s in ((1, 1, 1, 1), (0, 1, 0, 0), (0, 0, 0, 0), (0.4, 0.4, 0.4, 0.4), (0.4, 0, 0, 0))
        for g in ((), (gate(),), (gate(is_open=True),))
        for d in (GOOD, bad)
    ]
    for case in cases:
        verdict = verdict_on(**case)
        undetermined = verdict.outcome is Outcome.UNDETERMINED
        assert bool(verdict.next_measurement) is undetermined
        assert bool(verdict.reasons)


def test_next_measurement_of_an_unresolved_place_is_to_add_sizes_there(verdict_on):
    # All jumps lie in the lowest gap, with one size below it: only the location gate is closed.
    verdict = verdict_on((1, 1, 1, 1), gaps=0)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert "LOCATION_UNRESOLVED" in codes(verdict.reasons)
    assert "size" in verdict.next_measurement
    assert "at the same sizes" not in verdict.next_measurement


def test_location_of_jumps_in_resolvable_gaps_decides(verdict_on):
    assert verdict_on((1, 1, 1, 1), gaps=MIDDLE).outcome is Outcome.JUMP_REMAINS


def test_location_half_outside_resolvable_gaps_decides_nothing(verdict_on):
    # P(a jump above the rope that the sizes resolve) is 0.6, not 0.95.
    gaps = np.where(np.random.default_rng(5).random(N) < 0.6, MIDDLE, 0)
    assert verdict_on((1, 1, 1, 1), gaps=gaps).outcome is Outcome.UNDETERMINED


def test_location_is_judged_by_the_sizes_of_the_arm_that_jumps(verdict_on):
    # Base checkpoints leave a hole of 1.5 decades that tuned ones fill: the union of both looks
    # fine, but no base checkpoint lies near the jump.
    frame = scores_of().frame
    hole = frame["n_params"].isin(SIZES[3:7]) & ~frame["instruction_tuned"]
    scores = replace(scores_of(), frame=frame[~hole].reset_index(drop=True))
    design = build_design(scores)
    assert design.gap_low.shape[1] == 8  # tuned checkpoints keep every size
    verdict = verdict_on((1, 1, 0, 0), gaps=MIDDLE, on=design)
    assert verdict.outcome is Outcome.UNDETERMINED


def test_location_gate_asks_for_the_arm_whose_jump_decides(verdict_on):
    # The controlled arm never jumps; the published one does, where the sizes resolve it.
    assert verdict_on((0, 1, 0, 0), gaps=MIDDLE).outcome is Outcome.EXPLAINED
    assert verdict_on((0, 1, 0, 0), gaps=0).outcome is Outcome.UNDETERMINED
    assert verdict_on((0, 0, 0, 0), gaps=0).outcome is Outcome.NO_JUMP


def test_attribution_of_a_verdict_adds_up(verdict_on):
    verdict = verdict_on((0, 1, 0, 1), claim=replace(CLAIM, published_arm=BOTH.label))
    parts = verdict.attribution
    assert parts["few_shot"].median == pytest.approx(0.2)
    assert parts["instruction_tuning"].median == 0
    assert parts["shapley_few_shot"].median == pytest.approx(0.2)
    assert verdict.elicitation == verdict.attribution
    assert attribute(jumps_of((0, 1, 0, 1)).sel(task=TASK.name), Arm(True, True)).total.max() > 0


def test_jump_of_both_factors_is_not_credited_to_one_where_neither_arm_between_was_scored(scores):
    frame = scores.frame
    ends = frame[(frame["n_shots"] > 0) == frame["instruction_tuned"]]
    on = build_design(replace(scores, frame=ends.reset_index(drop=True)))
    jumps = only_measured(jumps_of((0, 1, 1, 1)), on)
    claim = replace(CLAIM, published_arm=BOTH.label)
    verdict = judge(claim, jumps, posterior_of(jumps), on, (), GOOD, SUPPORTING)
    assert verdict.outcome is Outcome.EXPLAINED
    assert verdict.credited_to == ("few-shot prompting and instruction tuning together",)


def test_residual_jump_above_chance_is_divided_by_what_chance_leaves(verdict_on):
    estimates = verdict_on((1, 1, 1, 1)).estimates
    assert estimates["residual_jump"].median == pytest.approx(0.2)
    assert estimates["residual_jump_above_chance"].median == pytest.approx(0.2 / 0.75)


def test_expected_false_discoveries_of_a_worked_example():
    # Errors .01 .03 .07 .20: running means .010 .020 .037 .078.
    probabilities = {"b": 0.97, "a": 0.99, "d": 0.80, "c": 0.93}
    assert expected_false_discoveries(probabilities) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ({}, ()),
        ({"a": 0.94}, ()),
        ({"a": 0.95}, ("a",)),
        ({"a": 1.0, "b": 0.9}, ("a", "b")),  # mean error exactly 0.05
        ({"a": 1.0, "b": 0.8999}, ("a",)),
        ({"a": 0.0, "b": 0.0}, ()),
    ],
)
def test_expected_false_discoveries_at_their_limit(probabilities, expected):
    assert expected_false_discoveries(probabilities) == expected


def analysis_of(*verdicts):
    return Analysis(None, "full", None, None, GOOD, tuple(verdicts))


def test_counts_never_count_undetermined_as_no_jump(verdict_on):
    closed = verdict_on((0, 0, 0, 0), gates=[gate()])
    undecided, none = verdict_on((0.4, 0, 0, 0)), verdict_on((0, 0, 0, 0))
    counts = analysis_of(closed, undecided, none).counts
    assert counts == {
        Outcome.JUMP_REMAINS: 0,
        Outcome.EXPLAINED: 0,
        Outcome.NO_JUMP: 1,
        Outcome.UNDETERMINED: 2,
    }


def test_discoveries_hold_no_claim_whose_verdict_is_undetermined(verdict_on):
    # A closed gate or a bad fit: P = 1 is then a number that nothing may rest on.
    closed = verdict_on((1, 1, 1, 1), gates=[gate()])
    bad = Diagnosis((Check("R-hat of unknown", 1.5, 1.01, False),))
    unmixed = verdict_on((1, 1, 1, 1), sampler=bad)
    assert analysis_of(closed).discoveries == ()
    assert analysis_of(unmixed).discoveries == ()
    assert analysis_of(verdict_on((1, 1, 1, 1))).discoveries == (CLAIM.slug,)


def test_discoveries_hold_jumps_only_however_sure_the_others_are(verdict_on):
    # 20 sure jumps leave room for one error of 0.95: a claim judged "no jump" must not fill it.
    sure = verdict_on((1, 1, 1, 1))
    jumps = [replace(sure, claim=replace(CLAIM, slug=f"sure-{i}")) for i in range(20)]
    nothing = replace(verdict_on((0.05, 0.05, 0, 0)), claim=replace(CLAIM, slug="nothing"))
    explained = replace(verdict_on((0.05, 1, 0, 0)), claim=replace(CLAIM, slug="explained"))
    assert nothing.outcome is Outcome.NO_JUMP
    found = analysis_of(*jumps, nothing, explained).discoveries
    assert set(found) == {verdict.claim.slug for verdict in jumps}


def test_explained_does_not_credit_a_factor_whose_part_is_surely_nothing(design):
    # Shots bring the jump in 0.94 of the draws, shots with tuning in 0.96; tuning alone never.
    jumps = jumps_of((0, 0.94, 0, 0.96))
    claim = replace(CLAIM, published_arm=BOTH.label)
    verdict = judge(claim, jumps, posterior_of(jumps), design, (), GOOD, SUPPORTING)
    assert verdict.outcome is Outcome.EXPLAINED
    assert "instruction tuning" not in verdict.credited_to


def test_open_gates_of_a_good_design_find_nothing_false(scores):
    # The report prints what a gate found whether it is open or closed.
    cells = scores.frame.assign(n_correct=scores.frame["n_items"] * 0.8)
    gates = {g.code: g for g in design_gates(CLAIM, cells)}
    assert gates["AT_FLOOR"].open
    assert "no cell" not in gates["AT_FLOOR"].finding
    assert gates["ONE_RECIPE"].open
    assert "can't be told" not in gates["ONE_RECIPE"].finding


def test_arm_without_cells_gets_no_number_of_its_own(scores):
    # Its draws come from the prior alone: they say nothing about this study.
    frame = scores.frame
    drop = (frame["n_shots"] > 0) & frame["instruction_tuned"]
    left = replace(scores, frame=frame[~drop].reset_index(drop=True))
    jumps = jumps_of((0, 1, 0, 0.4))
    verdict = judge(CLAIM, jumps, posterior_of(jumps), build_design(left), (), GOOD)
    said = [*verdict.reasons, *verdict.cautions]
    name = f"jump: {BOTH.label}"
    assert name not in verdict.estimates or any(BOTH.label in reason.text for reason in said)


def test_reason_is_a_code_and_a_sentence(verdict_on):
    for shares in ((1, 1, 1, 1), (0.4, 0.4, 0, 0)):
        verdict = verdict_on(shares, gates=[gate()])
        for reason in (*verdict.reasons, *verdict.cautions):
            assert isinstance(reason, Reason)
            assert reason.code == reason.code.upper()
            assert reason.text.endswith(".")


def test_verdict_holds_every_gate_and_check(verdict_on):
    verdict = verdict_on((1, 1, 1, 1), gates=[gate(is_open=True)])
    assert {"WIDE_GAP", "LOCATION_UNRESOLVED"} <= {g.code for g in verdict.gates}
    assert set(GOOD.checks) <= set(verdict.diagnosis.checks)
    names = pd.Series([c.name for c in verdict.diagnosis.checks])
    assert names.is_unique


def without_arms(scores, *arms):
    """Return the scores without those arms, and their design."""
    frame = scores.frame
    drop = pd.Series(False, index=frame.index)
    for arm in arms:
        drop |= ((frame["n_shots"] > 0) == arm.few_shot) & (
            frame["instruction_tuned"] == arm.instruction_tuned
        )
    left = replace(scores, frame=frame[~drop].reset_index(drop=True))
    return left, build_design(left)


def judged_without(scores, shares, *arms):
    left, own = without_arms(scores, *arms)
    jumps = only_measured(jumps_of(shares), own)
    gates = design_gates(CLAIM, left.frame)
    return judge(CLAIM, jumps, posterior_of(jumps), own, gates, GOOD, SUPPORTING)


def test_no_jump_is_said_of_the_published_arm_where_the_controlled_one_is_missing(scores):
    # Half of the prior's draws have a jump in the arm without scores: they must count for nothing.
    verdict = judged_without(scores, (0.5, 0.05, 0.5, 0.5), NONE, TUNED, BOTH)
    assert verdict.outcome is Outcome.NO_JUMP
    assert verdict.diagnosis.passed is True
    assert "not scored" in verdict.reasons[0].text
    assert np.isnan(verdict.estimates["p_residual_jump"].median)
    assert verdict.estimates["p_published_jump"].median == 0.05
    assert codes(verdict.cautions).count("ARM_NOT_MEASURED") == 3


def test_jump_without_a_control_is_there_but_what_made_it_is_not_said(scores):
    verdict = judged_without(scores, (0, 1, 0, 0), NONE, TUNED, BOTH)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert codes(verdict.reasons)[:1] == ["NOT_SEPARABLE"]
    assert "MISSING_ARM" in codes(verdict.reasons)
    assert verdict.credited_to == ()
    assert f"'{NONE.label}'" in verdict.next_measurement


def test_jump_that_is_unsure_without_a_control_is_undecided(scores):
    verdict = judged_without(scores, (0, 0.5, 0, 0), NONE, TUNED, BOTH)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert codes(verdict.reasons)[0] == "POSTERIOR_UNDECIDED"


def test_missing_published_arm_decides_nothing(scores):
    verdict = judged_without(scores, (0, 0, 0, 0), SHOTS)
    assert verdict.outcome is Outcome.UNDETERMINED
    assert "MISSING_ARM" in codes(verdict.reasons)


def test_study_of_base_checkpoints_is_judged_like_one_with_tuned_ones(scores):
    whole = judged_without(scores, (0, 1, 0, 0))
    verdict = judged_without(scores, (0, 1, 0.5, 0.5), TUNED, BOTH)
    assert verdict.outcome is whole.outcome is Outcome.EXPLAINED
    assert verdict.credited_to == ("few-shot prompting",)
    assert verdict.attribution == whole.attribution
    assert np.isnan(verdict.elicitation["total"].median)


def test_unmixed_draws_of_a_measured_arm_still_close_a_verdict_without_a_control(scores):
    left, own = without_arms(scores, NONE, TUNED, BOTH)
    jumps = only_measured(jumps_of((0, 0.04, 0, 0)), own)
    stuck = jumps.where(jumps.chain > 0, 0.3)  # one chain has a jump in all draws
    verdict = judge(CLAIM, stuck.where(~np.isnan(jumps)), posterior_of(jumps), own, (), GOOD)
    assert verdict.diagnosis.passed is False
    assert verdict.outcome is Outcome.UNDETERMINED
    assert len(left.frame) == 18


def test_place_of_a_jump_that_may_be_there_is_a_caution():
    gates = [
        gate("JUMP_ELSEWHERE", forbids=WITH_JUMP),
        gate("CONTROL_NOT_CLEAN", forbids=WITH_JUMP),
    ]

    def told(controlled, published):
        estimates = {
            name: Estimate("p", "probability", p, p, p, 0.9, "mcse", 0.001)
            for name, p in (
                ("p_residual_jump", controlled),
                ("p_published_jump", published),
                ("p_residual_jump_even_odds", controlled),
                ("p_published_jump_even_odds", published),
                ("p_difference", 0.99),
            )
        }
        wanted = by_probability(estimates, SHOTS)
        return codes(cautions_of(wanted, gates, estimates, [], if_parseable=False))

    assert told(math.nan, 0.3) == ["CONTROL_NOT_CLEAN", "JUMP_ELSEWHERE"]
    # Nearer to a jump its place is among the reasons.
    assert told(math.nan, 0.6) == ["CONTROL_NOT_CLEAN"]
    assert told(math.nan, 0.97) == ["CONTROL_NOT_CLEAN"]
    assert told(0.01, 0.01) == ["CONTROL_NOT_CLEAN"]
    # A verdict with a jump has it among its reasons.
    assert told(0.97, 0.97) == told(0.01, 0.97) == ["CONTROL_NOT_CLEAN"]
