"""Each published definition by hand; what can't be tested says why and never passes for a no."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.definitions.above_chance import (
    CLEAR_RISE,
    chance_tests,
    detectable_rise,
    exact_interval,
    holm,
    n_below_chance,
)
from toolkit.definitions.rules import Definition
from toolkit.definitions.table import (
    apply_definitions,
    over_claims,
    study_definitions,
)
from toolkit.simulate import RICH, PlantedTask, planted_claim, simulate_study
from toolkit.study.claims import ARMS, CONTROLLED_ARM, load_claims
from toolkit.study.scores import read_scores

ROOT = Path(__file__).resolve().parents[2]
THRESHOLD = 1e10
FEW_SHOT_BASE = ARMS[1]


def claim(**changes):
    made = planted_claim(PlantedTask("t", "none", THRESHOLD))
    return dataclasses.replace(made, published_arm=FEW_SHOT_BASE.label, **changes)


def cells(scores, n_items=200, chance=0.25, family="a", shots=0, first=8.0, metric="accuracy"):
    """Return base cells of one family, one per decade from 100M on, with these scores."""
    rows = [
        {
            "study": "s", "checkpoint": f"{family}{at}", "lm_family": family,
            "n_params": 10.0 ** (first + at), "instruction_tuned": False, "task": "t",
            "metric": metric, "prompt_format": "closed", "n_shots": float(shots),
            "n_items": float(n_items), "n_correct": float(round(score * n_items)),
            "score": round(score * n_items) / n_items, "score_se": np.nan, "chance": chance,
        }
        for at, score in enumerate(scores)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def continuous_cells(scores, se=0.01):
    return cells(scores, metric="log_prob").assign(score=scores, n_correct=np.nan, score_se=se)


NOTHING = cells([]).reindex(columns=list(cells([0.5])))
JUMP = [0.25, 0.24, 0.60, 0.62]  # 100M, 1B below; 10B, 100B at or above


def results(of_cells, others=NOTHING, arm=CONTROLLED_ARM, of_claim=None):
    made = apply_definitions(of_claim or claim(), of_cells, others, random_seed=1)
    return {result.definition: result for result in made if result.arm == arm}


# Tests against chance


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([]).size == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_raw_and_bonferroni(p):
    p, adjusted = np.array(p), holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, p * len(p)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_exact_test_by_hand():
    (test,) = chance_tests(cells([0.9], n_items=10, chance=0.5))
    assert test.p_value == pytest.approx(11 / 1024)
    assert test.is_above
    assert test.is_clear
    # 17 of 45 items against the paper's own base of 24%: the p = .027 of the method notes.
    (headline,) = chance_tests(cells([17 / 45], n_items=45, chance=0.24))
    assert headline.p_value == pytest.approx(0.027, abs=5e-4)


def test_small_but_sure_rise_is_above_and_not_clear():
    (test,) = chance_tests(cells([0.29], n_items=10_000))
    assert test.is_above
    assert not test.is_clear


def test_detectable_rise_by_hand():
    # Of 10 items at chance 0.5, 9 right reject at 5%: 11 / 1024; 8 right don't: 56 / 1024.
    rate = 0.5 + detectable_rise(10, 0.5, 1)
    assert 10 * rate**9 * (1 - rate) + rate**10 == pytest.approx(0.8)
    # With 4 items even 4 right (1 / 16) don't reject.
    assert np.isnan(detectable_rise(4, 0.5, 1))


def test_exact_interval_at_the_ends_by_hand():
    assert exact_interval(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
    assert exact_interval(10, 10) == pytest.approx((0.025**0.1, 1))


def test_below_chance_is_counted():
    assert n_below_chance(cells([0.0, 0.24, 0.5, 0.05])) == 2


# The two clauses of Wei et al. that are tested


def test_jump_meets_both_clauses():
    found = results(cells(JUMP))
    absent, present = found[Definition.ABSENT_BELOW], found[Definition.PRESENT_ABOVE]
    assert (absent.verdict, present.verdict) == ("met", "met")
    assert absent.text.startswith("Of 2 checkpoints below 10B, none is above chance (0.25)")
    assert present.text.startswith("Of 2 checkpoints from 10B on, 2 are clearly above")
    assert [test.checkpoint for test in absent.tests] == ["a0", "a1"]
    assert [test.checkpoint for test in present.tests] == ["a2", "a3"]
    assert absent.p_value == pytest.approx(min(t.p_holm for t in absent.tests))
    assert present.value == 0.62
    assert present.decisive


def test_smaller_checkpoint_above_chance_breaks_the_first_clause():
    absent = results(cells([0.40, 0.24, 0.6, 0.6]))[Definition.ABSENT_BELOW]
    assert absent.verdict == "not met"
    assert absent.decisive
    assert absent.value == 0.40
    assert absent.p_value < 0.001
    assert "1 is already above chance (0.25); most surely a0 (a, 100M)" in absent.text


def test_rise_under_five_points_is_above_below_the_threshold_and_not_clear_above_it():
    found = results(cells([0.28, 0.28, 0.28, 0.28], n_items=10_000))
    assert found[Definition.ABSENT_BELOW].verdict == "not met"
    assert "by less than 5 points" in found[Definition.ABSENT_BELOW].text
    assert found[Definition.PRESENT_ABOVE].verdict == "not met"
    assert found[Definition.PRESENT_ABOVE].decisive


def test_multiplicity_can_decide_the_first_clause():
    # 62 of 200 against 0.25: p = 0.031 alone, not over two checkpoints.
    one = pd.concat([cells([0.31]), cells([0.6], first=10.0).assign(checkpoint="x")])
    two = pd.concat([one, cells([0.25], first=9.0).assign(checkpoint="y")])
    assert results(one)[Definition.ABSENT_BELOW].verdict == "not met"
    assert results(two)[Definition.ABSENT_BELOW].verdict == "met"


def test_few_items_meet_the_first_clause_without_deciding_it():
    few, many = results(cells(JUMP, n_items=29)), results(cells(JUMP, n_items=2000))
    assert few[Definition.ABSENT_BELOW].verdict == many[Definition.ABSENT_BELOW].verdict == "met"
    assert not few[Definition.ABSENT_BELOW].decisive
    assert many[Definition.ABSENT_BELOW].decisive
    assert "would be found four times in five" in few[Definition.ABSENT_BELOW].text


def test_so_few_items_that_nothing_could_reject_are_not_decisive():
    absent = results(cells(JUMP, n_items=2))[Definition.ABSENT_BELOW]
    assert not absent.decisive
    assert "not even a perfect score" in absent.text


def test_one_right_item_is_not_above_a_chance_of_zero():
    found = results(cells([0.01, 0.01, 0.4, 0.4], n_items=100, chance=0.0))
    assert found[Definition.ABSENT_BELOW].verdict == "met"
    assert found[Definition.PRESENT_ABOVE].verdict == "met"
    assert found[Definition.PRESENT_ABOVE].tests[0].level == CLEAR_RISE
    assert "chance is 0" in found[Definition.ABSENT_BELOW].text


def test_cells_of_one_checkpoint_with_other_shots_are_called_cells():
    twice = pd.concat([cells([0.25, 0.25, 0.6, 0.6], shots=s) for s in (1, 5)])
    absent = results(twice, arm=FEW_SHOT_BASE)[Definition.ABSENT_BELOW]
    assert absent.text.startswith("Of 4 cells below 10B")


def test_extrapolation_is_left_to_the_held_out_prediction():
    third = results(cells(JUMP))[Definition.NOT_EXTRAPOLATED]
    assert third.verdict == "not testable"
    assert "the 2 sizes below 10B" in third.text
    assert "E5" in third.text


# B and L


def test_step_in_a_wide_gap_is_no_breakthrough_and_nothing_is_decided():
    b = results(cells(JUMP))[Definition.BREAKTHROUGH]
    assert b.verdict == "not met"
    assert not b.decisive
    assert "with the largest step from 1B to 10B" in b.text
    assert "of such studies" in b.text
    flat, smooth = b.nulls
    assert b.p_value == max(flat.p_value, smooth.p_value)


def test_even_rise_meets_the_steady_rise():
    line = results(cells([0.3, 0.45, 0.6, 0.75], n_items=500))[Definition.STEADY_RISE]
    assert line.verdict == "met"
    assert line.value == pytest.approx(3.0)
    assert line.p_value == line.nulls[0].p_value < 0.05


def test_falling_curve_meets_neither():
    found = results(cells([0.75, 0.6, 0.45, 0.3], n_items=500))
    for definition in (Definition.BREAKTHROUGH, Definition.STEADY_RISE):
        assert found[definition].verdict == "not met"
        assert found[definition].value < 0


def test_infinite_b_is_said_in_words():
    # Of 2,000 items neither side of the step differs by one: no curve with noise does that.
    b = results(cells([0.25, 0.25, 0.6, 0.6], n_items=2000))[Definition.BREAKTHROUGH]
    assert b.value == np.inf
    assert b.verdict == "met"
    assert b.decisive
    assert "B is infinite (most steps are 0)" in b.text


def test_three_sizes_have_l_but_no_b():
    found = results(cells([0.25, 0.26, 0.6]))
    assert found[Definition.STEADY_RISE].verdict != "not testable"
    assert found[Definition.BREAKTHROUGH].verdict == "not testable"
    assert "B needs 4" in found[Definition.BREAKTHROUGH].text


# The continuous metric


@pytest.mark.parametrize(
    ("scores", "verdict", "decisive"),
    [
        ([0.2, 0.2, 0.5, 0.5], "met", True),
        ([0.2, 0.4, 0.5, 0.5], "not met", True),  # rose before
        ([0.2, 0.2, 0.2, 0.5], "not met", False),  # nothing at the threshold
    ],
)
def test_continuous_metric_must_jump_at_the_threshold_only(scores, verdict, decisive):
    found = results(cells(JUMP), continuous_cells(scores))[Definition.CONTINUOUS]
    assert (found.verdict, found.decisive) == (verdict, decisive)
    assert found.value == pytest.approx(scores[2] - scores[1])
    assert "From 1B to 10B of a log_prob changes by" in found.text


def test_continuous_rise_by_hand():
    found = results(cells(JUMP), continuous_cells([0.2, 0.2, 0.5, 0.5], se=0.1))
    half = 1.959964 * np.sqrt(2) * 0.1
    assert f"+0.300 [{0.3 - half:+.3f}, {0.3 + half:+.3f}]" in found[Definition.CONTINUOUS].text


def test_every_continuous_metric_must_jump():
    both = pd.concat(
        [
            continuous_cells([0.2, 0.2, 0.5, 0.5]),
            continuous_cells([0.2, 0.4, 0.5, 0.5]).assign(metric="brier"),
        ]
    )
    found = results(cells(JUMP), both)[Definition.CONTINUOUS]
    assert found.verdict == "not met"
    assert "log_prob" in found.text
    assert "brier" in found.text


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        (NOTHING, "Not measured: the study has no continuous metric"),
        (cells(JUMP, metric="exact_match"), "Not measured"),
        (continuous_cells(JUMP, se=np.nan), "log_prob: neither counts nor a standard error"),
        (continuous_cells(JUMP).assign(n_shots=5.0), "log_prob: the arm 'zero-shot, base' has no"),
        (continuous_cells(JUMP).query("n_params < 1e9 or n_params > 5e9").query("n_params != 1e8"),
         "no family has sizes on both sides"),
        (continuous_cells(JUMP).query("n_params > 5e8"), "one size lies below"),
    ],
)  # fmt: skip
def test_continuous_metric_that_does_not_suffice_says_why(others, reason):
    found = results(cells(JUMP), others)[Definition.CONTINUOUS]
    assert found.verdict == "not testable"
    assert reason in found.text


# What can't be tested


TESTED = [d for d in Definition if d not in (Definition.NOT_EXTRAPOLATED, Definition.CONTINUOUS)]


@pytest.mark.parametrize(
    ("of_cells", "untested", "reason"),
    [
        (cells(JUMP, shots=5), TESTED, "the arm 'zero-shot, base' has no cell"),
        (NOTHING, TESTED, "the arm 'zero-shot, base' has no cell"),
        (cells(JUMP, first=10.0), [Definition.ABSENT_BELOW], "no checkpoint below 10B"),
        (cells(JUMP, first=5.0), [Definition.PRESENT_ABOVE], "no checkpoint at or above 10B"),
        (cells(JUMP, first=10.0), TESTED[2:], "no family has sizes on both sides of 10B"),
        (cells(JUMP).assign(n_correct=[np.nan, 48, 120, 124]), [Definition.ABSENT_BELOW],
         "(n_correct) is not known for a0"),
        (cells(JUMP).assign(n_correct=np.nan), TESTED, "n_correct"),
        (cells(JUMP).assign(n_items=np.nan), TESTED[:2], "is not known for"),
        (cells(JUMP[:2], first=9.0), TESTED[2:], "2 sizes of a"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(of_cells, untested, reason):
    found = results(of_cells)
    for definition in untested:
        assert found[definition].verdict == "not testable"
        assert not found[definition].decisive
        assert np.isnan(found[definition].value)
        assert reason in found[definition].text


def test_one_missing_arm_leaves_the_other_tested():
    few_shot = cells(JUMP, shots=5)
    assert results(few_shot)[Definition.PRESENT_ABOVE].verdict == "not testable"
    assert results(few_shot, arm=FEW_SHOT_BASE)[Definition.PRESENT_ABOVE].verdict == "met"


def test_controlled_arm_that_is_the_published_one_comes_once():
    own = claim(published_above_baseline=True)
    own = dataclasses.replace(own, published_arm=CONTROLLED_ARM.label)
    assert len(apply_definitions(own, cells(JUMP), NOTHING, 1)) == len(Definition)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_cells_are_answered_for_every_definition(data):
    k = data.draw(st.integers(0, 6))
    table = cells([0.5] * k, n_items=20) if k else NOTHING
    table = table.assign(
        n_correct=data.draw(
            st.lists(st.none() | st.integers(0, 20), min_size=k, max_size=k).map(
                lambda counts: np.array([np.nan if c is None else c for c in counts], dtype=float)
            )
        ),
        lm_family=data.draw(st.lists(st.sampled_from("ab"), min_size=k, max_size=k)),
        n_shots=data.draw(st.lists(st.sampled_from([0.0, 5.0]), min_size=k, max_size=k)),
        n_params=data.draw(st.lists(st.sampled_from([1e8, 1e10, 1e11]), min_size=k, max_size=k)),
        chance=data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    ).assign(score=lambda f: f["n_correct"].fillna(10) / 20)
    made = apply_definitions(claim(), table, NOTHING, 3)
    assert [r.definition for r in made] == [*Definition, *Definition]
    for result in made:
        assert result.text.endswith(".")
        if result.verdict == "not testable":
            assert result.text.startswith("Not ")
        else:
            assert 0 <= result.p_value <= 1
            assert not np.isnan(result.value)


# Many claims


def test_simulation_depends_on_the_seed_and_the_claim_only():
    first = apply_definitions(claim(), cells(JUMP), NOTHING, 1)
    # As texts: from Python 3.13 on, results that hold a NaN are unequal to themselves.
    assert repr(apply_definitions(claim(), cells(JUMP), NOTHING, 1)) == repr(first)
    for other in (
        apply_definitions(claim(), cells(JUMP), NOTHING, 2),
        apply_definitions(claim(slug="u"), cells(JUMP), NOTHING, 1),
    ):
        assert [r.verdict for r in other] == [r.verdict for r in first]
        assert [r.p_value for r in other] != [r.p_value for r in first]


def test_planted_step_is_seen_and_a_claim_without_one_is_not(rng):
    planted = (
        PlantedTask("step", "all arms", 5e9, height=0.4, midpoint=1e13),
        PlantedTask("flat", "none", 5e9, midpoint=1e14),
    )
    scores = simulate_study(RICH, planted, rng)
    claims = [planted_claim(task) for task in planted]
    found = study_definitions(scores, claims, "closed", 5)
    verdicts = {
        slug: {r.definition: r.verdict for r in results if r.arm == CONTROLLED_ARM}
        for slug, results in found.items()
    }
    assert verdicts["step"][Definition.PRESENT_ABOVE] == "met"
    assert verdicts["flat"][Definition.PRESENT_ABOVE] == "not met"


def test_study_takes_the_metric_of_record_and_offers_the_others(tiny_study):
    scores = read_scores(tiny_study)
    extra = scores.frame[scores.frame["task"] == "sorting"].assign(
        metric="log_prob", n_correct=np.nan, score_se=0.02
    )
    more = dataclasses.replace(scores, frame=pd.concat([scores.frame, extra], ignore_index=True))
    claims = load_claims(tiny_study, ["sorting", "naming"])
    found = study_definitions(more, claims, "closed", 1)
    by_name = {
        slug: {r.definition: r for r in rs if r.arm == CONTROLLED_ARM} for slug, rs in found.items()
    }
    # Base checkpoints without shots: fern-s 51 and fern-m 56 of 200 below 3B, both at chance;
    # moss-m 64 and moss-l 76 from there on, 76 / 200 being 13 points above.
    assert by_name["sorting"][Definition.ABSENT_BELOW].verdict == "met"
    assert by_name["sorting"][Definition.PRESENT_ABOVE].value == 0.38
    # No family lies on both sides, so that no curve crosses the threshold.
    assert "no family" in by_name["sorting"][Definition.BREAKTHROUGH].text
    assert "log_prob: no family" in by_name["sorting"][Definition.CONTINUOUS].text
    assert by_name["naming"][Definition.CONTINUOUS].text.startswith("Not measured")


def test_over_claims_adjusts_the_tested_ones():
    by_claim = {
        "one": apply_definitions(claim(), cells([0.25, 0.25, 0.35, 0.25]), NOTHING, 1),
        "two": apply_definitions(claim(), cells([0.25, 0.25, 0.34, 0.25]), NOTHING, 1),
        "none": apply_definitions(claim(), NOTHING, NOTHING, 1),
    }
    raw = {
        slug: next(r.p_value for r in rs if r.definition is Definition.PRESENT_ABOVE)
        for slug, rs in by_claim.items()
    }
    adjusted = over_claims(by_claim, Definition.PRESENT_ABOVE, CONTROLLED_ARM)
    assert adjusted == {
        "one": pytest.approx(2 * raw["one"]), "two": pytest.approx(max(raw["two"], 2 * raw["one"])),
    }  # fmt: skip
    assert over_claims(by_claim, Definition.CONTINUOUS, CONTROLLED_ARM) == {}


@pytest.fixture(scope="module")
def lu2024():
    folder = ROOT / "data/lu2024"
    scores = read_scores(folder)
    claims = load_claims(folder, scores.tasks["task"].tolist())
    return study_definitions(scores, claims, "closed", 20240)


def of_lu2024(lu2024, slug, definition):
    return next(r for r in lu2024[slug] if r.definition is definition and r.arm == CONTROLLED_ARM)


def test_lu2024_counts_say_what_the_method_notes_say(lu2024):
    hindu = of_lu2024(lu2024, "hindu-knowledge", Definition.ABSENT_BELOW)
    (above,) = (test for test in hindu.tests if test.is_above)
    assert (above.checkpoint, above.n_items) == ("gpt2", 170)
    assert above.p_holm < 0.001
    misconceptions = of_lu2024(lu2024, "misconceptions", Definition.PRESENT_ABOVE)
    assert misconceptions.p_value > 0.05
    strategyqa = of_lu2024(lu2024, "strategyqa", Definition.PRESENT_ABOVE)
    assert strategyqa.p_value < 0.001
    assert not strategyqa.tests[0].is_clear
    over = over_claims(lu2024, Definition.PRESENT_ABOVE, CONTROLLED_ARM)
    assert len(over) == 22
    assert over["hindu-knowledge"] < 0.001
    assert over["nonsense-words-grammar"] > 0.05


def test_lu2024_sizes_never_let_b_decide_against_a_step(lu2024):
    results = [r for rs in lu2024.values() for r in rs if r.definition is Definition.BREAKTHROUGH]
    assert len(results) == 44
    assert not any(r.decisive for r in results if r.verdict == "not met")
