"""Every sentence holds the numbers of its estimates, and the words that follow from them."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from toolkit.estimands.estimate import Estimate
from toolkit.report import sentences
from toolkit.report.numbers import HEDGES, NOT_MEASURED, hedge, interval
from toolkit.report.reason_words import CAUTION_IN_WORDS, REASON_IN_WORDS
from toolkit.study.claims import NO_CLAIM
from toolkit.verdict.gates import Outcome
from toolkit.verdict.rules import Reason


def chance(p):
    return Estimate("p", "probability", p, p, p, 0.9, "mcse", 0.001)


def jump(median, low, high):
    return Estimate("jump", "proportion", median, low, high, 0.9, "eti", 0.0001)


def with_estimates(verdict, **estimates):
    return replace(verdict, estimates={**verdict.estimates, **estimates})


def with_claims(analysis, **fields):
    """Return the analysis with these fields in each of its claims."""
    claims = tuple(replace(claim, **fields) for claim in analysis.source.claims)
    return replace(analysis, source=replace(analysis.source, claims=claims))


@pytest.fixture
def verdict(analysis):
    return analysis.verdicts[0]


@pytest.mark.parametrize("p", [0.997, 0.96, 0.85, 0.7, 0.5, 0.3, 0.1, 0.03, 0.002])
def test_claim_sentence_has_both_jumps_and_the_hedge_of_its_probability(verdict, p):
    numbers = with_estimates(
        verdict,
        residual_jump=jump(0.012, -0.004, 0.187), p_residual_jump=chance(p),
        published_jump=jump(0.3, 0.21, 0.4), p_published_jump=chance(0.93),
    )  # fmt: skip
    said = sentences.claim_sentence(replace(numbers, outcome=Outcome.NO_JUMP))
    assert "After controls the jump is 1.2 [-0.4, 18.7] points" in said
    assert f"({hedge(p)})" in said
    assert sum(f"({word})" in said for _, word in HEDGES) == 1
    assert f"({verdict.claim.published_arm}) it is 30.0 [21.0, 40.0] points" in said
    assert said.endswith("has probability 0.93.")
    # What cannot be decided has no such word: only the fit is sure.
    open_ = sentences.claim_sentence(replace(numbers, outcome=Outcome.UNDETERMINED))
    assert open_.startswith("By the fit alone, after controls the jump is 1.2 [-0.4, 18.7] points")
    assert not any(f"({word})" in open_ for _, word in HEDGES)


def test_claim_sentence_says_which_arm_was_not_measured(verdict):
    nothing, unknown = jump(nan, nan, nan), chance(nan)
    said = sentences.claim_sentence(
        with_estimates(verdict, residual_jump=nothing, p_residual_jump=unknown)
    )
    assert said.startswith(f"After controls the jump was {NOT_MEASURED}: no scores of zero-shot")
    said = sentences.claim_sentence(
        with_estimates(verdict, published_jump=nothing, p_published_jump=unknown)
    )
    assert said.endswith(f"it was {NOT_MEASURED}.")


def test_square_says_the_probability_after_controls_and_where_there_is_none_as_published(verdict):
    known = with_estimates(verdict, p_residual_jump=chance(0.12), p_published_jump=chance(0.8))
    assert "above 5 points after controls: 0.12." in sentences.square_words(known, "Some 2026")
    bare = with_estimates(known, p_residual_jump=chance(nan))
    assert "above 5 points as published: 0.80." in sentences.square_words(bare, "Some 2026")


def test_claimed_counts_what_was_claimed_before_and_what_the_study_calls_emergent(analysis):
    names = [claim.row for claim in analysis.source.claims]
    one = with_claims(
        analysis, claim_set="prior", published_emergent=True, published_marginal=False
    )
    said = sentences.claimed(one)
    assert said.startswith(
        f"Before the study a jump had been claimed, of {len(names)} tasks, on {len(names)} for a "
        "family scored here."
    )
    assert all(f"{name} (claimed for a family scored here)" in said for name in names)
    none = with_claims(
        analysis, claim_set="elsewhere", published_emergent=False, published_marginal=False
    )
    said = sentences.claimed(none)
    assert f"on {len(names)} for other families only." in said
    assert "call 0 tasks emergent" in said
    silent = with_claims(none, published_verdict=NO_CLAIM)
    assert "make no claim of emergence; only the scores are theirs" in sentences.claimed(silent)


def test_no_jump_where_the_control_was_not_scored_says_nothing_of_controls(verdict):
    none = replace(verdict, outcome=Outcome.NO_JUMP)
    assert "nor after controls" in sentences.meaning_here(none)
    bare = with_estimates(none, p_residual_jump=chance(nan))
    assert "nor after controls" not in sentences.meaning_here(bare)


@pytest.mark.parametrize(
    ("claim_set", "words"),
    [("prior", "claimed for a family scored here"), ("elsewhere", "of the study")],
)
def test_found_counts_the_draws_of_the_tasks_that_it_names(analysis, claim_set, words):
    some = with_claims(analysis, claim_set=claim_set)
    said, counted = sentences.found(some), some.headline
    above = (some.jumps.sel(arm="zero-shot, base") > 0.05).sum("task")
    low, median, high = np.quantile(above, [0.05, 0.5, 0.95])
    assert interval(counted.count) == f"{median:.0f} [{low:.0f}, {high:.0f}]"
    assert f"{interval(counted.count)} of {counted.n_claims} tasks {words} have a jump" in said
    none = float((above == 0).mean())
    assert counted.p_none.median == pytest.approx(none)
    assert f"P(none) = {none:.2f}" in said


def test_found_says_so_where_no_claimed_task_was_scored(analysis):
    nothing = chance(float("nan"))
    unscored = [
        with_estimates(v, p_residual_jump=nothing, p_published_jump=nothing)
        for v in analysis.verdicts
    ]
    said = sentences.found(replace(analysis, verdicts=tuple(unscored)))
    assert said.startswith("No claimed task was scored at two sizes of one arm")


def test_found_names_the_likeliest_claim_with_its_hedge(analysis):
    first, *others = analysis.verdicts
    likely = with_estimates(first, p_residual_jump=chance(0.97))
    rest = [with_estimates(v, p_residual_jump=chance(0.2)) for v in others]
    found = replace(analysis, verdicts=(likely, *rest))
    said = sentences.found(found)
    row, claimed = first.claim.row, sentences.CLAIMED[first.claim.claim_set]
    trusted = first.diagnosis.passed is True
    assert f"the likeliest of all {len(found.verdicts)} is {row} ({claimed})" in said
    assert "with probability 0.97: very probably" in said
    assert said.endswith("very probably." if trusted else "a check of its fit failed.")


def test_decided_counts_verdicts_and_their_most_frequent_reason(analysis):
    undecided = [
        replace(v, outcome=Outcome.UNDETERMINED, reasons=(Reason("FEW_SIZES", "few"),))
        for v in analysis.verdicts
    ]
    n = len(undecided)
    said = sentences.decided(replace(analysis, verdicts=tuple(undecided)))
    assert said.startswith(f"Verdicts: {n} undetermined.")
    assert f"{n} of the {n} undetermined claims fail at least because too few sizes" in said
    done = [replace(v, outcome=Outcome.NO_JUMP) for v in undecided]
    assert sentences.decided(replace(analysis, verdicts=tuple(done))) == f"Verdicts: {n} no jump."


def test_judged_counts_every_outcome():
    counts = dict(zip(Outcome, (1, 2, 3, 4), strict=True))
    assert sentences.judged(counts) == (
        "On 10 tasks a jump had been claimed for a model family that is scored here: 1 keep one "
        "after controls, 2 are explained by them, 3 show none, and 4 cannot be decided from these "
        "data."
    )


def test_deciding_says_how_many_the_step_concerns():
    assert sentences.deciding(0, 0, "") == "No claim is left undetermined."
    said = sentences.deciding(7, 3, "Some 2026")
    assert said.startswith("7 claims undetermined.")
    assert "in Some 2026, opens what is closed for 3;" in said


def test_answer_where_nothing_had_been_claimed_for_a_family_scored():
    said = sentences.judged(dict.fromkeys(Outcome, 0))
    assert said == "No jump had been claimed for a model family that is scored here."


def test_every_reason_of_a_verdict_has_words():
    every = (*REASON_IN_WORDS.values(), *CAUTION_IN_WORDS.values())
    assert all(words and not words.endswith(".") for words in every)
