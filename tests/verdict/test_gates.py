"""Each gate on both sides of its threshold, and what would open it."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from toolkit.estimands.estimate import SURE
from toolkit.simulate import PlantedTask, planted_claim
from toolkit.study.claims import ARMS
from toolkit.verdict.gates import (
    CAUTION,
    DECIDED,
    GAP_MAX_DECADES,
    SIZES_MIN,
    Outcome,
    _floor_gate,
    design_gates,
    detectable_difference,
    gap_around,
    in_arm,
    is_resolvable,
    sizes_to_add,
)

THRESHOLD = 1e9
SIZES = [8.0, 8.4, 8.8, 9.2, 9.6, 10.0]  # three on each side, gaps of 0.4 decades


def claim(**changes):
    task = PlantedTask("t", "none", THRESHOLD)
    return dataclasses.replace(planted_claim(task), **changes)


def cells(sizes=SIZES, n_items=2000, share=0.6, chance=0.25, few_shot=(0, 5), families=("a", "b")):
    """Return the cells of every size in every arm, all with the same share of items right."""
    rows = [
        {
            "checkpoint": f"{size}-{tuned}",
            "lm_family": families[i % len(families)],
            "n_params": 10**size,
            "instruction_tuned": tuned,
            "n_shots": shots,
            "n_items": n_items,
            "n_correct": round(share * n_items),
            "score": share,
            "score_se": np.nan,
            "chance": chance,
        }
        for i, size in enumerate(sizes)
        for tuned in (False, True)
        for shots in few_shot
    ]
    return pd.DataFrame(rows)


def closed(of_cells, of_claim=None):
    return sorted({g.code for g in design_gates(of_claim or claim(), of_cells) if not g.open})


def test_gates_of_a_good_design_are_all_open():
    gates = design_gates(claim(), cells())
    assert [g.code for g in gates if not g.open] == []
    assert len(gates) == 3 + 3 + 5  # sizes in two arms, then the others


@pytest.mark.parametrize(
    ("sizes", "codes"),
    [
        ([8.4, 8.8, 9.2, 9.6, 10.0, 10.4], []),
        ([8.4, 8.8, 9.2, 9.6, 10.0], ["FEW_SIZES"]),
        ([8.0, 8.4, 9.2, 9.6, 10.0, 10.4], ["WIDE_GAP"]),
        ([8.3, 8.7, 9.2, 9.6, 10.0, 10.4], []),
        ([8.3, 8.69, 9.2, 9.6, 10.0, 10.4], ["WIDE_GAP"]),
        ([8.8, 9.2, 9.6, 10.0, 10.4, 10.8], ["ONE_SIDED"]),
        ([7.2, 7.6, 8.0, 8.4, 8.8, 9.2], ["ONE_RECIPE", "ONE_SIDED"]),
    ],
    ids=["good", "five", "0.8 decades", "0.5 decades", "0.51 decades", "one below", "one above"],
)
def test_size_gates_close_at_their_thresholds(sizes, codes):
    assert closed(cells(sizes)) == codes


def test_threshold_on_a_size_counts_that_size_as_above():
    sizes = [8.0, 8.5, 9.0, 9.5, 10.0, 10.5]
    one_sided = [g for g in design_gates(claim(), cells(sizes)) if g.code == "ONE_SIDED"]
    assert one_sided[0].finding.startswith("2 sizes below and 4 at or above 1B")


def test_missing_arm_closes_and_forbids_every_decision():
    without = design_gates(claim(), cells(few_shot=(0,)))
    missing = [g for g in without if g.code == "MISSING_ARM"]
    assert [g.open for g in missing] == [False]
    assert missing[0].forbids == DECIDED
    assert "few-shot, instruction-tuned" in missing[0].finding


def test_controlled_arm_as_published_arm_is_looked_at_once():
    codes = [g.code for g in design_gates(claim(published_arm=ARMS[0].label), cells())]
    assert codes.count("FEW_SIZES") == 1


@pytest.mark.parametrize(("share", "codes"), [(0.31, []), (0.30, ["AT_FLOOR"])])
def test_floor_gate_needs_a_cell_surely_above_chance_plus_rope(share, codes):
    # 100,000 items: the posterior is narrow around the share
    assert closed(cells(n_items=100_000, share=share)) == codes


@pytest.mark.parametrize(("n_correct", "is_open"), [(41, False), (45, True)])
def test_floor_gate_is_sure_over_all_cells_together(n_correct, is_open):
    # One cell of many at chance, 0.25, looks high by accident: 41 of 100 is above 0.30 with 0.987.
    many = cells(n_items=100, share=0.25)
    one = many.index[0]
    high = many.assign(n_correct=many["n_correct"].where(many.index != one, n_correct))
    assert stats.beta.sf(0.30, 41.5, 59.5) > 0.98
    assert ("AT_FLOOR" not in closed(high)) is is_open


@pytest.mark.parametrize(("n_cells", "level", "opened"), [(1, 0.95, 0.084), (32, 0.9984, 0.001)])
def test_floor_gate_hardly_opens_where_all_cells_are_at_chance(n_cells, level, opened):
    """Binomial: of 32 cells of 100 items at 0.25; level is what one cell was and is asked for."""
    right = np.arange(101)
    least = right[stats.beta.sf(0.30, right + 0.5, 100.5 - right) > 1 - (1 - SURE) / n_cells].min()
    assert level == pytest.approx(1 - (1 - SURE) / n_cells, abs=1e-4)
    assert 1 - stats.binom.cdf(least - 1, 100, 0.25) ** 32 == pytest.approx(opened, abs=0.001)
    if n_cells == 32:  # what the gate asks for
        one = cells(n_items=100, share=0.25).iloc[:1]
        many = pd.concat([one] * 32, ignore_index=True)
        for n_correct, is_open in ((least - 1, False), (least, True)):
            counts = many["n_correct"].where(many.index > 0, n_correct)
            assert _floor_gate(many.assign(n_correct=counts)).open is is_open


def test_floor_gate_of_scores_without_counts_looks_at_the_score():
    without = cells().assign(n_correct=np.nan, score=0.6, score_se=0.01)
    assert "AT_FLOOR" not in closed(without)


def test_control_gate_closes_with_a_caveat_and_leaves_no_jump_open():
    gate = next(
        g
        for g in design_gates(claim(control_caveat="prompts hold examples"), cells())
        if g.code == "CONTROL_NOT_CLEAN"
    )
    assert not gate.open
    assert gate.finding == "prompts hold examples"
    assert Outcome.NO_JUMP not in gate.forbids


def test_detectable_difference_is_as_by_hand():
    assert detectable_difference(200, 0.5) == pytest.approx(2.487 * 0.05)


@pytest.mark.parametrize(("n_items", "codes"), [(260, []), (259, ["FEW_ITEMS"])])
def test_items_gate_closes_below_its_number(n_items, codes):
    # p = 0.3: (2.487 / 0.1)^2 * 2 * 0.3 * 0.7 = 259.8 items
    assert closed(cells(n_items=n_items)) == codes


def test_items_gate_names_enough_items():
    few = next(g for g in design_gates(claim(), cells(n_items=40)) if g.code == "FEW_ITEMS")
    wanted = int(few.remedy.split()[-2])
    assert "FEW_ITEMS" not in closed(cells(n_items=wanted))
    assert few.forbids == CAUTION


@pytest.mark.parametrize(("n_below", "codes"), [(2, []), (3, ["BELOW_CHANCE"])])
def test_below_chance_gate_closes_above_a_tenth_of_the_cells(n_below, codes):
    table = cells()  # 24 cells: 2 are 8 %, 3 are 12.5 %
    table.loc[: n_below - 1, "n_correct"] = 100
    assert closed(table) == codes


@pytest.mark.parametrize(("families", "codes"), [(("a", "b"), []), (("a",), ["ONE_RECIPE"])])
def test_confounding_gate_closes_with_one_family_above(families, codes):
    assert closed(cells(families=families)) == codes


def test_confounding_gate_looks_at_base_checkpoints_at_or_above_the_threshold():
    table = cells()
    table["lm_family"] = np.where(table["n_params"] < THRESHOLD, "a", "b")
    assert closed(table) == ["ONE_RECIPE"]


@pytest.mark.parametrize("arm", ARMS, ids=[arm.label for arm in ARMS])
def test_in_arm_gives_the_cells_of_that_arm(arm):
    table = in_arm(cells(), arm)
    assert len(table) == len(SIZES)
    assert (table["instruction_tuned"] == arm.instruction_tuned).all()
    assert ((table["n_shots"] > 0) == arm.few_shot).all()


@pytest.mark.parametrize(
    ("threshold", "gap"),
    [
        (9.0, (8.8, 9.2)),
        (9.2, (8.8, 9.2)),
        (9.2 + 1e-6, (9.2, 9.6)),
        (math.log10(10**9.2), (8.8, 9.2)),
        (8.0, (8.0, 8.4)),
        (7.0, (8.0, 8.4)),
        (10.0, (9.6, 10.0)),
        (11.0, (9.6, 10.0)),
    ],
)
def test_gap_around_ties_and_ends(threshold, gap):
    assert gap_around(np.array(SIZES), threshold) == gap


def test_threshold_beyond_the_largest_size_is_one_sided():
    beyond = claim(threshold_n_params=10**11.0)
    one_sided = [g for g in design_gates(beyond, cells()) if g.code == "ONE_SIDED"]
    assert not any(g.open for g in one_sided)
    assert one_sided[0].finding.startswith("6 sizes below and 0 at or above 100B")


def test_threshold_below_the_smallest_size_is_one_sided():
    below = claim(threshold_n_params=10**7.0)
    one_sided = [g for g in design_gates(below, cells()) if g.code == "ONE_SIDED"]
    assert not any(g.open for g in one_sided)
    assert one_sided[0].finding.startswith("0 sizes below and 6 at or above 10M")


def after_adding(sizes, threshold):
    """Return the sizes with those that were asked for, and the gap around the threshold."""
    added = sizes_to_add(np.array(sizes), threshold)
    together = np.array(sorted([*sizes, *added]))
    return added, together, gap_around(together, threshold)


# As the gates see them: log10 of a number of parameters.
parameters = st.floats(7, 12).map(lambda size: math.log10(round(10**size)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(parameters, min_size=2, max_size=9, unique_by=lambda s: round(s, 2)).map(sorted),
    st.floats(0, 1),
)
@example([8.0, 9.0, 10.0], 0.5)
@example([7.3, 8.3, 9.3], 0.6)
def test_sizes_to_add_inside_the_range_make_the_threshold_resolvable(sizes, at):
    threshold = sizes[0] + at * (sizes[-1] - sizes[0])
    _, together, (low, high) = after_adding(sizes, threshold)
    assert low < threshold <= high + 1e-9
    assert is_resolvable(together, low, high)
    assert len(together) >= SIZES_MIN


@settings(max_examples=200, deadline=None)
@given(
    st.lists(parameters, min_size=2, max_size=9, unique_by=lambda s: round(s, 2)).map(sorted),
    st.floats(0.1, 4),
    st.booleans(),
)
def test_sizes_to_add_beyond_the_ends_make_the_threshold_resolvable(sizes, beyond, above):
    threshold = sizes[-1] + beyond if above else sizes[0] - beyond
    _, together, (low, high) = after_adding(sizes, threshold)
    assert low < threshold <= high + 1e-9
    assert is_resolvable(together, low, high)


def test_sizes_to_add_to_a_resolvable_design_are_none():
    assert sizes_to_add(np.array(SIZES), 9.0) == []


def test_sizes_to_add_to_lu2024_are_the_fewest():
    # Base GPT and T5 sizes of most tasks; the threshold lies on the largest. One size half a
    # decade below it narrows the gap, one above it makes the second side.
    sizes = np.log10([6e7, 1.17e8, 7.7e8, 1.6e9, 6.7e9, 1.75e11])
    added, together, gap = after_adding(sizes, math.log10(1.75e11))
    assert is_resolvable(together, *gap)
    assert len(added) == 2


def test_is_resolvable_at_half_a_decade():
    sizes = np.array([8.0, 8.5, 9.0, 9.5])
    assert is_resolvable(sizes, 8.5, 9.0)
    assert not is_resolvable(sizes, 8.0, 8.5)
    assert not is_resolvable(np.array([8.0, 8.5, 9.1, 9.5]), 8.5, 9.1)
    assert GAP_MAX_DECADES == 0.5
