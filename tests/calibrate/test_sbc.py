"""Ranks of true values: uniform where they should be, and told apart where they are not."""

import numpy as np
import pytest

from toolkit.calibrate import sbc
from toolkit.calibrate.sbc import N_RANKED, judge_ranks, rank_truth, run_sbc, sbc_design
from toolkit.fit.sampling import FitSettings

QUANTITIES = {
    "jump, zero-shot, base", "jump, few-shot, instruction-tuned", "place of the jump",
    "number of jumps that remain", "share of tasks with a jump", "share of these in an arm",
    "joint log-likelihood",
}  # fmt: skip


def lines_of(ranks):
    return [{"ranks": {"q": int(rank)}} for rank in ranks]


def test_uniform_ranks_stay_in_their_band():
    ranks = np.random.default_rng(4).integers(0, N_RANKED + 1, 200)
    [found] = judge_ranks(lines_of(ranks))
    assert found.inside is True
    assert found.n == 200
    assert {"pit", "difference", "low", "high"} == set(found.curve)


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (2, 2), (0.5, 0.5)])
def test_biased_or_wrongly_wide_posteriors_leave_the_band(shape):
    ranks = np.floor(np.random.default_rng(4).beta(*shape, 200) * (N_RANKED + 1))
    assert judge_ranks(lines_of(ranks))[0].inside is False


def test_few_ranks_are_not_judged():
    assert judge_ranks(lines_of([1, 2, 3]))[0].inside is None
    assert judge_ranks([]) == []


def test_ranks_of_equals_are_drawn_among_them():
    rng = np.random.default_rng(2)
    ranks = [sbc._rank(0.0, np.zeros(N_RANKED), rng) for _ in range(2000)]
    assert min(ranks) == 0
    assert max(ranks) == N_RANKED
    assert np.mean(ranks) == pytest.approx(N_RANKED / 2, abs=2.5)
    assert sbc._rank(1.0, np.array([0.0, 2.0]), rng) == 1


def test_fits_that_are_kept_are_not_made_again(tmp_path, monkeypatch):
    made = []

    def stub(design, settings):
        made.append(settings.random_seed)
        return {"seed": settings.random_seed, "passed": True, "ranks": {"q": 1}}

    monkeypatch.setattr(sbc, "rank_truth", stub)
    settings = FitSettings(10, 10, 2, 0.9, 5)
    assert len(run_sbc(2, settings, tmp_path / "sbc.jsonl")) == 2
    assert [line["seed"] for line in run_sbc(3, settings, tmp_path / "sbc.jsonl")] == [5, 6, 7]
    assert made == [5, 6, 7]
    # All that are kept count, whatever was asked for; those that other code made do not.
    assert len(run_sbc(0, settings, tmp_path / "sbc.jsonl")) == 3
    monkeypatch.setattr(sbc, "code_of", lambda module: module.__name__)
    assert run_sbc(0, settings, tmp_path / "sbc.jsonl") == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ranks_of_the_main_model_are_uniform(tmp_path):
    settings = FitSettings(500, 500, 4, 0.95, 100)
    found = judge_ranks(run_sbc(100, settings, tmp_path / "sbc.jsonl"))
    assert {each.quantity for each in found} == QUANTITIES
    assert all(each.inside for each in found), [(e.quantity, e.largest_difference) for e in found]


def test_one_fit_gives_a_rank_of_every_quantity():
    settings = FitSettings(60, 60, 2, 0.9, 3)
    found = rank_truth(sbc_design(), settings)
    assert set(found["ranks"]) == QUANTITIES
    assert all(0 <= rank <= N_RANKED for rank in found["ranks"].values())
