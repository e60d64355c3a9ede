"""Planted truth must be found on a design that can tell, and left open on one that can't."""

import pytest
from planted import LU_LIKE, RICH, RIGHT, judge_study

from toolkit.fit.sampling import FitSettings
from toolkit.verdict.gates import Outcome

REDUCED = FitSettings(draws=1000, tune=700, chains=2, target_accept=0.9, random_seed=11)
FULL = FitSettings(draws=8000, tune=1000, chains=4, target_accept=0.95, random_seed=0)
SLOW_SEEDS = (21, 22)


def right_attribution(judged):
    """Whether the parts of the change to the published arm fit the planted truth."""
    parts = judged.parts
    if judged.task.truth == "few-shot only":
        return parts["few_shot"] > 0.1 > abs(parts["instruction_tuning"])
    return parts["instruction_tuning"] > 0.1 > abs(parts["few_shot"])


def lines(judged):
    return "\n".join(each.line for each in judged)


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    return judge_study(RICH, 1, REDUCED, tmp_path_factory.mktemp("cache"), rivals=False)


def test_rich_design_judges_no_planted_truth_wrongly(rich):
    for each in rich:
        allowed = {RIGHT[each.task.truth], Outcome.UNDETERMINED}
        assert each.verdict.outcome in allowed, lines(rich)


def test_rich_design_posterior_points_to_the_planted_truth(rich):
    for each in rich:
        controlled = each.verdict.estimates["p_residual_jump"].median
        published = each.verdict.estimates["p_published_jump"].median
        assert (controlled > 0.5) == (each.task.truth == "all arms"), lines(rich)
        assert (published > 0.5) == (each.task.truth != "none"), lines(rich)


def test_rich_design_attributes_to_the_planted_factor(rich):
    single = [each for each in rich if each.task.truth.endswith("only")]
    assert all(right_attribution(each) for each in single), lines(rich)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_rich_design_judges_planted_truths_right(tmp_path):
    judged = [
        each
        for seed in SLOW_SEEDS
        for each in judge_study(
            RICH, 2, FitSettings(**{**vars(FULL), "random_seed": seed}), tmp_path
        )
    ]
    right = [each.verdict.outcome is RIGHT[each.task.truth] for each in judged]
    assert all(
        each.verdict.outcome in {RIGHT[each.task.truth], Outcome.UNDETERMINED} for each in judged
    ), lines(judged)
    assert sum(right) >= 0.8 * len(right), lines(judged)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_smooth_few_shot_gain_is_never_called_a_jump(tmp_path):
    judged = judge_study(RICH, 4, FULL, tmp_path, ("none", "smooth few-shot gain"))
    for each in judged:
        allowed = {Outcome.NO_JUMP, Outcome.UNDETERMINED}
        assert each.verdict.outcome in allowed, lines(judged)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_lu_like_design_leaves_planted_truths_undetermined(tmp_path):
    judged = judge_study(LU_LIKE, 2, FULL, tmp_path)
    undetermined = [each.verdict.outcome is Outcome.UNDETERMINED for each in judged]
    assert sum(undetermined) >= 0.75 * len(undetermined), lines(judged)
    for each in judged:
        codes = {reason.code for reason in each.verdict.reasons}
        assert {"ONE_SIDED", "WIDE_GAP"} & codes, lines(judged)
