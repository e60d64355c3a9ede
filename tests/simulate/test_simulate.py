"""Simulated studies: reproducible, valid tables whose steps lie where they were planted."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from toolkit.simulate import (
    LU_LIKE,
    RICH,
    TRUTHS,
    PlantedTask,
    planted_claim,
    simulate_study,
)
from toolkit.study.claims import ARMS
from toolkit.verdict.gates import GAP_MAX_DECADES, in_arm

STEP_AT, HEIGHT = 5e9, 0.25
CEILING = 0.98
MANY_ITEMS = dataclasses.replace(RICH, n_items=10_000_000)


class Expectation:
    """A generator whose counts are expectations: what is left is the truth of a table."""

    def __init__(self, seed):
        self.normal = np.random.default_rng(seed).normal

    def binomial(self, n, p):
        return round(n * p)


def simulated(truth, height=HEIGHT, design=MANY_ITEMS, rng=None):
    task = PlantedTask("t", truth, STEP_AT, height)
    return simulate_study(design, [task], rng or Expectation(1)).frame


@pytest.mark.parametrize("design", [RICH, LU_LIKE], ids=["rich", "as in Lu et al."])
def test_study_same_seed_gives_the_same_table(design):
    seeded = (np.random.default_rng(1), np.random.default_rng(1))
    first, again = (simulated("all arms", design=design, rng=rng) for rng in seeded)
    pd.testing.assert_frame_equal(first, again)


def test_study_other_seed_gives_another_table():
    one, two = np.random.default_rng(1), np.random.default_rng(2)
    assert not simulated("none", rng=one).equals(simulated("none", rng=two))


def test_study_has_every_checkpoint_in_every_arm(rng):
    frame = simulated("none", design=RICH, rng=rng)
    assert len(frame) == 20 * 2 * 2
    assert [len(in_arm(frame, arm)) for arm in ARMS] == [20, 20, 20, 20]
    tuned = frame[frame["instruction_tuned"]]
    assert (tuned["checkpoint"] == tuned["base_checkpoint"] + "-tuned").all()


def test_score_is_the_share_of_items(rng):
    frame = simulated("none", design=RICH, rng=rng)
    assert np.allclose(frame["score"], frame["n_correct"] / frame["n_items"], atol=1e-12)


def test_score_of_small_checkpoints_is_at_chance():
    frame = simulated("none")
    assert (frame["score"] > 0.25).all()
    assert frame.loc[frame["n_params"] < 2e8, "score"].max() < 0.32


@pytest.mark.parametrize("truth", TRUTHS)
def test_step_lies_only_in_the_stepping_arms_and_above_its_place(truth):
    task = PlantedTask("t", truth, STEP_AT, HEIGHT)
    frame, flat = simulated(truth), simulated(truth, height=0.0)["score"]
    lifted = frame["score"] - flat
    for arm in ARMS:
        of_arm = in_arm(frame, arm)
        above = of_arm["n_params"] >= STEP_AT
        room = np.minimum(HEIGHT, CEILING - flat[of_arm.index])
        expected = room.where(above, 0.0) if arm in task.stepping_arms else 0.0
        assert np.allclose(lifted[of_arm.index], expected, atol=1e-6)
        assert above.sum() == 8


@pytest.mark.parametrize(
    ("truth", "labels"),
    [
        ("none", []),
        ("all arms", [arm.label for arm in ARMS]),
        ("few-shot only", ["few-shot, base", "few-shot, instruction-tuned"]),
        ("instruction tuning only",
         ["zero-shot, instruction-tuned", "few-shot, instruction-tuned"]),
        ("both only", ["few-shot, instruction-tuned"]),
    ],
)  # fmt: skip
def test_stepping_arms_are_those_of_the_truth(truth, labels):
    assert [arm.label for arm in PlantedTask("t", truth, STEP_AT).stepping_arms] == labels


def test_step_higher_than_the_room_stops_below_one():
    frame = simulated("all arms", height=0.9)
    assert frame["score"].max() == pytest.approx(CEILING, abs=1e-6)


def test_rich_design_has_no_gap_above_half_a_decade():
    sizes = np.sort(np.log10([size for sizes in RICH.sizes.values() for size in sizes]))
    assert np.diff(sizes).max() <= GAP_MAX_DECADES
    assert len(np.unique(sizes)) == 20


def test_lu_like_design_has_the_gap_of_the_published_sizes():
    sizes = np.sort(np.log10([size for sizes in LU_LIKE.sizes.values() for size in sizes]))
    assert np.diff(sizes).max() == pytest.approx(np.log10(1.75e11 / 6.7e9))


def test_planted_claim_names_the_fully_elicited_arm_and_the_place():
    claim = planted_claim(PlantedTask("t", "none", STEP_AT))
    assert (claim.task, claim.published_arm) == ("t", "few-shot, instruction-tuned")
    assert claim.threshold_n_params == STEP_AT


def test_wide_step_rises_over_its_width():
    task = PlantedTask("t", "all arms", STEP_AT, 0.4, step_width=1.0)
    arm = ARMS[0]
    lifts = [task.lifted(0.3, STEP_AT * 10**beyond, arm) - 0.3 for beyond in (-0.5, 0, 0.5)]
    assert lifts == pytest.approx([0.04, 0.2, 0.36], abs=1e-6)


def test_families_trained_on_the_task_score_higher_on_it_only():
    plain = PlantedTask("t", "none", STEP_AT)
    trained = dataclasses.replace(plain, trained_families=("maple",), trained_shift=1.0)
    frames = [simulate_study(MANY_ITEMS, [task], Expectation(1)).frame for task in (plain, trained)]
    gain = frames[1]["score"] - frames[0]["score"]
    own = frames[0]["lm_family"] == "maple"
    assert (gain[own] > 0.01).any()
    assert gain[~own].abs().max() == 0


def test_training_runs_of_two_kinds_succeed_or_fail_as_a_whole(rng):
    task = PlantedTask("t", "none", STEP_AT, midpoint=STEP_AT, modes=(0.05, 0.6))
    design = dataclasses.replace(RICH, n_items=100_000)
    frame = simulate_study(design, [task], rng).frame
    share = (frame["score"] - 0.25) / 0.75
    assert (np.isclose(share, 0.05, atol=0.01) | np.isclose(share, 0.6, atol=0.01)).all()
    success = share > 0.3
    base = frame["base_checkpoint"].fillna(frame["checkpoint"])
    # Tuning and demonstrations may help a run over the edge, never back.
    few = frame["n_shots"] > 0
    assert set(base[success & ~few]) <= set(base[success])
    by_size = success.groupby(frame["n_params"] > STEP_AT).mean()
    assert by_size[True] > by_size[False]


def test_families_of_another_recipe_are_shifted():
    design = dataclasses.replace(MANY_ITEMS, family_shift={"maple": 1.0})
    task = PlantedTask("t", "none", STEP_AT)
    plain, shifted = (simulate_study(d, [task], Expectation(1)).frame for d in (MANY_ITEMS, design))
    own = plain["lm_family"] == "maple"
    assert (shifted.loc[own, "score"] > plain.loc[own, "score"]).all()
    assert np.allclose(shifted.loc[~own, "score"], plain.loc[~own, "score"])


def test_repeats_are_near_copies_of_the_same_items(rng):
    design = dataclasses.replace(RICH, n_items=200, n_repeats=3)
    frame = simulate_study(design, [PlantedTask("t", "none", STEP_AT)], rng).frame
    assert set(frame["n_repeats"]) == {3}
    p = frame["score"]
    # Independent runs would differ by the binomial error.
    assert (frame["repeat_sd"].mean() / np.sqrt(p * (1 - p) / 200).mean()) < 0.5
    assert (frame["n_correct"] - 200 * p).abs().max() <= 0.5 + 1e-9
